// The page's tabs. To add one: a line here, and a module with `show(page)`, which returns what is
// to be seen. `page` is made in main.js.

export const VIEWS = [
  { id: "hours", title: "Hours", load: () => import("./hours.js") },
  { id: "trends", title: "Trends", load: () => import("./trends.js") },
  { id: "quarantine", title: "Quarantine", load: () => import("./quarantine.js") },
  { id: "find", title: "Find", load: () => import("./find.js") },
];
