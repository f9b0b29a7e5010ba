"use strict";
(() => {
  const figures = JSON.parse(document.getElementById("figures").textContent);
  const options = { responsive: true, displaylogo: false, displayModeBar: false };
  for (const [name, figure] of Object.entries(figures)) {
    const place = document.getElementById(`figure-${name}`);
    if (!place) continue;
    place.style.height = figure.layout.height ? `${figure.layout.height}px` : ""; // what Plotly asks for at a resize
    Plotly.newPlot(place, figure.data, figure.layout, options);
  }
})();
