// The charts of messages and reminders.
"use strict";

(() => {
  if (!window.charts) return;
  const { figures, draw, stacked, lines } = window.charts;
  draw("deliveries", stacked(figures.days, figures.deliveries));
  draw("missed", lines(figures.weeks, figures.missed, { beginAtZero: true, title: { display: true, text: "%" } }));
})();
