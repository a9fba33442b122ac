// Questions to the server; what it refuses becomes a Problem with a fault and a remedy.

export class Problem extends Error {
  constructor(status, fault, remedy) {
    super(fault);
    Object.assign(this, { status, fault, remedy });
  }
}

/** Where an answer can be had: ask it, or link it for a download. */
export function url(path, params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) =>
    value !== null && value !== undefined && value !== ""));
  return `api/${path}${query.size ? `?${query}` : ""}`;
}

export async function ask(where, signal) {
  let response;
  try {
    response = await fetch(where, { signal, headers: { Accept: "application/json" } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "Airflow's API server does not answer", "See whether it runs; try again.");
  }
  let body;
  try {
    body = await response.json();
  } catch {
    throw new Problem(response.status, `the answer is not JSON (${response.status})`,
      "See what stands between the browser and Airflow's API server.");
  }
  if (!response.ok) throw new Problem(response.status, body.fault ?? "it failed", body.remedy ?? "");
  return body;
}
