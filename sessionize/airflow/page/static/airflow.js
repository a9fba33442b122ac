// Airflow's UI around the page, which stands in a sandboxed frame of the same origin: its colours,
// its address, and links into it.

const parent = (() => {
  try {
    return window.parent !== window && window.parent.document ? window.parent : null;
  } catch {
    return null; // framed by something of another origin
  }
})();

// Airflow's names of what the style sheet has its own values for.
const COLOURS = {
  "--bg": "--chakra-colors-bg",
  "--bg-soft": "--chakra-colors-bg-muted",
  "--fg": "--chakra-colors-fg",
  "--border": "--chakra-colors-border",
};

/** Follow Airflow's theme, also when it changes; without Airflow around, the browser's. */
export function followTheme(changed) {
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const classes = parent?.document.documentElement.classList;
    const dark = classes?.contains("dark")
      || (!classes?.contains("light") && (localStorage.getItem("theme") === "dark"
        || (localStorage.getItem("theme") !== "light" && prefersDark.matches)));
    root.dataset.theme = dark ? "dark" : "light";
    if (parent) {
      const theirs = parent.getComputedStyle(parent.document.documentElement);
      for (const [ours, name] of Object.entries(COLOURS)) {
        const value = theirs.getPropertyValue(name);
        if (value) root.style.setProperty(ours, value);
      }
    }
    changed();
  };
  apply();
  prefersDark.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === "theme" && apply());
  if (parent) {
    new MutationObserver(apply).observe(parent.document.documentElement,
      { attributes: true, attributeFilter: ["class", "style"] });
  }
}

/** What stands in the address of Airflow's page, after the #. */
export const outerHash = () => (parent ? parent.location.hash : "");

/** Show the page's address in Airflow's, so that this can be linked and loaded again. */
export function mirror(hash) {
  if (!parent || parent.location.hash === hash) return;
  const { pathname, search } = parent.location;
  parent.history.replaceState(parent.history.state, "", `${pathname}${search}${hash}`);
}

/** Where something of Airflow's UI is: the page stands one level below its base. */
export const airflowUrl = (path) => new URL(`../${path}`, new URL(".", location.href)).href;

/** Follow a link out of the frame. Its sandbox lets nothing out, so Airflow's own page does it. */
export function leave(event) {
  if (!parent || event.defaultPrevented || event.button !== 0) return;
  event.preventDefault();
  const link = parent.document.createElement("a");
  link.href = event.currentTarget.href;
  if (event.ctrlKey || event.metaKey || event.shiftKey) link.target = "_blank";
  parent.document.body.append(link);
  link.click();
  link.remove();
}
