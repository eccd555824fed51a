// The operator's keys. Each button, link, field or form that has one names it in data-key, as KeyboardEvent.code: so that it
// is the same key in the Russian and the Latin layout. They can be switched off (WCAG 2.1, 2.1.4).
"use strict";

(() => {
  const STORED = "voicebot-keys-off";
  const isOff = () => localStorage.getItem(STORED) === "1";
  const isTyping = (element) => element.closest("input:not([type=checkbox], [type=radio]), select, textarea, [contenteditable]") !== null;

  // A form, or a field: the cursor goes there. A link or a button: it is pressed; what asks first, asks.
  const use = (element) => {
    const field = element.matches("form") ? element.querySelector("[data-first]") ?? element : element;
    if (field.matches("a, button")) {
      field.focus();
      field.click();
    } else {
      field.scrollIntoView({ block: "nearest" });
      field.focus();
      field.select?.();
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isTyping(event.target)) return event.target.blur();
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || isOff() || isTyping(event.target)) return;
    if (event.shiftKey && event.code !== "Slash") return;
    const found = document.querySelector(`[data-key="${CSS.escape(event.code)}"]`);
    if (found) {
      event.preventDefault();
      use(found);
    } else if (event.code === "Slash") {
      event.preventDefault();
      location.assign("/operator");
    }
  });

  // A patient of this number: the names go into the form.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-fill]");
    if (!button) return;
    for (const [name, value] of Object.entries(JSON.parse(button.dataset.fill))) {
      if (value) button.form.elements[name].value = value;
    }
    button.form.elements.surname.focus();
  });

  const box = document.getElementById("keys-on");
  if (box) {
    box.checked = !isOff();
    box.addEventListener("change", () => localStorage.setItem(STORED, box.checked ? "" : "1"));
  }
})();
