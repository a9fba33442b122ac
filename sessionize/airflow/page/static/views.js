// The page's tabs. To add one: a line here, and a module with `show(page)`, which returns what is
// to be seen. `page` is made in main.js. `keeps`: the parameters of its own in the address that another
// range does not change.

export const VIEWS = [
  { id: "hours", title: "Hours", load: () => import("./hours.js") },
  { id: "trends", title: "Trends", load: () => import("./trends.js"), keeps: ["by"] },
  { id: "quarantine", title: "Quarantine", load: () => import("./quarantine.js") },
  { id: "find", title: "Find", load: () => import("./find.js"), keeps: ["machine", "event"] },
  { id: "plan", title: "Plan", load: () => import("./plan.js"), keeps: ["later", "all"] },
];
