// An operator writes to a patient: Enter sends, Shift+Enter begins a line; what could not be sent stays and can be sent again.
"use strict";

(() => {
  const form = document.getElementById("reply");
  const title = document.title;
  const state = () => document.getElementById("chat-state");

  // A patient has written while this page was out of sight.
  let seen = state()?.dataset.last ?? "";
  const noticed = () => {
    const last = state()?.dataset.last ?? "";
    if (last && last !== seen && document.hidden) document.title = `(новое) ${title}`;
    seen = last;
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) document.title = title;
  });

  if (!form) {
    document.addEventListener("htmx:after:swap", noticed);
    return;
  }
  const field = form.elements.text;
  const button = form.querySelector("button:not([type=button])");
  const problem = document.getElementById("chat-problem");
  const newKey = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const tell = (words) => {
    problem.textContent = words;
    problem.hidden = !words;
  };

  // Somebody else has it now, or it is over: what was typed stays to be read, but goes nowhere.
  const check = () => {
    noticed();
    const now = state();
    if (!now) return;
    const isOver = now.dataset.over === "yes";
    const isMine = now.dataset.takenBy === form.parentElement.dataset.who;
    button.disabled = isOver || !isMine;
    if (isOver) tell("Разговор закончен.");
    else if (!isMine) tell(now.dataset.takenBy ? `Разговор ведёт ${now.dataset.takenBy}.` : "Разговор больше не ваш: обновите страницу.");
  };
  document.addEventListener("htmx:after:swap", check);

  let isSending = false;
  const send = async () => {
    if (isSending || button.disabled || !field.value.trim()) return;
    isSending = true;
    const text = field.value;
    tell("");
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        headers: { accept: "application/json" },
        body: new URLSearchParams(new FormData(form)),
      });
      if (answer.status === 401) return location.assign("/login?next=" + encodeURIComponent(location.pathname));
      if (!answer.ok) {
        const told = await answer.json().catch(() => ({}));
        return tell(told.detail ?? "Не отправлено. Повторите.");
      }
      // The next message gets a key of its own; one that failed keeps its key, so that it cannot arrive twice.
      form.elements.key.value = newKey();
      field.value = field.value === text ? "" : field.value;
    } catch {
      tell("Нет связи: сообщение не отправлено. Повторите.");
    } finally {
      isSending = false;
      field.focus();
    }
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  form.addEventListener("click", (event) => {
    const phrase = event.target.closest("[data-phrase]")?.dataset.phrase;
    if (phrase === undefined) return;
    field.setRangeText(phrase, field.selectionStart, field.selectionEnd, "end");
    field.focus();
  });
  check();
})();
