// Draws the figures of the page. Colours come from the style sheet, so that light and dark agree.
"use strict";

(() => {
  const source = document.getElementById("figures");
  if (!source) return;
  const figures = JSON.parse(source.textContent);
  const style = getComputedStyle(document.documentElement);
  const tone = (name) => style.getPropertyValue("--" + name).trim();
  Chart.defaults.color = tone("soft");
  Chart.defaults.borderColor = tone("line");
  Chart.defaults.font.family = style.fontFamily;
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.animation = false;
  const whole = { ticks: { precision: 0 }, beginAtZero: true };

  const draw = (id, config) => {
    const canvas = document.getElementById(id);
    if (canvas) new Chart(canvas, config);
  };
  const bars = (counts) => ({
    type: "bar",
    data: { labels: Object.keys(counts), datasets: [{ data: Object.values(counts), backgroundColor: tone("accent") }] },
    options: { indexAxis: "y", plugins: { legend: { display: false } }, scales: { x: whole } },
  });

  draw("contacts", {
    type: "bar",
    data: {
      labels: figures.days,
      datasets: figures.series.map((one) => ({ label: one.name, data: one.values, backgroundColor: tone(one.tone) })),
    },
    options: { scales: { x: { stacked: true }, y: { ...whole, stacked: true } } },
  });
  draw("hours", {
    type: "bar",
    data: { labels: figures.hours.map((_, hour) => hour), datasets: [{ data: figures.hours, backgroundColor: tone("accent") }] },
    options: { plugins: { legend: { display: false } }, scales: { y: whole } },
  });
  draw("outcomes", bars(figures.outcomes));
  draw("reasons", bars(figures.reasons));
})();
