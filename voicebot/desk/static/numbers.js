// The charts of the figures' page.
"use strict";

(() => {
  if (!window.charts) return;
  const { figures, tone, whole, draw, bars, stacked, lines } = window.charts;

  draw("contacts", stacked(figures.days, figures.series));
  draw("hours", stacked(figures.hours.map((_, hour) => hour), figures.channels));
  draw("visits", stacked(figures.days, figures.visits));
  draw("outcomes", bars(figures.outcomes));
  draw("reasons", bars(figures.reasons));
  draw("handling", {
    type: "bar",
    data: {
      labels: figures.handling.map((one, place) => one.from + (place + 1 < figures.handling.length ? "" : "+")),
      datasets: [{
        data: figures.handling.map((one) => one.count),
        backgroundColor: figures.handling.map((one) => tone(one.from < figures.budget ? "good" : "warn")),
      }],
    },
    options: { plugins: { legend: { display: false } }, scales: { x: { title: { display: true, text: "секунд" } }, y: whole } },
  });
  draw("latency", lines(figures.days, figures.latency));
})();
