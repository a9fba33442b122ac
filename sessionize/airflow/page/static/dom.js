// Elements from data. Whatever comes from a lake becomes text here, never markup.

const SVG = "http://www.w3.org/2000/svg";

/** An element: h("a", {href: "#", onclick: f, class: "x"}, "text", child, …). */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** An element of SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

/** Text in which `names` stand between backticks. */
export const marked = (text) => h("span", {}, text.split("`").map((part, n) => (n % 2 ? h("code", {}, part) : part)));

/** A table. Columns: {title, of: row => text or element, number: bool}. */
export function table(caption, columns, rows) {
  const head = columns.map((column) =>
    h("th", { scope: "col", class: column.number && "number" }, column.title));
  const body = rows.map((row) => h("tr", {}, columns.map((column) =>
    h("td", { class: [column.number && "number", column.class].filter(Boolean).join(" ") || null },
      column.of(row) ?? "–"))));
  return h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, head)), h("tbody", {}, body)));
}

/** Names and values, side by side. */
export function facts(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(Boolean).map(([name, value, hint]) =>
    h("div", { title: hint }, h("dt", {}, name), h("dd", {}, value ?? "–"))));
}

/** What is folded away, and made when somebody looks. */
export function lazily(title, make) {
  const details = h("details", {}, h("summary", {}, title));
  details.addEventListener("toggle", () => details.children.length > 1 || details.append(make()));
  return details;
}

/** A part of a view with a heading. */
export function section(title, ...children) {
  return h("section", {}, h("h3", {}, title), children);
}
