// The page around the views: pipeline, range, tabs; it shows the view that the address names.

import { address, amend, go, parts } from "./address.js";
import { airflowUrl, followTheme, leave, mirror, outerHash } from "./airflow.js";
import { ask, url } from "./api.js";
import { h } from "./dom.js";
import { problem } from "./problem.js";
import { between, later } from "./words.js";
import { VIEWS } from "./views.js";

const LONGEST_H = 10_240;
const PRESETS = [["Day", 24], ["Week", 168], ["30 days", 720], ["All", LONGEST_H]];
const AGAIN_MS = 1500;
const byId = (id) => document.getElementById(id);
const main = byId("main");

let pipelines = [];
let plotly = null;
let leaving = new AbortController();
let shown = null;

/** What a view is given. */
function pageOf(dag, params, signal) {
  const range = { first: params.get("first"), end: params.get("end") };
  const at = (path, query = {}) => url(`dags/${encodeURIComponent(dag.dag_id)}/${path}`, query);
  return {
    dag, range, params, signal, plotly,
    /** The URL of an answer about this pipeline; with `range` for one about a range. */
    at,
    get: (path, query) => ask(at(path, query), signal),
    address, go: goOrAgain,
    /** A link into Airflow's UI. */
    airflowLink: (path, ...text) => h("a", { href: airflowUrl(path), onclick: leave }, ...text),
    download: (path, query, name) =>
      h("a", { class: "download", href: at(path, query), download: `${dag.name}-${name}.json` },
        "Download JSON"),
    /** Show the view anew after a while: its figures are still being read, or will change. */
    again: (ms = AGAIN_MS) => setTimeout(() => signal.aborted || render(), ms),
    problem: (error) => problem(error, render),
  };
}

/** Go to an address; show it anew if it is the one that is shown. */
function goOrAgain(hash) {
  const before = location.hash;
  go(hash);
  if (location.hash === before) render();
}

async function render() {
  leaving.abort();
  leaving = new AbortController();
  const { signal } = leaving;
  const { view, params } = parts();
  const tab = VIEWS.find(({ id }) => id === view);
  const dag = pipelines.find(({ dag_id: id }) => id === params.get("dag"));
  main.setAttribute("aria-busy", "true");
  // What is shown may stay while it is asked for anew, but not below another heading.
  if (shown !== location.hash) main.replaceChildren(h("p", { class: "hint" }, "Reading …"));
  try {
    if (!dag) return show(nothingHere(params.get("dag")), "No pipeline");
    if (!tab || !params.get("first") || !params.get("end")) {
      return amendTo(address(tab ? view : "hours", { ...(await usualRange(dag)), ...rest(params) }));
    }
    drawShell(tab, dag, params);
    const { show: view_ } = await tab.load();
    const content = await view_(pageOf(dag, params, signal));
    if (!signal.aborted) show(content, `${tab.title} of ${dag.name}`);
  } catch (error) {
    if (error.name !== "AbortError" && !signal.aborted) show(problem(error, render), "A problem");
  } finally {
    if (!signal.aborted) main.removeAttribute("aria-busy");
  }
  return undefined;
}

const rest = (params) => Object.fromEntries([...params].filter(([name]) => !["first", "end"].includes(name)));

function amendTo(hash) {
  amend(hash);
  return render();
}

/** The last week of hours that there is. */
async function usualRange(dag) {
  const { first, end } = await ask(url(`dags/${encodeURIComponent(dag.dag_id)}/hours`));
  return { first, end: end > first ? end : later(first, 1) };
}

