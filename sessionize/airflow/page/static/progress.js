// Ledgers that are still being read: how far, and the view again soon.

import { h } from "./dom.js";
import { number } from "./words.js";

export function sayProgress(page, progress) {
  if (!progress || progress.read >= progress.known) return null;
  page.again();
  return h("p", { class: "hint" },
    h("progress", { max: progress.known, value: progress.read, "aria-label": "Ledgers read" }),
    ` ${number(progress.read)} of ${number(progress.known)} ledgers are read.`);
}
