// The player and the text follow each other.
"use strict";

(() => {
  const player = document.getElementById("player");
  if (!player) return;
  const offset = Number(player.dataset.offset);
  const turns = () => document.querySelectorAll(".turn[data-start]");

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-seek]");
    if (!button) return;
    player.currentTime = Math.max(0, (Number(button.dataset.seek) - offset) / 1000);
    player.play();
  });

  player.addEventListener("timeupdate", () => {
    const now = player.currentTime * 1000 + offset;
    for (const turn of turns()) {
      const isNow = turn.dataset.start >= 0 && now >= turn.dataset.start && now < turn.dataset.end;
      if (isNow && !turn.classList.contains("now")) turn.scrollIntoView({ block: "nearest", behavior: "smooth" });
      turn.classList.toggle("now", isNow);
    }
  });
})();
