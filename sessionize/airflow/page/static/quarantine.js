// What was refused: reasons over time, then an hour's records one by one.

import { chart } from "./charts.js";
import { h, marked, section, table } from "./dom.js";
import { sayProgress } from "./progress.js";
import { between, count, number, plain, share } from "./words.js";

const PAGE = 50;
const LONG_H = 24 * 14;
const MOST_HOURS = 200;

export async function show(page) {
  return page.params.get("hour") ? records(page) : reasons(page);
}

async function reasons(page) {
  const view = await page.get("quarantine", page.range);
  const codes = Object.keys(view.by_reason);
  const refused = view.hours.filter(({ quarantined }) => quarantined);
  const total = refused.reduce((all, { quarantined }) => all + quarantined, 0);
  const read = view.hours.reduce((all, hour) => all + hour.records, 0);
  return [
    h("h2", {}, `${count(total, "record")} refused, ${share(read ? total / read : null)} of ${number(read)}`),
    sayProgress(page, view.progress),
    overTime(page, codes, view.hours),
    codes.length ? section("Reasons", table("Reasons and the rules that refuse", [
      { title: "Reason", of: (code) => h("code", {}, code) },
      { title: "Records", number: true, of: (code) => number(view.by_reason[code]) },
      { title: "Rule", of: (code) => marked(view.rules[code]) },
    ], codes)) : null,
    refused.length ? section("Hours", table("Hours with refused records; each leads to them", [
      { title: "Hour", class: "hours", of: ({ hour }) => h("a", { href: page.address("quarantine", { hour }) }, hour) },
      { title: "Refused", number: true, of: ({ quarantined }) => number(quarantined) },
      { title: "Share", number: true, of: (hour) => share(hour.records ? hour.quarantined / hour.records : null) },
      { title: "Reasons", of: ({ hour, by_reason: by }) => h("span", {}, Object.entries(by).flatMap(([code, n], at) =>
        [at ? ", " : "", h("a", { href: page.address("quarantine", { hour, reason: code }) }, `${plain(code)} ${number(n)}`)])) },
    ], refused.slice(-MOST_HOURS).toReversed()), refused.length > MOST_HOURS ? h("p", { class: "hint" },
      `${count(refused.length - MOST_HOURS, "earlier hour")} with refused records: choose a range that ends before.`) : null) : null,
    view.worst.length ? section("Objects", table("Objects with the most refused records", [
      { title: "Object", class: "key", of: ({ hour, key }) =>
        h("a", { href: page.address("quarantine", { hour, object: key }) }, key) },
      { title: "Read by", of: ({ hour }) => hour },
      { title: "Refused", number: true, of: ({ quarantined }) => number(quarantined) },
      { title: "Records", number: true, of: (object) => number(object.records) },
    ], view.worst)) : null,
    h("p", {}, page.download("quarantine", page.range, "quarantine")),
  ];
}

/** Reasons by hour; by day in a long range. */
function overTime(page, codes, hours) {
  const by = between(page.range.first, page.range.end) > LONG_H ? "Day" : "Hour";
  const groups = Map.groupBy(hours, ({ hour }) => (by === "Day" ? hour.slice(0, 10) : hour));
  const sum = (all, code) => all.reduce((n, { by_reason: found }) => n + (found[code] ?? 0), 0);
  return chart(page, { title: "Refused records, by reason", axis: "records", kind: "bars", format: number, x: by,
    series: codes.map((code) => ({ name: plain(code), x: [...groups.keys()],
      y: [...groups.values()].map((all) => sum(all, code)) })) });
}

async function records(page) {
  const [hour, reason, object] = ["hour", "reason", "object"].map((name) => page.params.get(name));
  const offset = Number(page.params.get("offset") ?? 0);
  const path = `hours/${encodeURIComponent(hour)}/quarantine`;
  const query = { reason, object_key: object, offset, limit: PAGE };
  const [view, whole] = await Promise.all([
    page.get(path, query), page.get(`hours/${encodeURIComponent(hour)}`)]);
  const at = (changes) => page.address("quarantine", { hour, reason, object, ...changes });
  return [
    h("nav", { class: "steps", "aria-label": "Quarantine" },
      h("a", { href: page.address("quarantine") }, "← all reasons"),
      h("a", { href: page.address("hours", { hour }) }, `the ledger of ${hour}`)),
    h("h2", {}, `${count(view.total, "refused record")} of ${hour}`),
    filters(page, at, whole, { reason, object }),
    view.settings_changed ? h("p", { class: "hint" },
      "The hour was run under other settings than today's: the rules below are today's.") : null,
    view.records.length ? h("ol", { class: "records", start: offset + 1 }, view.records.map(recordOf))
      : h("p", {}, "None."),
    pages(at, offset, view.total),
    h("p", {}, page.download(path, query, `quarantine-${hour}`)),
  ];
}

function filters(page, at, whole, { reason, object }) {
  const pick = (label, name, chosen, options) => h("label", {}, label, " ",
    h("select", { onchange: (event) => page.go(at({ [name]: event.target.value })) },
      h("option", { value: "" }, "all"),
      options.map(([value, text]) => h("option", { value, selected: value === chosen }, text))));
  const codes = Object.entries(whole.row.quarantined_by_reason).map(([code, n]) => [code, `${plain(code)} (${number(n)})`]);
  const objects = whole.claimed.filter(({ quarantined }) => quarantined)
    .map(({ key, quarantined }) => [key, `${key} (${number(quarantined)})`]);
  if (object && !objects.some(([key]) => key === object)) objects.push([object, object]);
  return h("div", { class: "filters" }, pick("Reason", "reason", reason, codes), pick("Object", "object", object, objects));
}

export function recordOf(record) {
  const shown = record.raw.length < record.raw_length && !record.raw_is_bytes
    ? `the first of ${count(record.raw_length, "character")}`
    : count(record.raw_length, record.raw_is_bytes ? "byte" : "character");
  return h("li", {},
    h("p", {}, h("strong", {}, plain(record.reason)), ": ", marked(record.detail)),
    h("p", { class: "hint" }, "Rule: ", marked(record.rule)),
    h("p", { class: "hint" }, "Object ", h("span", { class: "key" }, record.object_key), `, record ${number(record.position)}`),
    h("p", { class: "hint" }, `${record.raw_is_bytes ? "Bytes that are no UTF-8" : "Raw text"}, ${shown}:`),
    h("pre", { class: "raw", tabindex: "0", role: "region", "aria-label": "Raw text" }, record.raw));
}

function pages(at, offset, total) {
  if (total <= PAGE) return null;
  const last = Math.min(offset + PAGE, total);
  return h("nav", { class: "steps", "aria-label": "Pages" },
    offset ? h("a", { href: at({ offset: Math.max(0, offset - PAGE) || null }) }, "← earlier") : null,
    h("span", {}, `${number(offset + 1)} to ${number(last)} of ${number(total)}`),
    last < total ? h("a", { href: at({ offset: last }) }, "later →") : null);
}
