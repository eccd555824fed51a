/* The chat on a clinic's page: one script tag, nothing from other hosts, no styles or markup of the page touched.
   <script src="https://chat.example.ru/widget.js" async></script>
   Attributes of the tag: data-accent (a colour, #0b6e63), data-side ("left"), data-open (opened at once). */
(() => {
  "use strict";
  const script = document.currentScript;
  if (!script || window.__voicebotChat) return;
  window.__voicebotChat = true;

  const base = new URL(".", script.src).href;
  const TOKEN = "voicebot-chat-token";
  const OPEN = "voicebot-chat-open";
  const PING_MS = 30000;
  const FIRST_PAUSE_MS = 500;
  const LONGEST_PAUSE_MS = 30000;
  const LONGEST_TEXT = 1000;

  /* ---- what is kept between pages: only a secret number, no words ---- */

  const memory = new Map();
  const store = {
    get(area, key) {
      try { return window[area].getItem(key); } catch { return memory.get(key) ?? null; }
    },
    set(area, key, value) {
      memory.set(key, value);
      try { window[area].setItem(key, value); } catch { /* private browsing: this page only */ }
    },
  };

  function newToken() {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  function token() {
    let known = store.get("localStorage", TOKEN);
    if (!known || !/^[A-Za-z0-9_-]{43}$/.test(known)) {
      known = newToken();
      store.set("localStorage", TOKEN, known);
    }
    return known;
  }

  function newId() {
    return Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  /* ---- the look, inside a shadow: the page's CSS does not reach it, nor this the page ---- */

  const accent = /^#[0-9a-f]{6}$/i.test(script.dataset.accent ?? "") ? script.dataset.accent : "#0b6e63";
  const side = script.dataset.side === "left" ? "left" : "right";
  const CSS = `
    :host { all: initial; position: fixed; z-index: 2147483000; bottom: 0; ${side}: 0; }
    *, *::before, *::after { box-sizing: border-box; }
    .root { font: 16px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif; color: #17211f; }
    button { font: inherit; cursor: pointer; }
    button:focus-visible, textarea:focus-visible, a:focus-visible, .log:focus-visible {
      outline: 3px solid #1d4ed8; outline-offset: 2px; }
    .launch { position: fixed; bottom: 20px; ${side}: 20px; height: 56px; min-width: 56px; padding: 0 22px; border: 0;
      border-radius: 28px; background: ${accent}; color: #fff; font-weight: 600; box-shadow: 0 4px 16px #0005; }
    .launch .dot { display: none; position: absolute; top: 4px; ${side === "left" ? "right" : "right"}: 6px; width: 14px; height: 14px;
      border-radius: 7px; background: #c2261b; border: 2px solid #fff; }
    .launch.unread .dot { display: block; }
    .panel { position: fixed; bottom: 20px; ${side}: 20px; width: 384px; height: min(640px, calc(100dvh - 40px)); display: flex;
      flex-direction: column; background: #fff; border-radius: 16px; overflow: hidden; box-shadow: 0 8px 40px #0006; }
    [hidden] { display: none !important; }
    header { display: flex; align-items: center; gap: 8px; padding: 12px 8px 12px 16px; background: ${accent}; color: #fff; }
    h2 { margin: 0; flex: 1; font-size: 17px; font-weight: 600; overflow-wrap: anywhere; }
    .status { font-size: 13px; font-weight: 400; display: block; }
    header button { border: 0; background: transparent; color: #fff; min-width: 44px; min-height: 44px; border-radius: 8px;
      padding: 0 8px; font-size: 14px; }
    header button:hover { background: #0003; }
    header button:focus-visible { outline-color: #fff; outline-offset: -3px; }
    .log { flex: 1; overflow-y: auto; padding: 16px; display: flex; flex-direction: column; gap: 8px; background: #f4f7f6;
      overscroll-behavior: contain; }
    .line { max-width: 85%; padding: 9px 13px; border-radius: 14px; white-space: pre-wrap; overflow-wrap: anywhere; }
    .line.robot { background: #fff; border: 1px solid #d5dedc; align-self: flex-start; border-bottom-left-radius: 4px; }
    .line.operator { background: #fff6dc; border: 1px solid #e6d49a; align-self: flex-start; border-bottom-left-radius: 4px; }
    .line.patient { background: ${accent}; color: #fff; align-self: flex-end; border-bottom-right-radius: 4px; }
    .line.pending { opacity: .65; }
    .line.note { background: transparent; color: #4a5a57; font-size: 14px; align-self: center; text-align: center; }
    .line.failed { background: #fdecea; color: #8c1d14; border: 1px solid #e4a39d; align-self: flex-end; }
    .who { display: block; font-size: 12px; font-weight: 600; color: #6b5200; }
    .line.patient .who { color: #fff; }
    .picks { display: flex; flex-wrap: wrap; gap: 8px; padding: 4px 16px 12px; background: #f4f7f6; }
    .picks:empty { display: none; }
    .picks button { min-height: 44px; padding: 8px 14px; border-radius: 22px; border: 1.5px solid ${accent}; background: #fff;
      color: #0b4a43; text-align: left; overflow-wrap: anywhere; }
    .picks button:hover { background: #e6f2f0; }
    form { display: flex; align-items: flex-end; gap: 6px; padding: 10px; border-top: 1px solid #d5dedc; background: #fff; }
    textarea { flex: 1; min-width: 0; font: inherit; color: inherit; border: 1px solid #7d8c89; border-radius: 12px; padding: 10px 12px;
      resize: none; height: 46px; max-height: 120px; background: #fff; }
    textarea::placeholder { color: #5d6b68; }
    form button { min-width: 46px; height: 46px; border-radius: 12px; border: 0; background: ${accent}; color: #fff; padding: 0; }
    form button.plain { background: #e9efed; color: #17211f; }
    form button.recording { background: #c2261b; color: #fff; }
    svg { width: 22px; height: 22px; display: block; margin: auto; fill: currentColor; pointer-events: none; }
    .small { margin: 0; padding: 0 14px 10px; font-size: 12px; color: #4a5a57; background: #fff; }
    .small a { color: #0b4a43; }
    .typing { align-self: flex-start; padding: 6px 12px; color: #4a5a57; font-size: 14px; }
    .typing i { display: inline-block; width: 7px; height: 7px; margin-right: 4px; border-radius: 4px; background: #6d7b78;
      animation: blink 1.2s infinite; }
    .typing i:nth-child(2) { animation-delay: .2s; } .typing i:nth-child(3) { animation-delay: .4s; }
    @keyframes blink { 0%, 60%, 100% { opacity: .25; } 30% { opacity: 1; } }
    @media (prefers-reduced-motion: reduce) { * { animation: none !important; scroll-behavior: auto !important; } }
    @media (max-width: 480px) {
      .panel { inset: 0; width: 100%; height: 100dvh; border-radius: 0; }
      .launch { bottom: 12px; ${side}: 12px; } }
    @media (forced-colors: active) { .line, .picks button, form button, .launch { border: 1px solid; } }
    .sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
  `;

  const host = document.createElement("voicebot-chat");
  const shadow = host.attachShadow({ mode: "open" });
  try {
    const sheet = new CSSStyleSheet(); // no inline style: a strict Content-Security-Policy of the page allows it
    sheet.replaceSync(CSS);
    shadow.adoptedStyleSheets = [sheet];
  } catch {
    const style = document.createElement("style");
    style.textContent = CSS;
    shadow.append(style);
  }

  function make(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name in element && !name.startsWith("aria")) element[name] = value;
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  function icon(path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    const shape = document.createElementNS("http://www.w3.org/2000/svg", "path");
    shape.setAttribute("d", path);
    svg.append(shape);
    return svg;
  }

  const ICONS = {
    send: "M3 20.5v-7l9-1.5-9-1.5v-7L22 12z",
    voice: "M12 15a3.5 3.5 0 0 0 3.5-3.5v-6a3.5 3.5 0 0 0-7 0v6A3.5 3.5 0 0 0 12 15zm6.5-3.5a6.5 6.5 0 0 1-13 0h-2a8.5 8.5 0 0 0 7.5 8.4V23h2v-3.1a8.5 8.5 0 0 0 7.5-8.4z",
    stop: "M6 6h12v12H6z",
    close: "M18.3 4.3 12 10.6 5.7 4.3 4.3 5.7l6.3 6.3-6.3 6.3 1.4 1.4 6.3-6.3 6.3 6.3 1.4-1.4-6.3-6.3 6.3-6.3z",
  };

  const launch = make("button", { className: "launch", type: "button", "aria-expanded": "false" },
    "Чат с клиникой", make("span", { className: "dot", "aria-hidden": "true" }));
  const title = make("h2", { id: "title" }, "Чат клиники");
  const status = make("span", { className: "status" });
  status.setAttribute("role", "status");
  title.append(status);
  const human = make("button", { type: "button" }, "Оператор");
  human.setAttribute("aria-label", "Позвать оператора");
  const shut = make("button", { type: "button" }, icon(ICONS.close));
  shut.setAttribute("aria-label", "Свернуть чат");
  const log = make("div", { className: "log", tabIndex: 0 });
  log.setAttribute("role", "log");
  log.setAttribute("aria-live", "polite");
  log.setAttribute("aria-label", "Переписка");
  const picks = make("div", { className: "picks" });
  picks.setAttribute("role", "group");
  picks.setAttribute("aria-label", "Варианты ответа");
  const input = make("textarea", { rows: 1, maxLength: 4000, placeholder: "Напишите сообщение" });
  input.setAttribute("aria-label", "Сообщение");
  const voice = make("button", { type: "button", className: "plain", hidden: true }, icon(ICONS.voice));
  voice.setAttribute("aria-label", "Записать голосовое сообщение");
  const send = make("button", { type: "submit" }, icon(ICONS.send));
  send.setAttribute("aria-label", "Отправить");
  const form = make("form", { autocomplete: "off" }, input, voice, send);
  const small = make("p", { className: "small" });
  const panel = make("section", { className: "panel", hidden: true }, make("header", {}, title, human, shut), log, picks, form, small);
  panel.setAttribute("role", "dialog");
  panel.setAttribute("aria-labelledby", "title");
  const root = make("div", { className: "root", lang: "ru" }, launch, panel);
  shadow.append(root);

  /* ---- what is shown ---- */

  let welcome = null;
  let dialog = "";
  let version = 0;
  let mode = "over";
  let shown = new Set();
  const pending = new Map(); // message id -> { body, line }

  const WHO = { operator: "Оператор" };

  function atEnd() { return log.scrollHeight - log.scrollTop - log.clientHeight < 80; }
  function toEnd() { log.scrollTop = log.scrollHeight; }

  function showLine(who, text, extra = "") {
    const follow = atEnd() || who === "patient";
    const line = make("div", { className: `line ${who} ${extra}`.trim() });
    const label = { robot: "Робот: ", operator: "", patient: "Вы: " }[who];
    if (WHO[who]) line.append(make("span", { className: "who" }, WHO[who]));
    if (label) line.append(make("span", { className: "sr" }, label));
    line.append(text); // a text node: never HTML
    log.insertBefore(line, typing.isConnected ? typing : null);
    if (follow) toEnd();
    return line;
  }

  const typing = make("div", { className: "typing" }, make("i"), make("i"), make("i"), make("span", { className: "sr" }, "Ответ готовится"));

  function showTyping(is) {
    if (is && mode !== "operator" && mode !== "waiting") { log.append(typing); toEnd(); } else typing.remove();
  }

  function showPicks(buttons) {
    const hadFocus = picks.contains(shadow.activeElement);
    picks.replaceChildren();
    for (const { label, button } of buttons) {
      const one = make("button", { type: "button" }, label);
      one.addEventListener("click", () => {
        say(button === "" ? { t: "say", id: newId(), text: label } : { t: "press", id: newId(), button }, label);
        input.focus();
      });
      picks.append(one);
    }
    if (hadFocus) input.focus();
    requestAnimationFrame(toEnd);
  }

  function showMode() {
    const words = { waiting: "Ждём оператора", operator: "На связи оператор" };
    status.textContent = !transport.isUp ? "Соединяемся…" : words[mode] ?? "";
    human.hidden = mode === "waiting" || mode === "operator";
  }

  function showGreeting() {
    if (!welcome) return;
    showLine("robot", welcome.greeting);
    showPicks(welcome.suggestions.map((label) => ({ label, button: "" })));
  }

  function take(update) {
    if (update.is_whole) {
      if (update.version && update.version < version) return;
      log.setAttribute("aria-busy", "true");
      log.replaceChildren();
      shown = new Set();
      for (const id of update.done ?? []) pending.delete(id);
      if (!update.lines.length) showGreeting();
    }
    dialog = dialog || update.dialog;
    if (update.dialog && update.dialog !== dialog) {
      shown = new Set();
      dialog = update.dialog;
    }
    const mine = pending.get(update.to);
    if (mine) {
      mine.line?.classList.remove("pending");
      pending.delete(update.to);
    }
    showTyping(false);
    for (const { n, who, text } of update.lines) {
      if (n && shown.has(n)) continue;
      if (n) shown.add(n);
      showLine(who, text);
    }
    if (update.is_whole) {
      log.removeAttribute("aria-busy");
      for (const one of pending.values()) one.line = showLine("patient", one.text, "pending");
    }
    mode = update.mode;
    version = Math.max(version, update.version ?? 0);
    if (update.is_whole && !update.lines.length) { /* the greeting's suggestions stay */ } else showPicks(update.buttons);
    showMode();
    showTyping(pending.size > 0);
    if (panel.hidden && update.lines.some(({ who }) => who !== "patient") && !update.is_whole) launch.classList.add("unread");
  }

  function takeWelcome(message) {
    welcome = message;
    title.firstChild.textContent = message.title;
    panel.setAttribute("aria-label", message.title);
    small.replaceChildren(message.consent);
    if (/^https?:\/\//.test(message.privacy_url)) {
      small.append(" ", make("a", { href: message.privacy_url, target: "_blank", rel: "noopener noreferrer" }, "Подробнее"));
    }
    voice.hidden = !(message.has_voice && window.MediaRecorder && navigator.mediaDevices?.getUserMedia);
  }

  function takeTrouble({ to, text, retry_seconds }) {
    const mine = pending.get(to);
    showTyping(false);
    if (mine && retry_seconds) {
      showLine("note", text);
      setTimeout(() => pending.has(to) && transport.send(mine.body), retry_seconds * 1000);
    } else {
      pending.delete(to);
      mine?.line?.classList.replace("pending", "failed");
      showLine("note", text);
    }
  }

  function takeAny(message) {
    if (message.t === "welcome") takeWelcome(message);
    else if (message.t === "update") take(message);
    else if (message.t === "trouble") takeTrouble(message);
  }

  function say(body, text) {
    const line = showLine("patient", text, "pending");
    pending.set(body.id, { body, text, line });
    showPicks([]);
    showTyping(true);
    transport.send(body);
  }

  /* ---- the way to the clinic: a WebSocket; HTTP where something between does not let it through ---- */

  class Socket {
    constructor() { this.isUp = false; this.failures = 0; this.pause = FIRST_PAUSE_MS; this.open(); }

    open() {
      const url = new URL("chat/socket", base);
      url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
      this.socket = new WebSocket(url);
      this.wasUp = false;
      this.socket.onopen = () => this.socket.send(JSON.stringify({ t: "hello", token: token() }));
      this.socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.t === "update" && message.is_whole && !this.isUp) {
          this.isUp = this.wasUp = true;
          this.failures = 0;
          this.pause = FIRST_PAUSE_MS;
          takeAny(message);
          for (const { body } of pending.values()) this.send(body);
          return;
        }
        this.heard = Date.now();
        takeAny(message);
      };
      this.socket.onclose = () => this.lost();
      clearInterval(this.timer);
      this.heard = Date.now();
      this.timer = setInterval(() => {
        if (!this.isUp) return;
        if (Date.now() - this.heard > 2.5 * PING_MS) this.socket.close(); // a network that went away says nothing
        else this.socket.send('{"t":"ping"}');
      }, PING_MS);
    }

    lost() {
      clearInterval(this.timer);
      this.isUp = false;
      showMode();
      if (!this.wasUp && ++this.failures >= 3 && transport === this) {
        transport = new Polling();
        return;
      }
      const wait = this.pause * (0.5 + Math.random());
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE_MS);
      this.again = setTimeout(() => this.open(), wait);
    }

    now() { // the network is back, or the page is seen again
      if (this.socket.readyState === WebSocket.CLOSED) { clearTimeout(this.again); this.pause = FIRST_PAUSE_MS; this.open(); }
    }

    send(body) { if (this.isUp) this.socket.send(JSON.stringify(body)); }
  }

  async function post(path, body, headers = {}) {
    const response = await fetch(new URL(path, base), {
      method: "POST",
      body,
      headers: { Authorization: `Bearer ${token()}`, ...headers },
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
    if (!response.ok) throw new Error(String(response.status));
    return response.json();
  }

  class Polling {
    constructor() { this.isUp = false; this.pause = FIRST_PAUSE_MS; this.run(); }

    async run() {
      for (;;) {
        try {
          if (!this.isUp) {
            for (const message of await post("chat/hello", "{}")) takeAny(message);
            this.isUp = true;
            showMode();
            for (const { body } of pending.values()) this.send(body);
          }
          const update = await post("chat/poll", JSON.stringify({ seen: version }), { "Content-Type": "application/json" });
          this.pause = FIRST_PAUSE_MS;
          if (update.version > version) take(update);
        } catch {
          this.isUp = false;
          showMode();
          await new Promise((done) => { this.wake = done; setTimeout(done, this.pause * (0.5 + Math.random())); });
          this.pause = Math.min(2 * this.pause, LONGEST_PAUSE_MS);
        }
      }
    }

    now() { this.wake?.(); }

    async send(body) {
      if (!this.isUp) return;
      try {
        takeAny(await post("chat/message", JSON.stringify({ message: body }), { "Content-Type": "application/json" }));
      } catch {
        setTimeout(() => pending.has(body.id) && this.send(body), 2000); // the same id: it is never done twice
      }
    }
  }

  let transport = { isUp: false, send() {}, now() {} };
  let isConnected = false;

  function connect() {
    if (isConnected) return;
    isConnected = true;
    transport = window.WebSocket ? new Socket() : new Polling();
    showMode();
  }

  addEventListener("online", () => transport.now());
  document.addEventListener("visibilitychange", () => { if (!document.hidden) transport.now(); });

  /* ---- voice notes ---- */

  let recorder = null;

  function endRecording() {
    voice.classList.remove("recording");
    voice.replaceChildren(icon(ICONS.voice));
    voice.setAttribute("aria-label", "Записать голосовое сообщение");
  }

  async function record() {
    if (recorder) { recorder.stop(); return; }
    let stream;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true } });
    } catch {
      showLine("note", "Нет доступа к микрофону. Напишите, пожалуйста, текстом.");
      return;
    }
    const type = ["audio/webm;codecs=opus", "audio/ogg;codecs=opus", "audio/mp4"].find((one) => MediaRecorder.isTypeSupported(one));
    recorder = new MediaRecorder(stream, type ? { mimeType: type, audioBitsPerSecond: 32000 } : {});
    const pieces = [];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    const limit = setTimeout(() => recorder?.stop(), Math.max(1, (welcome?.voice_seconds ?? 60) - 1) * 1000);
    recorder.onstop = async () => {
      clearTimeout(limit);
      for (const track of stream.getTracks()) track.stop();
      recorder = null;
      endRecording();
      await sendVoice(new Blob(pieces, { type: type ?? "audio/webm" }), newId(), 2);
    };
    recorder.start();
    voice.classList.add("recording");
    voice.replaceChildren(icon(ICONS.stop));
    voice.setAttribute("aria-label", "Закончить запись и отправить");
  }

  async function sendVoice(note, id, tries) {
    showTyping(true);
    try {
      takeAny(await post("chat/voice", note, { "Content-Type": note.type, "X-Message-Id": id }));
    } catch {
      if (tries > 0) { setTimeout(() => sendVoice(note, id, tries - 1), 2000); return; }
      showTyping(false);
      showLine("note", "Голосовое сообщение не отправилось. Напишите, пожалуйста, текстом.");
    }
  }

  /* ---- hands and keys ---- */

  function open() {
    panel.hidden = false;
    launch.hidden = true;
    launch.setAttribute("aria-expanded", "true");
    launch.classList.remove("unread");
    store.set("sessionStorage", OPEN, "1");
    connect();
    toEnd();
  }

  function close() {
    panel.hidden = true;
    launch.hidden = false;
    launch.setAttribute("aria-expanded", "false");
    store.set("sessionStorage", OPEN, "");
    launch.focus();
  }

  launch.addEventListener("click", () => { open(); input.focus(); });
  shut.addEventListener("click", close);
  panel.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
  human.addEventListener("click", () => { say({ t: "say", id: newId(), text: "оператор" }, "Позовите оператора"); input.focus(); });
  voice.addEventListener("click", record);

  function submit() {
    const text = input.value.trim();
    if (!text) return;
    if (text.length > LONGEST_TEXT && mode !== "operator" && mode !== "waiting") {
      showLine("note", `Сообщение длиннее ${LONGEST_TEXT} знаков. Напишите, пожалуйста, короче.`);
      return;
    }
    input.value = "";
    input.style.height = "";
    say({ t: "say", id: newId(), text }, text);
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); submit(); }
  });
  input.addEventListener("input", () => {
    input.style.height = "";
    input.style.height = `${Math.min(input.scrollHeight + 2, 120)}px`;
  });
  // Keys typed here are not the page's shortcuts.
  for (const kind of ["keydown", "keyup", "keypress"]) shadow.addEventListener(kind, (event) => event.stopPropagation());

  function show() {
    document.body.append(host);
    if (store.get("sessionStorage", OPEN) === "1" || script.dataset.open !== undefined) open();
  }
  if (document.body) show(); else addEventListener("DOMContentLoaded", show);
})();