function show(content, title) {
  document.title = `${title} – Sessionize`;
  const key = location.hash;
  const { hour } = document.activeElement?.dataset ?? {};
  main.replaceChildren(...[content].flat(Infinity).filter((part) => part !== null && part !== undefined));
  mirror(location.hash);
  if (hour && shown === key) main.querySelector(`[data-hour="${hour}"]`)?.focus();
  // Whoever has followed a link by keyboard goes on from what it has led to.
  if (shown !== null && shown !== key && !document.activeElement?.closest("#range, #picker")) {
    main.focus({ preventScroll: true });
    scrollTo(0, 0);
  }
  shown = key;
  byId("says").textContent = `${title} is shown`;
}

function nothingHere(asked) {
  const links = pipelines.map(({ dag_id: id, name }) =>
    h("li", {}, h("a", { href: `#hours?dag=${encodeURIComponent(id)}` }, name)));
  const why = asked
    ? `${asked} is not a pipeline of sessionize that you may read: there is nothing to show of it here.`
    : "There is no pipeline that you may read.";
  return [h("h2", {}, "No pipeline"), h("p", {}, why),
    links.length ? [h("p", {}, "These are:"), h("ul", {}, links)]
      : h("p", {}, "Pipelines are TOML files in the folder SESSIONIZE_PIPELINES of the API server, "
        + "or in pipelines/ of its DAGs folder.")].flat();
}

function drawShell(tab, dag, params) {
  byId("tabs").replaceChildren(...VIEWS.map(({ id, title }) =>
    h("a", { href: address(id), "aria-current": id === tab.id && "page" }, title)));
  byId("pipeline").value = dag.dag_id;
  byId("first").value = `${params.get("first")}:00`;
  byId("end").value = `${params.get("end")}:00`;
  byId("range").hidden = false;
}

function showRange(first, end) {
  const { view, params } = parts();
  const { keeps = [] } = VIEWS.find(({ id }) => id === view) ?? {};
  const kept = Object.fromEntries(keeps.map((name) => [name, params.get(name)]));
  go(address(view, { ...kept, first, end }));
}

async function preset(hours) {
  const dag = pipelines.find(({ dag_id: id }) => id === parts().params.get("dag"));
  try {
    const { end } = await usualRange(dag);
    const start = dag.start.slice(0, 13);
    const most = Math.max(1, Math.min(hours, between(start, end)));
    showRange(later(end, -most), end);
  } catch (error) {
    show(problem(error, render), "A problem");
  }
}

function prepareShell() {
  byId("range").addEventListener("submit", (event) => {
    event.preventDefault();
    showRange(byId("first").value.slice(0, 13), byId("end").value.slice(0, 13));
  });
  byId("presets").append(...PRESETS.map(([title, hours]) =>
    h("button", { type: "button", class: "quiet", onclick: () => preset(hours) }, title)));
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault(); // the address belongs to the views
    main.focus();
  });
  byId("pipeline").addEventListener("change", (event) =>
    go(`#${parts().view}?dag=${encodeURIComponent(event.target.value)}`));
}

/** The pipeline of a DAG whose tab the page is; its days are another DAG. */
const pipelineOf = (dag) =>
  pipelines.find(({ dag_id: id }) => dag === `${id}_daily`)?.dag_id ?? dag;

async function start() {
  followTheme(() => dispatchEvent(new Event("themechange")));
  prepareShell();
  try {
    ({ pipelines, plotly } = await ask(url("pipelines")));
  } catch (error) {
    show(problem(error, render), "A problem");
    return;
  }
  byId("pipeline").append(...pipelines.map(({ dag_id: id, name }) => h("option", { value: id }, name)));
  const fixed = pipelineOf(new URLSearchParams(location.search).get("dag"));
  byId("picker").hidden = Boolean(fixed) || pipelines.length < 2;
  if (!location.hash && outerHash().includes("?")) amend(outerHash());
  const { view, params } = parts();
  if (fixed ? params.get("dag") !== fixed : !params.get("dag")) {
    const dag = fixed ?? pipelines[0]?.dag_id;
    amend(address(view || "hours", { ...Object.fromEntries(params), dag }));
  }
  addEventListener("hashchange", render);
  await render();
}

start();
