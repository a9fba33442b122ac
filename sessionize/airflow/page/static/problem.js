// What has gone wrong, what to do, and a way to try again.

import { Problem } from "./api.js";
import { h } from "./dom.js";

export function problem(error, again) {
  const known = error instanceof Problem;
  if (!known) console.error(error);
  return h("div", { class: "problem", role: "alert" },
    h("strong", {}, known ? error.fault : `the page has failed: ${error.message}`),
    h("p", {}, known ? error.remedy : "Load it again; if it comes back, report it."),
    h("button", { type: "button", onclick: again }, "Try again"));
}

/** What is found; or, for those who may not read it, what `without` makes of the fault. */
export async function unlessRefused(found, without) {
  try {
    return await found;
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 403) throw error;
    return without(error.fault);
  }
}

/** What a view has found; or what is wrong, below a form in which it can be mended. */
export async function orWhy(page, found) {
  try {
    return await found;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return page.problem(error);
  }
}
