// Is the data whole? The calendar, what is amiss in it, and the chain of state.

import { calendar, legend } from "./calendar.js";
import { commandLine } from "./command.js";
import { h, section, table } from "./dom.js";
import { show as showHour } from "./hour.js";
import { unlessRefused } from "./problem.js";
import { sayProgress } from "./progress.js";
import { stateOf, STATES } from "./states.js";
import { count, later, number } from "./words.js";

const RUNNING_MS = 10_000;

export async function show(page) {
  if (page.params.get("hour")) return showHour(page);
  const [view, { runs, hint }] = await Promise.all([page.get("calendar", page.range), runsOf(page)]);
  const runOf = new Map(runs.map((run) => [run.hour, run]));
  const broken = new Set(view.broken.map(({ hour }) => hour));
  const rows = new Map(view.hours.map((row) => [row.hour, row]));
  // Airflow may already run an hour that the lake does not know.
  for (const run of runs) {
    if (!rows.has(run.hour) && run.state !== "success") {
      rows.set(run.hour, { hour: run.hour, state: "missing" });
    }
  }
  const cells = [...rows.values()].sort((a, b) => (a.hour < b.hour ? -1 : 1)).map((row) => ({
    hour: row.hour, run: runOf.get(row.hour), broken: broken.has(row.hour),
    state: stateOf(row, runOf.get(row.hour)),
  }));
  const counts = {};
  for (const { state } of cells) counts[state] = (counts[state] ?? 0) + 1;
  if (counts.running) page.again(RUNNING_MS);
  const open = (hour) => page.go(page.address("hours", { hour }));
  return [
    h("h2", {}, headline(counts, cells.length)),
    sayProgress(page, view.progress), hint,
    cells.length ? calendar(cells, open) : h("p", {}, "The range has no hour that is over."),
    legend(counts),
    section("What is amiss", ...amiss(page, cells)),
    section("Chain of state", ...chain(page, view.broken)),
    h("p", {}, page.download("hours", page.range, "hours")),
  ];
}

/** Airflow's runs that have not succeeded. Who may not read them sees the lake without them. */
const runsOf = (page) => unlessRefused(page.get("runs", { ...page.range, successful: false }),
  (fault) => ({ runs: [], hint: h("p", { class: "hint" }, `Airflow's runs are not shown: ${fault}.`) }));

function headline(counts, all) {
  if (!all) return "No hours";
  const ill = all - (counts.done ?? 0) - (counts.running ?? 0) - (counts.reading ?? 0);
  if (!ill) return all === 1 ? "The hour is whole" : `All ${number(all)} hours are whole`;
  return `${number(ill)} of ${count(all, "hour")} ${ill === 1 ? "is" : "are"} not whole`;
}

// What is amiss in the same way is mended together.
const TO_DO = {
  missing: "run",
  failed: "see",
  outdated: "again",
  interrupted: "again",
  waiting: "wait",
  damaged: "restore",
};
const MENDS = {
  run: "To be run.",
  see: "See the log of the run, mend what it says, clear it.",
  again: "To be run again, in order.",
  wait: "They can be run once those before them are.",
  restore: "See the hour: its ledger must be restored.",
};

function amiss(page, cells) {
  const ranges = [];
  for (const { hour, state } of cells) {
    if (!(state in TO_DO)) continue;
    const [mend, before] = [TO_DO[state], ranges.at(-1)];
    if (before?.mend === mend && later(before.last, 1) === hour) {
      before.last = hour;
      before.states.add(state);
    } else ranges.push({ mend, states: new Set([state]), first: hour, last: hour });
  }
  if (!ranges.length) return [h("p", {}, "Nothing.")];
  const hourLink = (hour) => h("a", { href: page.address("hours", { hour }) }, hour);
  const columns = [
    { title: "State", of: ({ states }) => h("span", {}, [...states].map((state) =>
      [h("span", { class: `tag is-${state}` }, `${STATES[state].letter} ${state}`), " "])) },
    { title: "Hours", class: "hours", of: ({ first, last }) =>
      (first === last ? hourLink(first) : h("span", {}, hourLink(first), " to ", hourLink(last))) },
    { title: "What to do", class: "command", of: (range) =>
      h("div", {}, MENDS[range.mend], command(page, range)) },
  ];
  return [table("What is amiss, by hour", columns, ranges)];
}

function command(page, { mend, first, last }) {
  if (mend !== "run" && mend !== "again") return null;
  const again = mend === "again" ? " --reset-dagruns" : "";
  return [commandLine(`airflow dags backfill ${page.dag.dag_id} -s ${first}:00 -e ${last}:00${again}`),
    h("a", { href: page.address("plan", { first, end: later(last, 1), later: "168" }) }, "Plan it")];
}

function chain(page, breaks) {
  if (!breaks.length) return [h("p", {}, "Each hour that is run stands on the state that the hour before has left.")];
  return [h("ul", { class: "breaks" }, breaks.map(({ hour, stands_on: state, left }) =>
    h("li", {}, h("code", {}, left ?? "no state"),
      ` was left by ${later(hour, -1)} `, h("span", { class: "break", "aria-hidden": "true" }, "≠"),
      " but ", h("a", { href: page.address("hours", { hour }) }, hour), " stands on ", h("code", {}, state))))];
}
