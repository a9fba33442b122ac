// Sessions and events along a line of time. The tables beside them say the same in words.

import { h, svg } from "./dom.js";
import { count, duration, instant } from "./words.js";

const WIDTH = 1000; // units of the drawing, which takes the width that there is
const at = (text) => Date.parse(text);

function scale(from, to) {
  const span = Math.max(to - from, 1000);
  return (ms) => 10 + ((WIDTH - 20) * (ms - from)) / span;
}

function drawing(label, height, ...children) {
  return svg("svg", { viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", class: "line", role: "img", "aria-label": label },
    svg("title", {}, label), children);
}

function frame(from, to, picture) {
  return h("div", { class: "timeline" }, picture,
    h("div", { class: "ends" }, h("span", {}, instant(new Date(from).toISOString())), h("span", {}, instant(new Date(to).toISOString()))));
}

/** All sessions of a machine as bars, its late and pending events as marks above and below. */
export function sessionLine(view) {
  const loose = [...view.late, ...view.pending];
  const times = [...view.sessions.flatMap((s) => [at(s.started_at), at(s.ended_at)]), ...loose.map((e) => at(e.event_time))];
  const [from, to] = [Math.min(...times), Math.max(...times)];
  const x = scale(from, to);
  const bars = view.sessions.map((s) => svg("rect", {
    x: x(at(s.started_at)), y: 14, height: 20, width: Math.max(3, x(at(s.ended_at)) - x(at(s.started_at))),
    class: s.is_open ? "bar open" : "bar" },
  svg("title", {}, `${instant(s.started_at)} to ${instant(s.ended_at)}, ${count(s.event_count, "event")}`)));
  const marks = (events, y, name) => events.map((e) => svg("path", { d: `M${x(at(e.event_time))} ${y}v10`, class: name },
    svg("title", {}, `${name}: ${instant(e.event_time)} ${e.action}`)));
  const label = `${count(view.sessions.length, "session")}, ${count(view.late.length, "late event")}, ${count(view.pending.length, "pending event")}`;
  return h("div", {}, frame(from, to, drawing(label, 48, svg("path", { d: `M0 24H${WIDTH}`, class: "axis" }),
    bars, marks(view.late, 2, "late"), marks(view.pending, 36, "pending"))),
  h("p", { class: "hint" }, `${label}. Bars are sessions; marks above are late events, below pending ones.`));
}

/** A session's events as marks on its bar. */
export function eventLine(session) {
  const [from, to] = [at(session.started_at), at(session.ended_at)];
  const x = scale(from, to);
  const label = `${count(session.events.length, "event")} in ${duration(session.duration_s)}`;
  return frame(from, to, drawing(label, 30,
    svg("rect", { x: x(from), y: 5, height: 20, width: Math.max(3, x(to) - x(from)), class: session.is_open ? "bar open" : "bar" }),
    session.events.map((e) => svg("path", { d: `M${x(at(e.event_time))} 1v28`, class: "event" },
      svg("title", {}, `${instant(e.event_time)} ${e.action}`)))));
}
