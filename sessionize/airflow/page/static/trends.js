// Figures over the range, an hour or a day to a point.

import { chart } from "./charts.js";
import { facts, h } from "./dom.js";
import { unlessRefused } from "./problem.js";
import { sayProgress } from "./progress.js";
import { between, count, duration, number, plain, share, size } from "./words.js";

const LONG_H = 24 * 14;

export async function show(page) {
  const { first, end } = page.range;
  const by = page.params.get("by") ?? (between(first, end) > LONG_H ? "day" : "hour");
  const [view, stages] = await Promise.all([
    page.get("trends", { ...page.range, by }), stagesOf(page, by),
  ]);
  if (view.lengths_waiting) page.again();
  return [
    h("h2", {}, `Trends by ${by}`),
    h("p", { class: "switch" }, "By ", ...["hour", "day"].map((one) =>
      h("a", { href: page.address("trends", { by: one }), "aria-current": one === by && "true" }, one))),
    sayProgress(page, view.progress),
    summary(view),
    h("div", { class: "charts" }, chartsOf(page, view, by), stages ? stageChart(page, stages, by) : null),
    h("p", {}, page.download("trends", { ...page.range, by }, "trends")),
  ];
}

const stagesOf = (page, by) => unlessRefused(
  page.get("stages", { ...page.range, by }).then(({ stages }) => stages), () => null);

function summary(view) {
  const sum = (name) => view.buckets.reduce((all, bucket) => all + bucket[name], 0);
  const { lengths } = view;
  return h("div", {}, facts([
    ["Records", number(sum("records"))],
    ["Events in sessions", number(sum("settled"))],
    ["Sessions closed", number(sum("sessions_closed"))],
    ["Late", share(sum("valid") ? sum("late") / sum("valid") : null)],
    ["Quarantined", share(sum("records") ? sum("quarantined") / sum("records") : null)],
    ["Session, median", duration(lengths.median_s)],
    ["Session, 95th percentile", duration(lengths.p95_s)],
  ]), view.lengths_waiting
    ? h("p", { class: "hint" }, `Lengths of ${count(view.lengths_waiting, "hour")} are still to be read.`) : null);
}

function chartsOf(page, view, by) {
  const x = view.buckets.map(({ begin }) => begin);
  const line = (name, of) => ({ name, x, y: view.buckets.map(of) });
  const one = (options) => chart(page, { x: by === "day" ? "Day" : "Hour", ...options });
  const reasons = [...new Set(view.buckets.flatMap((b) => Object.keys(b.closed_by_reason)))].sort();
  return [
    one({ title: "Events", axis: "events", format: number, series: [
      line("records", (b) => b.records), line("valid", (b) => b.valid), line("in sessions", (b) => b.settled)] }),
    one({ title: "Sessions closed, by reason", axis: "sessions", kind: "bars", format: number,
      series: reasons.map((reason) => line(plain(reason), (b) => b.closed_by_reason[reason] ?? 0)) }),
    one({ title: "Shares of records", axis: "%", format: (v) => (v === null || v === undefined ? "–" : `${v.toFixed(3)} %`),
      series: [line("quarantined", (b) => percent(b.share_quarantined)),
        line("late", (b) => percent(b.share_late)), line("duplicates", (b) => percent(b.share_duplicates))] }),
    one({ title: "Session length", ...times([
      line("median", (b) => b.lengths.median_s), line("95th percentile", (b) => b.lengths.p95_s)]) }),
    histogram(page, view),
    one({ title: "Open sessions", axis: "sessions", format: number,
      series: [line("open at the end", (b) => b.sessions_open)] }),
    one({ title: "Objects read", axis: "objects", kind: "bars", format: number,
      series: [line("objects", (b) => b.objects)] }),
    one({ title: "Bytes", axis: "MB", format: (v) => (v === undefined ? "–" : size(v * 1e6)),
      series: [line("landed", (b) => b.bytes_landed / 1e6), line("published", (b) => b.bytes_published / 1e6)] }),
    one({ title: "Lag from the hour's end to publication", ...times([
      line("longest", (b) => b.lag_max_s)]) }),
  ];
}

const percent = (value) => (value === null ? null : 100 * value);

/** Series of seconds, in the unit that suits the longest of them. */
function times(series) {
  const longest = Math.max(0, ...series.flatMap(({ y }) => y.map((value) => value ?? 0)));
  const [axis, unit] = [["days", 86400], ["hours", 3600], ["minutes", 60], ["seconds", 1]]
    .find(([, one]) => longest >= 2 * one) ?? ["seconds", 1];
  const inUnit = (value) => (value === null || value === undefined ? null : value / unit);
  return { axis, format: (value) => duration(value === null || value === undefined ? null : value * unit),
    series: series.map((one) => ({ ...one, y: one.y.map(inUnit) })) };
}

function histogram(page, { length_bounds_s: bounds, lengths }) {
  const x = bounds.map((bound, n) => (n + 1 < bounds.length
    ? `${duration(bound)}–${duration(bounds[n + 1])}` : `${duration(bound)}–`));
  return chart(page, { title: "How long sessions are", axis: "sessions", kind: "bars", x: "Length",
    category: true, format: number, series: [{ name: "sessions", x, y: lengths.histogram }] });
}

function stageChart(page, stages, by) {
  const series = [...Map.groupBy(stages, ({ task_id: task }) => task)].map(([name, times]) =>
    ({ name, x: times.map(({ begin }) => begin), y: times.map(({ elapsed_s: s }) => s) }));
  return chart(page, { title: "Time per stage, from its first task's start to its last one's end",
    x: by === "day" ? "Day (mean of its hours)" : "Hour", ...times(series) });
}
