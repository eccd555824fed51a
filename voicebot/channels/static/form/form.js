// The clinic's contact form for any page: <div data-voicebot-form></div> <script src="https://.../contact/form.js" defer></script>
"use strict";

(() => {
  const base = new URL(".", document.currentScript.src).href;
  const FIELDS = ["name", "phone", "message", "consent"];

  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };

  const built = () => {
    const wrong = Object.fromEntries(FIELDS.map((name) => [name, element("span", { class: "wrong" })]));
    const consentText = element("span");
    const told = element("p", { class: "told", role: "status", tabindex: "-1" });
    const form = element(
      "form",
      { novalidate: "" },
      element("label", {}, "Имя ", element("input", { name: "name", maxlength: "100", autocomplete: "name" }), wrong.name),
      element("label", {}, "Телефон ", element("input", { name: "phone", type: "tel", maxlength: "30", autocomplete: "tel", placeholder: "+7 912 345-67-89" }), wrong.phone),
      element("label", {}, "Сообщение ", element("textarea", { name: "message", maxlength: "2000" }), wrong.message),
      element("div", { class: "unseen", "aria-hidden": "true" }, element("label", {}, "Не заполняйте это поле ", element("input", { name: "website", tabindex: "-1", autocomplete: "off" }))),
      element("label", { class: "consent" }, element("input", { type: "checkbox", name: "consent" }), element("span", {}, consentText, wrong.consent)),
      element("button", {}, "Отправить"),
    );
    return { form, told, wrong, consentText };
  };

  const put = async (place) => {
    const root = place.attachShadow({ mode: "open" });
    const { form, told, wrong, consentText } = built();
    const box = element("div", { class: "voicebot-form" }, told, form);
    root.append(element("link", { rel: "stylesheet", href: `${base}form.css` }), box);
    let token = "";

    const tell = (words, isBad) => {
      told.textContent = words;
      told.classList.toggle("bad", isBad);
      told.setAttribute("role", isBad ? "alert" : "status");
    };
    const open = async () => {
      const answer = await fetch(`${base}token`);
      const values = await answer.json();
      if (!answer.ok) throw new Error(values.message);
      token = values.token;
      consentText.replaceChildren(`${values.consent} `);
      if (/^https?:/.test(values.policy_url)) consentText.append(element("a", { href: values.policy_url, target: "_blank", rel: "noopener" }, "Политика обработки данных"));
    };

    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      tell("", false);
      try {
        if (!token) await open();
        const fields = { ...Object.fromEntries(new FormData(form)), consent: form.elements.consent.checked, token };
        const answer = await fetch(base.replace(/\/$/, ""), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(fields) });
        const values = await answer.json();
        for (const name of FIELDS) wrong[name].textContent = values.fields?.[name] ?? "";
        tell(values.message, !values.accepted);
        if (values.accepted) form.remove();
        else if (![422, 429, 503].includes(answer.status)) await open().catch(() => {});
        told.focus();
      } catch {
        tell("Нет связи: сообщение не отправлено. Повторите.", true);
      } finally {
        button.disabled = false;
      }
    });
    await open().catch((error) => tell(error.message || "Форма сейчас недоступна.", true));
  };

  const start = () => document.querySelectorAll("[data-voicebot-form]").forEach((place) => place.shadowRoot ?? put(place));
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
