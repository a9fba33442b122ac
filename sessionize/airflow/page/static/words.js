// Figures, times and codes in words.

const NUMBER = new Intl.NumberFormat("en");

export const number = (value) => (value === null || value === undefined ? "–" : NUMBER.format(value));

export const share = (value) =>
  value === null || value === undefined ? "–" : `${(100 * value).toFixed(value < 0.001 ? 3 : 1)} %`;

/** Bytes, in units of 1,000. */
export function size(bytes) {
  let value = bytes;
  for (const unit of ["B", "kB", "MB", "GB"]) {
    if (value < 1000) return `${unit === "B" ? value : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}

/** A length of time, in its two largest units. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0) return `−${duration(-seconds)}`;
  if (seconds < 10) return `${Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60];
  const units = [[days, "d"], [hours, "h"], [minutes, "min"], [whole % 60, "s"]];
  const first = units.findIndex(([n]) => n);
  return units.slice(first, first + 2).filter(([n]) => n).map(([n, unit]) => `${n} ${unit}`).join(" ");
}

/** An instant, in UTC: 2017-02-04 22:15:03. */
export const instant = (text) => (text ? new Date(text).toISOString().replace("T", " ").slice(0, 19) : "–");

/** An instant to the millisecond, if it has any. */
export const exact = (text) =>
  (text ? new Date(text).toISOString().replace("T", " ").replace(/(\.000)?Z$/, "") : "–");

/** `bad_timestamp` → `bad timestamp`. */
export const plain = (code) => code.replaceAll("_", " ");

// Hours are texts, as in the ledgers: 2017-02-04T22.
const HOUR_MS = 3600_000;
const toMs = (hour) => Date.parse(`${hour}:00:00Z`);
const ofMs = (ms) => new Date(ms).toISOString().slice(0, 13);
export const later = (hour, hours) => ofMs(toMs(hour) + hours * HOUR_MS);
export const between = (first, end) => Math.round((toMs(end) - toMs(first)) / HOUR_MS);
export const count = (n, one, many = `${one}s`) => `${number(n)} ${n === 1 ? one : many}`;
