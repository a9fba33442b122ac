"""The operator's manual of a DAG, shown in the Airflow UI (``doc_md``)."""

from __future__ import annotations

from sessionize.config import PipelineConfig
from sessionize.model.hours import Hour

_MANUAL = """\
Turns the events that Firehose lands under `{raw}` into sessions under `{lake}`, hour by hour.
Sessions that are open at the end of an hour are carried into the next one, so **each hour stands on
the hour before**. The first is {start} UTC; it begins with no state.

- `wait_for_delivery` gives Firehose time, {wait} after the hour's end, to deliver what it buffers.
  It takes no worker slot meanwhile.
- `claim` decides which objects the hour reads: its own, and stragglers of earlier hours. It waits
  for `claim` of the hour before.
- `validate` reads a batch of objects. What is not a valid event goes to quarantine, with a reason.
- `enrich` cleans a batch, derives the columns, and deals the events out to machine shards.
- `previous_hour` is the turnstile: it waits for `publish` of the hour before. Meanwhile it has no
  status, and the run is *Running*; its *Note* says which hour it waits for.
- `check_state` makes sure that the hour before has left its state, and that it is not outdated.
- `sessionize` makes sessions of a shard's new events and the state of the hour before.
- `publish` checks that the counts add up, then makes the hour visible. Its XCom has the counts.
- `complete_day`, unless it is switched off, wakes `{dag_id}_daily` once all hours of the day are
  done, if the day is not made of them yet; otherwise it is skipped.

An empty hour has no batches: `validate` and `enrich` are skipped, the rest runs.

## When an hour fails

The task's log says what is wrong and what to do, in lines that begin with `FAULT` and `REMEDY`.
Storage trouble is tried again by itself; the rest
would not get better by trying. Nothing is half published, and the hours after it wait. Once it is
mended, run the hour again from its first task; those that wait go on, in order:

    airflow tasks clear {dag_id} -s {hour}:00 -e {hour}:00 -y

An hour that is done can be run again the same way. If that changes its state, `publish` warns which
later hours are outdated by it, and the notes of their runs say so: run them again, in order, with
`--reset-dagruns` (below).

## Backfill

Both dates belong to the range; they are the starts of hours, in UTC.

    airflow dags backfill {dag_id} -s {hour}:00 -e {last}:00

waits until all is done. `--dry-run` only says what would be done, `--rerun-failed-tasks` runs
failed hours again, `--reset-dagruns` all, `--replay` what must be run by what has landed, the
settings and the lake, with all that stands on it; `--unpause` unpauses the DAG (a paused one runs
nothing).
Airflow's own command works too; it does not wait:

    airflow backfill create --dag-id {dag_id} --reprocess-behavior completed \\
        --from-date {hour}:00Z --to-date {last}:00Z

`completed` runs done hours again, in order; `failed` would leave them on an outdated state.

In the UI: *Trigger*, then *Backfill*. *Date Range* takes the starts of the first and the last hour,
in UTC. Of *Reprocess Behavior* choose *All Runs*, which is `completed`: *Missing Runs* is refused,
and *Missing and Errored Runs* is `failed`. Leave *Run Backwards* off. Then *Run Backfill*.

## One hour by hand

Trigger the DAG with the param `hour`, and without a logical date:

    airflow dags trigger {dag_id} -c '{{"hour": "{hour}"}}'

In the UI: *Trigger*, then *Single Run*, with *Hour* filled in and without a *Logical Date*. An hour
that has not begun, or is none of the pipeline's, is refused by the first task.

With a logical date instead (`airflow dags test {dag_id} {hour}:00`) the run is for the hour that
begins there, whatever data interval Airflow gives it; a backfill mends the interval and runs it
again. If the hour before is missing or outdated, it fails with an error that says what to run
first.
"""


def manual_of(config: PipelineConfig) -> str:
    """Write the manual of a pipeline's DAG, in Markdown."""
    return _MANUAL.format(
        dag_id=f"sessionize_{config.name}",
        raw=config.raw,
        lake=config.lake,
        start=f"{config.start.start:%Y-%m-%d %H:00}",
        hour=config.start,
        last=_hours_later(config.start, 5),
        wait=config.airflow.delivery_wait,
    )


_DAILY_MANUAL = """\
Makes the day's datasets `daily_sessions`, `machines` and `daily_summary` under `{lake}`, from what
`sessionize_{name}` has published. **Each day stands on the day before**, from which the machines,
and the numbers of their sessions, are carried on.

A run comes when all hours of a day are done, and again when one of them has been published anew.
`make_days` makes that day, before it the days right before that are missing or outdated, and after
it the later ones that it outdates or that have waited for it. Each is published by itself; a day
that comes out as before changes nothing. The first day and the last may have fewer than 24 hours.

While this DAG is paused, nothing wakes it, and Airflow does not make up for that: the next day to
be done brings those right before it with it; whatever is not done is shown by

    python -m sessionize daily --config FILE --status

and made by a run for the first of them:

    airflow dags trigger {dag_id} -c '{{"date": "{day}"}}'
"""


def daily_manual_of(config: PipelineConfig) -> str:
    """Write the manual of a pipeline's daily DAG, in Markdown."""
    return _DAILY_MANUAL.format(
        dag_id=f"sessionize_{config.name}_daily",
        name=config.name,
        lake=config.lake,
        day=f"{config.start.start:%Y-%m-%d}",
    )


def _hours_later(hour: Hour, count: int) -> Hour:
    for _ in range(count):
        hour = hour.next
    return hour
