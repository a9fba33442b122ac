// One hour: its ledger, its place in the chain, its run in Airflow, its objects and files.

import { facts, h, section, table } from "./dom.js";
import { unlessRefused } from "./problem.js";
import { stateOf, STATES, sayState } from "./states.js";
import { count, duration, instant, later, number, plain, size } from "./words.js";

// The name of the state before the first hour.
const NO_STATE = "empty";

export async function show(page) {
  const hour = page.params.get("hour");
  const path = `hours/${encodeURIComponent(hour)}`;
  const [view, { run, tasks, refused }] = await Promise.all([page.get(path), runOf(page, path)]);
  const { row } = view;
  const state = stateOf(row, run);
  return [
    h("nav", { class: "steps", "aria-label": "Hours" },
      hour > page.dag.start.slice(0, 13)
        ? h("a", { href: page.address("hours", { hour: later(hour, -1) }) }, `← ${later(hour, -1)}`) : null,
      h("a", { href: page.address("hours") }, "all hours"),
      h("a", { href: page.address("hours", { hour: later(hour, 1) }) }, `${later(hour, 1)} →`)),
    h("h2", {}, `${hour} `, h("span", { class: `tag is-${state}` },
      `${STATES[state]?.letter ?? ""} ${sayState(state, run, state === "waiting" ? later(hour, -1) : null)}`)),
    h("p", { class: "hint" }, row.problem ?? `${STATES[state]?.says ?? ""}.`),
    row.counts ? ledger(page, hour, row) : null,
    section("Chain of state", chainOf(row, hour)),
    section("Run in Airflow", ...runIn(page, run, tasks, refused)),
    row.counts ? section("Objects read", ...objects(page, hour, view)) : null,
    row.counts ? section("Files written", ...files(view)) : null,
    h("p", {}, page.download(path, {}, hour)),
  ];
}

const runOf = (page, path) => unlessRefused(page.get(`${path}/run`),
  (refused) => ({ run: null, tasks: [], refused }));

function ledger(page, hour, row) {
  const c = row.counts;
  const refused = c.quarantined
    ? h("a", { href: page.address("quarantine", { hour }) }, number(c.quarantined)) : "0";
  return section("Ledger",
    facts([
      ["Records read", number(c.records_read)],
      ["Valid", number(c.valid)],
      ["Quarantined", refused],
      ["Pending before", number(c.pending_before), "events that waited in the state before"],
      ["Settled", number(c.settled), "events that went into sessions"],
      ["Late", number(c.late), "events behind what was published already"],
      ["Duplicates", number(c.duplicates)],
      ["Pending after", number(c.pending_after)],
      ["Sessions closed", number(c.sessions_closed)],
      ["Sessions open", number(c.sessions_open), "at the end of the hour"],
      ["Events in them", number(c.events_open)],
      ["Published", instant(row.published_at)],
      ["Lag", duration(row.lag_s), "from the hour's end to its publication"],
      ["Objects", number(row.objects)],
      ["Landed", size(row.bytes_landed)],
      ["Settings", h("code", {}, row.settings ?? "–"), "the fingerprint of those that it was run under"],
    ]),
    h("div", { class: "pair" },
      byReason("Quarantined, by reason", row.quarantined_by_reason,
        (reason) => page.address("quarantine", { hour, reason })),
      byReason("Sessions closed, by reason", row.closed_by_reason)));
}

function byReason(caption, counts, link) {
  const rows = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  if (!rows.length) return h("p", { class: "hint" }, `${caption}: none.`);
  return table(caption, [
    { title: "Reason", of: ([reason]) => (link ? h("a", { href: link(reason) }, plain(reason)) : plain(reason)) },
    { title: "Count", number: true, of: ([, n]) => number(n) },
  ], rows);
}

function chainOf(row, hour) {
  if (!row.state_fingerprint) return h("p", {}, "It has left no state.");
  return h("ol", { class: "chain" },
    row.previous_state === NO_STATE ? null : h("li", { class: row.chain_broken && "broken" },
      `${later(hour, -1)} has left `,
      row.chain_broken ? "another state by now, or none" : h("code", {}, row.previous_state)),
    h("li", {}, `${hour} stands on `, h("code", {}, row.previous_state)),
    h("li", {}, `${hour} has left `, h("code", {}, row.state_fingerprint)));
}

function runIn(page, run, tasks, refused) {
  if (refused) return [h("p", { class: "hint" }, `Not shown: ${refused}.`)];
  if (!run) return [h("p", {}, "Airflow has no run of this hour: it was run without Airflow, or not at all.")];
  const columns = [
    { title: "Task", of: (task) => page.airflowLink(task.path, `${task.task_id}${
      task.map_index === null ? "" : ` [${task.map_index}]`}`) },
    { title: "State", of: (task) => plain(task.state ?? "not started") },
    { title: "Tries", number: true, of: (task) => number(task.tries) },
    { title: "Started", of: (task) => instant(task.started) },
    { title: "Took", number: true, of: (task) => duration(task.seconds) },
  ];
  return [
    h("p", {}, page.airflowLink(run.path, run.run_id), `: ${run.state}`,
      run.started && run.ended ? `, ${duration((Date.parse(run.ended) - Date.parse(run.started)) / 1000)}` : ""),
    table("Tasks; each leads to its logs", columns, tasks),
  ];
}

function objects(page, hour, view) {
  const columns = [
    { title: "Object", class: "key", of: (entry) => entry.key },
    { title: "Size", number: true, of: (entry) => size(entry.size) },
    { title: "Records", number: true, of: (entry) => number(entry.records) },
    { title: "Valid", number: true, of: (entry) => number(entry.valid) },
    { title: "Quarantined", number: true, of: (entry) => (entry.quarantined
      ? h("a", { href: page.address("quarantine", { hour, object: entry.key }) }, number(entry.quarantined)) : "0") },
  ];
  const more = view.claimed_left_out
    ? h("p", { class: "hint" }, `${count(view.claimed_left_out, "object")} more in the ledger.`) : null;
  return [table("Objects, the most refused records first", columns, view.claimed), more];
}

function files(view) {
  const rows = [
    ...Object.entries(view.published).map(([name, file]) => ({ name, ...file })),
    ...Object.entries(view.state).map(([name, file]) => ({ name: `state: ${name}`, ...file })),
  ];
  const columns = [
    { title: "What", of: (file) => file.name },
    { title: "Rows", number: true, of: (file) => number(file.rows) },
    { title: "Size", number: true, of: (file) => size(file.bytes) },
    { title: "File", class: "key", of: (file) => file.key },
    { title: "SHA-256", of: (file) => h("code", { title: file.sha256 }, file.sha256.slice(0, 12)) },
  ];
  return [table("Files in the lake", columns, rows),
    h("p", { class: "hint" }, "The ledger is ", h("code", {}, view.ledger_url))];
}
