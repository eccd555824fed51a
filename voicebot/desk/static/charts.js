// What the pages of figures draw with. Colours come from the style sheet, so that light and dark agree.
"use strict";

(() => {
  const source = document.getElementById("figures");
  if (!source) return;
  const figures = JSON.parse(source.textContent);
  const style = getComputedStyle(document.documentElement);
  const letters = (name) => style.getPropertyValue("--" + name).trim();
  const tone = (name) => letters("chart-" + name);
  Chart.defaults.color = letters("soft");
  Chart.defaults.borderColor = letters("line");
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

  const stacked = (labels, series) => ({
    type: "bar",
    data: { labels, datasets: series.map((one) => ({ label: one.name, data: one.values, backgroundColor: tone(one.tone) })) },
    options: { scales: { x: { stacked: true }, y: { ...whole, stacked: true } } },
  });

  const lines = (labels, series, y = whole) => ({
    type: "line",
    data: {
      labels,
      datasets: series.map((one) => ({
        label: one.name, data: one.values, borderColor: tone(one.tone), backgroundColor: tone(one.tone), spanGaps: true,
      })),
    },
    options: { scales: { y } },
  });

  window.charts = { figures, tone, whole, draw, bars, stacked, lines };
})();
