// What is shown stands in the address, so that it can be linked and loaded again:
// #hours?dag=sessionize_nitro&first=2017-02-04T22&end=2017-02-05T04

export const parts = () => {
  const [view, query = ""] = decodeHash().split("?", 2);
  return { view, params: new URLSearchParams(query) };
};

// A text in it may hold a question mark, quoted.
const decodeHash = () => location.hash.slice(1);

/** The address of a view; the pipeline and the range are kept, other parameters are not. */
export function address(view, changes = {}) {
  const { params } = parts();
  const kept = new URLSearchParams();
  for (const name of ["dag", "first", "end"]) {
    if (params.get(name)) kept.set(name, params.get(name));
  }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === undefined || value === "") kept.delete(name);
    else kept.set(name, value);
  }
  return `#${view}?${kept}`;
}

export const go = (hash) => { location.hash = hash; };

/** Change the address without a step in the browser's history. */
export const amend = (hash) => history.replaceState(history.state, "", hash);
