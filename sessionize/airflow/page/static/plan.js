// What a replay of the range would take, before anything is run: planned by the server, in its words.

import { commandLine } from "./command.js";
import { h, lazily, section, table } from "./dom.js";
import { orWhy } from "./problem.js";
import { STATES } from "./states.js";
import { count, later, number, size } from "./words.js";

// A letter and a colour a step, as hours have them in the calendar.
const STEPS = {
  LeaveAlone: "done", RunHour: "missing", RunAgain: "outdated",
  RunIfOutdated: "waiting", Blocked: "damaged", Gap: "missing",
};
const letterOf = (step) => (step === "RunIfOutdated" ? "?" : STATES[STEPS[step]].letter);
// Behind the range; the server looks at no more than the last.
const BEHIND_H = [24, 168, 720, 2000];

export async function show(page) {
  const behind = page.params.get("later");
  const query = { ...page.range, later: behind, all: page.params.get("all") };
  return [
    h("h2", {}, "Plan a replay"),
    h("p", { class: "hint" }, "What it takes for the hours of the range to be as their objects and the settings of the "
      + "pipeline's file have it. Nothing is run here: the plan reads ledgers, claims and the names of raw objects."),
    options(page, query),
    behind ? await orWhy(page, planned(page, query)) : null,
  ];
}

function options(page, { later: behind, all }) {
  const everything = h("input", { type: "checkbox", name: "all", checked: Boolean(all) });
  const look = h("select", { name: "later" }, BEHIND_H.map((hours) =>
    h("option", { value: hours, selected: String(hours) === (behind ?? "168") }, `up to ${number(hours)}`)));
  return h("form", { class: "filters", "aria-label": "Options of the plan", onsubmit: (submit) => {
    submit.preventDefault();
    page.go(page.address("plan", { later: look.value, all: everything.checked ? "1" : null }));
  } },
  h("label", {}, everything, " also hours that would come out as they are"),
  h("label", {}, "Later hours looked at ", look),
  h("button", { type: "submit" }, "Plan"));
}

async function planned(page, query) {
  const plan = await page.get("plan", query);
  return [
    h("h3", {}, headline(plan)),
    sums(plan),
    plan.caveats.map((caveat) => h("p", { class: "hint said" }, `${caveat}.`)),
    plan.parts.map((part) => partOf(page, plan, part)),
    plan.ways.length ? section("Commands", plan.ways.map(({ does, command }) =>
      h("div", {}, h("p", { class: "said" }, `${does}:`), commandLine(command))),
    h("p", { class: "hint" }, "A dry run runs hours in memory: that is left to the command line, and not done in the API server.")) : null,
    h("p", {}, page.download("plan", query, "plan")),
  ].flat();
}

const span = (first, end) => (later(first, 1) === end ? first : `${first} to ${end}`);

function headline({ from, to, run }) {
  if (!run) return `${span(from, to)}: nothing to run`;
  return `${span(from, to)}: runs ${span(run.from, run.to)}`;
}

function sums({ run, steps, work, work_if_outdated: perhaps }) {
  if (!run) return null;
  const hours = (...names) => steps.filter(({ step }) => names.includes(step)).length;
  const rows = [
    { what: "to be run", hours: hours("RunHour", "RunAgain"), ...work },
    { what: "if need be", hours: hours("RunIfOutdated"), ...perhaps },
  ];
  return table("What the runs read", [
    { title: "Hours", of: ({ what, hours: n }) => `${number(n)} ${what}` },
    { title: "Objects", number: true, of: ({ objects }) => number(objects) },
    { title: "Bytes", number: true, of: ({ bytes }) => size(bytes) },
    { title: "Records", number: true, of: ({ records, uncounted }) => (uncounted
      ? `${number(records)}, and those of ${count(uncounted, "object")} not read yet` : number(records)) },
  ], rows);
}

function partOf(page, plan, { title, lines }) {
  const hourLink = (hour) => h("a", { href: page.address("hours", { hour }) }, hour);
  const [from, to] = [lines[0].first, lines.at(-1).end];
  const single = plan.steps.filter(({ hour, work }) => work && hour >= from && hour < to);
  return h("section", { class: "plan" }, h("h3", {}, title),
    table(`Steps, ${title}`, [
      { title: "Step", of: ({ step, says }) => h("span", { class: "step" },
        h("span", { class: `cell is-${STEPS[step]}`, "aria-hidden": "true" }, letterOf(step)), says) },
      { title: "Hours", class: "hours", of: ({ first, end, hours }) => (hours === 1 ? hourLink(first)
        : h("span", {}, hourLink(first), " to ", hourLink(later(end, -1)), `: ${number(hours)}`)) },
      { title: "Reads", of: ({ reads }) => reads },
    ], lines),
    single.length ? lazily("Hour by hour", () => table(`Hour by hour, ${title}`, [
      { title: "Hour", class: "hours", of: ({ hour }) => hourLink(hour) },
      { title: "Step", of: ({ hour, step }) =>
        lines.find((line) => line.step === step && line.first <= hour && hour < line.end)?.says },
      { title: "Objects", number: true, of: ({ work }) => number(work.objects) },
      { title: "Bytes", number: true, of: ({ work }) => size(work.bytes) },
      { title: "Records", number: true, of: ({ work }) => number(work.records) },
      { title: "Objects not read yet", number: true, of: ({ work }) => number(work.uncounted) },
    ], single)) : null);
}
