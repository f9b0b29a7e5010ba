"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const options = { responsive: true, displaylogo: false, displayModeBar: false };
  for (const [name, figure] of Object.entries(figures)) {
    const place = document.getElementById(`figure-${name}`);
    if (place) Plotly.newPlot(place, figure.data, figure.layout, options);
  }
})();
