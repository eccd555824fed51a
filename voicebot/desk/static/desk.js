// What the pages need beyond htmx. No inline scripts: the Content Security Policy allows only files of ours.
"use strict";

// A session that has ended: go to the login page instead of putting its message into this one.
const logIn = () => location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));

document.addEventListener("htmx:after:request", (event) => {
  if (event.detail?.ctx?.response?.status === 401) logIn();
});

// A live page says when it is not live: what it shows may be old. It goes on by itself as soon as the desk answers.
const tellLive = (isLive) => {
  const offline = document.getElementById("offline");
  if (offline) offline.hidden = isLive;
};
document.addEventListener("htmx:sse:error", (event) => (event.detail?.status === 401 ? logIn() : tellLive(false)));
document.addEventListener("htmx:sse:after:connection", () => tellLive(true));
