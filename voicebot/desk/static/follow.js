// The talk of a running call stays at its last words, unless whoever reads has scrolled up.
"use strict";

(() => {
  const NEAR_PIXELS = 60;
  const turns = () => document.getElementById("turns");
  let isAtEnd = true;

  const toEnd = () => {
    const list = turns();
    if (list && isAtEnd) list.scrollTop = list.scrollHeight;
  };

  document.addEventListener(
    "scroll",
    (event) => {
      const list = turns();
      if (event.target === list) isAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PIXELS;
    },
    true,
  );
  document.addEventListener("htmx:after:swap", toEnd);
  toEnd();
})();
