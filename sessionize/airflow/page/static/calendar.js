// Days × 24 hours, one cell an hour. One cell is in the tab order; arrows lead from cell to cell.

import { h } from "./dom.js";
import { sayState, STATES } from "./states.js";

/** The grid. Cells: {hour, state, run, broken, href}, in order; some hours may be missing. */
export function calendar(cells, open) {
  const days = Map.groupBy(cells, ({ hour }) => hour.slice(0, 10));
  const rows = [...days].map(([day, hours]) => rowOf(day, hours, open));
  const heads = Array.from({ length: 24 }, (_, n) =>
    h("span", { role: "columnheader" }, String(n).padStart(2, "0")));
  const grid = h("div", { role: "grid", class: "calendar", "aria-label": "Hours by day, in UTC" },
    h("div", { role: "row", class: "heads" }, h("span", { role: "columnheader" }, "Day"), heads), rows);
  const buttons = [...grid.querySelectorAll("[data-hour]")];
  if (buttons.length) buttons.at(-1).tabIndex = 0;
  grid.addEventListener("keydown", (event) => move(event, buttons));
  grid.addEventListener("focusin", ({ target }) => {
    for (const button of buttons) if (button.tabIndex === 0) button.tabIndex = -1;
    target.tabIndex = 0;
  });
  return grid;
}

function rowOf(day, hours, open) {
  const at = new Map(hours.map((cell) => [Number(cell.hour.slice(11)), cell]));
  const cells = Array.from({ length: 24 }, (_, n) => (at.has(n) ? cellOf(at.get(n), open)
    : h("span", { role: "gridcell", class: "none" })));
  return h("div", { role: "row" }, h("span", { role: "rowheader" }, day), cells);
}

function cellOf({ hour, state, run, broken }, open) {
  const words = `${hour}: ${sayState(state, run)}${broken ? "; the chain of state is broken before it" : ""}`;
  return h("span", { role: "gridcell" },
    h("button", { type: "button", class: `cell is-${state}${broken ? " broken" : ""}`, tabindex: "-1",
      "data-hour": hour, "aria-label": words, title: words, onclick: () => open(hour) },
      STATES[state]?.letter ?? "?"));
}

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -24, ArrowDown: 24, PageUp: -168, PageDown: 168 };

function move(event, buttons) {
  const here = buttons.indexOf(event.target);
  if (here < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  const hourOf = (button) => Date.parse(`${button.dataset.hour}:00Z`) / 3600_000;
  let there = null;
  if (event.key in STEPS) {
    // By time and not by place: hours may be missing.
    const wanted = hourOf(buttons[here]) + STEPS[event.key];
    there = STEPS[event.key] < 0 ? buttons.findLast((b) => hourOf(b) <= wanted)
      : buttons.find((b) => hourOf(b) >= wanted);
  } else if (event.key === "Home") there = buttons[0];
  else if (event.key === "End") there = buttons.at(-1);
  else return;
  event.preventDefault();
  there?.focus();
}

export function legend(counts) {
  const shown = Object.entries(STATES).filter(([state]) => counts[state] || state !== "reading");
  return h("ul", { class: "legend", "aria-label": "Legend" }, shown.map(([state, { letter, says }]) =>
    h("li", { title: says }, h("span", { class: `cell is-${state}`, "aria-hidden": "true" }, letter),
      `${state} ${counts[state] ?? 0}`)),
  h("li", { title: "it stands on another state than the hour before has left" },
    h("span", { class: "cell is-outdated broken", "aria-hidden": "true" }, "O"), "chain broken before"));
}
