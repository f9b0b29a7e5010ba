"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const byId = (id) => document.getElementById(id);
  const figures = JSON.parse(byId("figures").textContent);
  const drawings = [...document.querySelectorAll("script.drawing")];
  const options = { responsive: true, displaylogo: false, displayModeBar: false };

  // when a window is resized or a phone is turned, Plotly asks its place for the height
  function draw(place, traces, layout) {
    place.style.height = layout.height ? `${layout.height}px` : "";
    Plotly.react(place, traces, layout, options);
  }

  function plot(id, figure) {
    const place = byId(id);
    if (place && figure) draw(place, figure.data, figure.layout);
  }

  // tables: a click on a head sorts, a second one turns the order; what is not defined stays below
  function sortBy(table, column, head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => {
      const cell = row.cells[column];
      const key = cell.dataset.key;
      return { row, text: cell.textContent, value: key === undefined ? null : key === "" ? NaN : Number(key) };
    });
    rows.sort((a, b) => {
      if (a.value === null) return (down ? -1 : 1) * a.text.localeCompare(b.text, undefined, { numeric: true });
      if (Number.isNaN(a.value) || Number.isNaN(b.value)) return Number.isNaN(a.value) - Number.isNaN(b.value);
      return (down ? -1 : 1) * (a.value - b.value);
    });
    table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append(...rows.map((entry) => entry.row));
  }
  document.querySelectorAll("table.sortable").forEach((table) => {
    table.querySelectorAll("th").forEach((head, column) => {
      const cell = table.tBodies[0].rows[0]?.cells[column];
      if (cell && cell.classList.contains("n")) head.classList.add("n");
      head.querySelector("button").addEventListener("click", () => sortBy(table, column, head));
    });
  });

  const score = byId("distribution-score");
  function showDistribution() {
    const figure = figures.distributions[score.value];
    if (figure) plot("figure-distributions", figure);
  }
  score.addEventListener("change", showDistribution);
  showDistribution();
  const threshold = byId("threshold-score");
  function showThresholds() {
    plot("figure-thresholds", figures.thresholds[threshold.value]);
  }
  if (threshold && figures.thresholds) {
    threshold.addEventListener("change", showThresholds);
    showThresholds();
  }
  plot("figure-curve", figures.curve);
  plot("figure-sizes", figures.sizes);
  plot("figure-comparison", figures.comparison);

  // pictures: names go in as text and attributes only
  function svgOf(view, slice, chosen) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", `0 0 ${view.width} ${view.height}`);
    svg.setAttribute("class", "slice");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", `${view.name}, slice ${slice.k}`);
    for (const source of [slice.image, slice.overlay]) {
      if (!source) continue;
      const image = document.createElementNS(SVG, "image");
      image.setAttribute("href", source);
      image.setAttribute("width", view.width);
      image.setAttribute("height", view.height);
      image.setAttribute("preserveAspectRatio", "none");
      if (source === slice.overlay) image.style.imageRendering = "pixelated";
      svg.append(image);
    }
    for (const side of ["truth", "prediction"]) {
      for (const [name, path] of Object.entries(slice[side] || {})) {
        if (chosen !== null && chosen !== name) continue;
        const line = document.createElementNS(SVG, "path");
        line.setAttribute("d", path);
        line.setAttribute("class", side);
        svg.append(line);
      }
    }
    return svg;
  }

  const cache = new Map();
  function drawing(n) {
    if (!cache.has(n)) cache.set(n, JSON.parse(drawings[n].textContent));
    return cache.get(n);
  }
  function option(select, value, text) {
    const entry = document.createElement("option");
    entry.value = value;
    entry.textContent = text;
    select.append(entry);
  }
  function hasWebGL() {
    const canvas = document.createElement("canvas");
    return Boolean(canvas.getContext("webgl2") || canvas.getContext("webgl"));
  }

  function showSurface(data, name) {
    const names = Object.keys(data.meshes).filter((key) => data.meshes[key].prediction || data.meshes[key].truth);
    const key = name !== null && names.includes(name) ? name : names[0];
    byId("surface-box").hidden = key === undefined;
    if (key === undefined) return;
    const place = byId("figure-surface");
    byId("surface-unit").textContent = `${data.unit} (class ${key})`;
    if (!hasWebGL()) {
      place.textContent = "This browser draws no surfaces (it has no WebGL).";
      return;
    }
    const mesh = data.meshes[key];
    const traces = [];
    if (mesh.truth) traces.push({ type: "mesh3d", ...mesh.truth, color: "#9aa5b1", opacity: mesh.prediction ? 0.12 : 1, hoverinfo: "skip" });
    if (mesh.prediction) {
      const limit = mesh.limit || 1;
      const shade = mesh.limit === undefined ? { color: "#d6604d" } :
        { colorscale: [[0, "#2166ac"], [0.25, "#92c5de"], [0.5, "#f7f7f7"], [0.75, "#f4a582"], [1, "#b2182b"]], cmin: -limit, cmax: limit, colorbar: { thickness: 12, len: 0.7, title: { text: data.unit } }, hovertemplate: "%{intensity:.2f}<extra></extra>" };
      traces.push({ type: "mesh3d", ...mesh.prediction, ...shade });
    }
    const axis = { visible: false, showspikes: false };
    const layout = { height: 420, margin: { l: 0, r: 0, t: 0, b: 0 }, scene: { xaxis: axis, yaxis: axis, zaxis: axis, aspectmode: "data", camera: { eye: { x: 1, y: 1, z: 0.8 } } }, paper_bgcolor: "rgba(0,0,0,0)" };
    draw(place, traces, layout);
  }

  function showCase(n) {
    const data = drawing(n);
    const viewer = byId("viewer");
    viewer.hidden = false;
    document.querySelectorAll(".card").forEach((card, k) => card.setAttribute("aria-pressed", String(k === n)));
    byId("viewer-case").value = String(n);
    byId("viewer-reason").textContent = data.reason;
    const names = new Set();
    for (const view of data.views) for (const slice of view.slices) for (const side of ["truth", "prediction"]) Object.keys(slice[side] || {}).forEach((name) => names.add(name));
    const select = byId("viewer-class");
    const before = select.value;
    select.replaceChildren();
    option(select, "", "all");
    [...names].forEach((name, k) => option(select, String(k + 1), name));
    const list = [...names];
    if (before && Number(before) <= list.length) select.value = before;
    byId("class-label").hidden = list.length < 2;
    const chosen = () => (select.value === "" ? null : list[Number(select.value) - 1]);
    const redraw = [];
    const planes = byId("planes");
    planes.replaceChildren();
    for (const view of data.views) {
      const box = document.createElement("div");
      box.className = "plane";
      const words = document.createElement("div");
      words.className = "small";
      const range = document.createElement("input");
      range.type = "range";
      range.min = "0";
      range.max = String(view.slices.length - 1);
      range.value = String(view.worst);
      range.setAttribute("aria-label", `${view.name} slice`);
      range.hidden = view.slices.length < 2;
      const holder = document.createElement("div");
      const draw = () => {
        const slice = view.slices[Number(range.value)];
        holder.replaceChildren(svgOf(view, slice, chosen()));
        const place = view.slices.length > 1 ? `${view.name}, slice ${slice.k}` : view.name;
        words.textContent = `${place}: ${slice.wrong} wrong voxels`;
      };
      range.addEventListener("input", draw);
      redraw.push(draw);
      draw();
      box.append(words, holder, range);
      planes.append(box);
    }
    if (!data.views.length) planes.textContent = "Neither truth nor prediction has anything here.";
    select.onchange = () => { redraw.forEach((draw) => draw()); showSurface(data, chosen()); };
    showSurface(data, chosen());
  }

  drawings.forEach((_, n) => {
    const data = drawing(n);
    option(byId("viewer-case"), String(n), `${data.case} (${data.method})`);
    const card = document.createElement("button");
    card.type = "button";
    card.className = "card";
    // axial, or the section of a stack: the other planes of a stack of few sections are thin
    const view = data.views.find((v) => v.name === "section") || data.views[data.views.length - 1];
    if (view) card.append(svgOf(view, view.slices[view.worst], null));
    const name = document.createElement("b");
    name.textContent = data.case;
    const about = document.createElement("span");
    about.className = "small";
    about.textContent = `${data.method}: ${data.reason}`;
    card.append(name, about);
    card.addEventListener("click", () => { showCase(n); byId("viewer").scrollIntoView({ block: "nearest" }); });
    byId("gallery").append(card);
  });
  byId("viewer-case").addEventListener("change", (event) => showCase(Number(event.target.value)));
  if (drawings.length) showCase(0);
  else { byId("no-pictures").hidden = false; document.querySelector("#pictures .legend").hidden = true; }
})();
