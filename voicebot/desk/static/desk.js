// What the pages need beyond htmx. No inline scripts: the Content Security Policy allows only files of ours.
"use strict";

// A session that has ended: go to the login page instead of putting its message into this one.
document.addEventListener("htmx:after:request", (event) => {
  if (event.detail?.ctx?.response?.status === 401) location.assign("/login?next=" + encodeURIComponent(location.pathname + location.search));
});
