// Charts by plotly, whose file comes from its wheel; beside each a table with the same figures.

import { h, lazily, table } from "./dom.js";

let loading = null;

function library(release) {
  loading ??= new Promise((resolve) => {
    const script = h("script", { src: `static/plotly-${release}.min.js` });
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => resolve(null);
    document.head.append(script);
  });
  return loading;
}

// Told apart also by those who do not tell red from green (Okabe and Ito), and by dashes; hatched
// from the eighth on.
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8c8c8c"];
const DASHES = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];

/**
 * A chart and its table.
 *
 * series: {name, x, y}; kind: "lines", "bars" (one on the other); format: figure => text;
 * axis: the title of the values' axis; x: the title of the first column.
 */
export function chart(page, { title, series, kind = "lines", format, axis, x = "Hour", category = false }) {
  const drawn = series.filter(({ y }) => y.some((value) => value !== null && value !== undefined));
  const frame = h("div", { class: "plot", role: "img",
    "aria-label": `${title}: a chart; its figures are in the table below it` });
  const figure = h("figure", {}, h("figcaption", {}, title), frame, figures(title, x, series, format));
  if (!drawn.length) frame.replaceWith(h("p", { class: "hint" }, "No figures in this range."));
  else if (page.plotly) draw(page, frame, drawn, { kind, axis, category });
  else frame.replaceWith(h("p", { class: "hint" }, "plotly is not installed: see the table."));
  return figure;
}

// Long ranges have long tables.
const figures = (title, x, series, format) => lazily(`Table: ${title}`, () => {
  const at = [...new Set(series.flatMap((one) => one.x))];
  const maps = series.map((one) => new Map(one.x.map((value, n) => [value, one.y[n]])));
  const columns = [{ title: x, of: (value) => value }, ...series.map((one, n) =>
    ({ title: one.name, number: true, of: (value) => format(maps[n].get(value)) }))];
  return table(title, columns, at);
});

async function draw(page, frame, series, { kind, axis, category }) {
  const plotly = await library(page.plotly);
  if (page.signal.aborted) return;
  if (!plotly) {
    frame.replaceWith(h("p", { class: "hint" }, "The chart's library could not be loaded: see the table."));
    return;
  }
  const traces = series.map((one, n) => ({
    name: one.name, x: category ? one.x : one.x.map(asDate), y: one.y,
    ...(kind === "bars"
      ? { type: "bar", marker: { color: COLOURS[n % COLOURS.length], pattern: { shape: n < COLOURS.length ? "" : "/", fillmode: "overlay", fgcolor: "#fff", fgopacity: 0.5, size: 6 } } }
      : { type: "scatter", mode: one.x.length > 60 ? "lines" : "lines+markers",
        line: { color: COLOURS[n % COLOURS.length], dash: DASHES[n % DASHES.length], width: 2 }, marker: { size: 5 } }),
  }));
  const paint = () => plotly.react(frame, traces, layout(axis, kind, category, series.length),
    { displayModeBar: false, responsive: true });
  // Its width is known once it is to be seen.
  requestAnimationFrame(paint);
  addEventListener("themechange", paint, { signal: page.signal });
  page.signal.addEventListener("abort", () => plotly.purge(frame));
}

const asDate = (begin) => (begin.length === 13 ? `${begin.replace("T", " ")}:00` : begin);

function layout(axis, kind, category, count) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const line = { gridcolor: colour("--grid"), linecolor: colour("--grid"), zeroline: false, automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", height: 260,
    margin: { l: 8, r: 8, t: 8, b: 8 }, barmode: "stack", hovermode: category ? "closest" : "x unified",
    font: { family: style.fontFamily, size: 12, color: colour("--text") },
    showlegend: count > 1, legend: { orientation: "h", y: -0.2, traceorder: "normal" },
    hoverlabel: { bgcolor: colour("--panel"), font: { color: colour("--text") } },
    xaxis: { ...line, type: category ? "category" : "date", ...(category ? {} : { tickangle: 0, nticks: 6 }) },
    yaxis: { ...line, title: { text: axis, standoff: 8 }, rangemode: "tozero" },
    dragmode: false,
  };
}
