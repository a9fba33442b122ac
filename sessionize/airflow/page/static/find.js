// A machine's sessions, or what has become of an event.

import { facts, h, lazily, marked, section, table } from "./dom.js";
import { orWhy } from "./problem.js";
import { recordOf } from "./quarantine.js";
import { eventLine, sessionLine } from "./timeline.js";
import { count, duration, exact, instant, number, plain, size } from "./words.js";

export async function show(page) {
  const machine = page.params.get("machine");
  const event = page.params.get("event");
  const form = search(page, machine, event);
  if (machine) return [h("h2", {}, `Machine ${machine}`), form, await orWhy(page, ofMachine(page, machine))];
  if (event) return [h("h2", {}, `Event ${event}`), form, await orWhy(page, ofEvent(page, event))];
  return [h("h2", {}, "Find a machine or an event"), form,
    h("p", { class: "hint" }, "Looked for in the hours of the range: a longer one takes longer.")];
}

function search(page, machine, event) {
  const kind = h("select", { name: "kind", "aria-label": "What" },
    h("option", { value: "machine" }, "Machine"), h("option", { value: "event", selected: Boolean(event) }, "Event"));
  const id = h("input", { name: "id", required: true, maxlength: 1024, autocomplete: "off", spellcheck: "false",
    "aria-label": "Its id", value: machine ?? event ?? "" });
  return h("form", { class: "filters search", role: "search", onsubmit: (submit) => {
    submit.preventDefault();
    page.go(page.address("find", { [kind.value]: id.value }));
  } }, kind, id, h("button", { type: "submit" }, "Find"));
}

async function ofMachine(page, machine) {
  const query = { machine_id: machine, ...page.range };
  const view = await page.get("machine", query);
  const found = view.sessions.length + view.late.length + view.pending.length;
  return [
    work(view),
    found ? section("Time line", sessionLine(view))
      : h("p", {}, "Nothing is known of it in this range."),
    view.events_left_out ? h("p", { class: "hint" }, `${count(view.events_left_out, "event")} more are not shown.`) : null,
    view.sessions.map((session) => sessionOf(page, session)),
    view.late.length ? section("Late events", lateTable(page, view.late)) : null,
    view.pending.length ? section("Pending events", h("p", { class: "hint" },
      "They wait in the state until it is sure that no earlier one can come."), eventTable(page, "Pending events", view.pending)) : null,
    h("p", {}, page.download("machine", query, "machine")),
  ].flat();
}

function sessionOf(page, session, heading = "h3") {
  return h("section", { class: "session" },
    h(heading, {}, `${instant(session.started_at)} to ${instant(session.ended_at)} `,
      session.is_open ? h("span", { class: "tag is-running" }, "open") : null),
    facts([
      ["Began because", marked(session.began_why)],
      [session.is_open ? "Not ended" : "Ended because", marked(session.ended_why)],
      ["Length", duration(session.duration_s)],
      ["Events", number(session.event_count)],
      ["After the one before", session.since_previous_s === null ? null : duration(session.since_previous_s)],
      ["User", session.user_id],
      [session.is_open ? "Open at the end of" : "Closed by", h("a", { href: page.address("hours", { hour: session.hour }) }, session.hour)],
      ["Session", h("code", {}, session.session_id)],
      ...Object.entries(session.extra).map(([name, value]) => [name, value === null ? null : text(value)]),
    ]),
    session.events_before ? h("p", { class: "hint" }, `${count(session.events_before, "event")} of it were settled before the range.`) : null,
    session.events.length ? [eventLine(session), lazily(`Its ${count(session.events.length, "event")}`,
      () => eventTable(page, "Events of the session", session.events))] : null);
}

function eventTable(page, caption, events, more = []) {
  return table(caption, [
    { title: "Time", of: (event) => exact(event.event_time) },
    { title: "Action", of: (event) => event.action },
    { title: "Event", class: "key", of: (event) => h("a", { href: page.address("find", { event: event.event_id }) }, event.event_id) },
    ...more,
    { title: "Hour", of: (event) => event.hour },
    { title: "Object", class: "key", of: (event) => `${event.object_key} [${event.position}]` },
  ], events);
}

const lateTable = (page, events) => eventTable(page, "Late events", events, [
  { title: "Settled up to", of: (event) => exact(event.frontier) },
  { title: "Late by", number: true, of: (event) => duration(event.late_by_s) },
]);

async function ofEvent(page, id) {
  const query = { event_id: id, ...page.range };
  const view = await page.get("event", query);
  return [
    work(view),
    view.fates.length ? null : h("p", {}, "No record with this id is known in this range."),
    view.fates.map((fate) => section(`${plain(fate.fate)}, ${fate.hour}`, h("p", {}, marked(fate.why)),
      fate.event ? [
        h("p", {}, h("a", { href: page.address("find", { machine: fate.event.machine_id }) }, `Machine ${fate.event.machine_id}`)),
        fate.fate === "late" ? lateTable(page, [fate.event]) : eventTable(page, "The event", [fate.event]),
        columnsOf(fate.event)] : null,
      fate.session ? sessionOf(page, fate.session, "h4") : null,
      fate.record ? h("ol", { class: "records" }, recordOf(fate.record)) : null)),
    view.fates_left_out ? h("p", { class: "hint" }, `${count(view.fates_left_out, "record")} more with this id.`) : null,
    h("p", {}, page.download("event", query, "event")),
  ].flat();
}

const text = (value) => (typeof value === "string" ? value : JSON.stringify(value));

const columnsOf = (event) => lazily("All its columns", () =>
  facts(Object.entries(event.extra).map(([name, value]) => [name, value === null ? null : text(value)])));

function work({ read, missing_hours: missing }) {
  const gaps = missing ? ` ${count(missing, "hour")} of the range ${missing === 1 ? "is" : "are"} not published and not looked at.` : "";
  return h("p", { class: "hint" },
    `${count(read.files, "file")} of ${count(read.hours, "published hour")} read, ${size(read.bytes)}.${gaps}`);
}
