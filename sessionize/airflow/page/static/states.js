// The states of an hour: a letter and words beside the colour, for eyes that do not tell colours.

export const STATES = {
  done: { letter: "D", says: "run, and it stands on what the hour before has left" },
  running: { letter: "R", says: "Airflow runs it now" },
  waiting: { letter: "W", says: "not run: it waits for an hour before it" },
  missing: { letter: "M", says: "not run, though its time has come" },
  failed: { letter: "F", says: "not run: its run in Airflow has failed" },
  outdated: { letter: "O", says: "run, but an hour before it has changed since" },
  interrupted: { letter: "I", says: "its publication was broken off, or objects came since" },
  damaged: { letter: "X", says: "its ledger cannot be read" },
  reading: { letter: "…", says: "published; its ledger is being read" },
};

/** An hour's state, with what Airflow knows of its run. */
export function stateOf(row, run) {
  const open = run && (run.state === "running" || run.state === "queued");
  if (open) return run.waits_for || row.state === "waiting" ? "waiting" : "running";
  if (run?.state === "failed" && row.state === "missing") return "failed";
  return row.state;
}

/** The state in words, with what the hour waits for. */
export function sayState(state, run, previousMissing) {
  if (state === "waiting") {
    const waitsFor = run?.waits_for ?? previousMissing;
    return waitsFor ? `waits for ${waitsFor}` : "waiting";
  }
  return state;
}
