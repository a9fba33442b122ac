"""The DAG's tasks: each opens the pipeline, does one stage of its run's hour, and says so.

What passes between them through XCom is a claim's id and small numbers; the data goes through the
lake. Imports that cost time stand inside the functions, so that the DAG files stay cheap to read.
"""

from __future__ import annotations

import logging
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow.sdk import Asset, get_current_context, task

from sessionize.airflow.faults import telling
from sessionize.airflow.run_date import date_of_run
from sessionize.airflow.run_hour import hour_of_run
from sessionize.config import load_config

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sessionize.lake.storage import StoredObject
    from sessionize.model.hours import Hour
    from sessionize.pipeline.stages import Pipeline

log = logging.getLogger(__name__)

#: What Airflow shows in place of the bare number of a mapped task, while it runs already.
_BATCH = "{{ ti.xcom_pull('claim', key='batch_names')[ti.map_index] }}"
_SHARD = "shard {{ ti.map_index + 1 }} of {{ ti.xcom_pull('claim', key='shards') }}"


def _open(pipeline_file: str) -> tuple[Pipeline, Hour]:
    """Open the pipeline and tell the run's hour.

    The file is read again in the task: what counts is what it says when the stage runs, and a stage
    notices by itself if that is no longer what the hour's claim was made with.
    """
    pipeline = _open_pipeline(pipeline_file)
    hour = hour_of_run(get_current_context())
    log.info("Pipeline %s, hour %s", pipeline.config.name, hour)
    return pipeline, hour


def _open_pipeline(pipeline_file: str) -> Pipeline:
    from sessionize.airflow.connection import credentials_of
    from sessionize.pipeline.stages import Pipeline

    config = load_config(pipeline_file)
    return Pipeline.open(config, credentials_of(config.airflow.aws_conn_id))


def _say(what: str, counts: dict[str, int]) -> dict[str, int]:
    log.info("%s: %s", what, ", ".join(f"{name} {count:,}" for name, count in counts.items()))
    return counts


def _in_words(batches: Sequence[Sequence[StoredObject]]) -> list[str]:
    """Say what each batch is: ``batch 3 of 12: 25 objects, 33.4 MB``."""
    texts = []
    for number, batch in enumerate(batches, start=1):
        objects = f"{len(batch):,} object{'' if len(batch) == 1 else 's'}"
        megabytes = sum(entry.size for entry in batch) / 1e6
        texts.append(f"batch {number} of {len(batches)}: {objects}, {megabytes:,.1f} MB")
    return texts


@task
@telling
def claim(pipeline_file: str) -> list[int]:
    """Claim the hour's objects and the stragglers; list the batches they are cut into.

    XCom ``claim_id`` names the claim, ``shards`` says how many machine shards it has,
    ``batch_names`` what each batch is.
    """
    from sessionize.pipeline import stages

    pipeline, hour = _open(pipeline_file)
    claimed = stages.claim(pipeline, hour)
    ti = get_current_context()["ti"]
    ti.xcom_push("claim_id", claimed.id)
    ti.xcom_push("shards", claimed.shards)
    ti.xcom_push("batch_names", _in_words(claimed.batches))
    return list(range(len(claimed.batches)))


@task(map_index_template=_BATCH)
@telling
def validate(pipeline_file: str, claim_id: str, batch: int) -> dict[str, int]:
    """Read a batch of objects; part the valid records from those for quarantine."""
    from sessionize.pipeline import stages

    pipeline, hour = _open(pipeline_file)
    return _say(f"Batch {batch + 1}", stages.validate_batch(pipeline, hour, claim_id, batch))


@task(map_index_template=_BATCH)
@telling
def enrich(pipeline_file: str, claim_id: str, batch: int) -> dict[str, int]:
    """Clean a batch's valid records, derive the columns, deal the events out to the shards."""
    from sessionize.pipeline import stages

    pipeline, hour = _open(pipeline_file)
    return _say(f"Batch {batch + 1}", stages.enrich_batch(pipeline, hour, claim_id, batch))


@task
@telling
def check_state(pipeline_file: str, shards: int) -> list[int]:
    """Make sure that the hour before has left a state to build upon; list the machine shards."""
    from sessionize.pipeline import stages

    pipeline, hour = _open(pipeline_file)
    stages.check_previous(pipeline, hour)
    return list(range(shards))


@task(map_index_template=_SHARD)
@telling
def sessionize(pipeline_file: str, claim_id: str, shard: int) -> dict[str, int]:
    """Carry a shard's open sessions on: state of the hour before and new events in, state out."""
    from sessionize.pipeline import stages

    pipeline, hour = _open(pipeline_file)
    return _say(f"Shard {shard + 1}", stages.sessionize_shard(pipeline, hour, claim_id, shard))


@task
@telling
def publish(pipeline_file: str, claim_id: str, sessions: Asset) -> dict[str, object]:
    """Publish the hour's partitions and its ledger; return the ledger's counts.

    The event of the asset ``sessions`` carries the hour as its partition key, and the ledger's
    counts.
    """
    from sessionize.airflow.lineage import emit_lineage
    from sessionize.airflow.metrics import count_published
    from sessionize.pipeline import stages

    pipeline, hour = _open(pipeline_file)
    published = stages.publish(pipeline, hour, claim_id)
    count_published(pipeline.config.name, published, datetime.now(UTC))
    emit_lineage(pipeline.config, published.ledger)
    counts = _say(f"{hour} is published", asdict(published.ledger.counts))
    outdated = [str(later) for later in published.outdated]
    if outdated:
        log.warning(
            "%d later hours now stand on an outdated state. Run them again, in order: "
            "airflow dags backfill sessionize_%s -s %s:00 -e %s:00 --reset-dagruns",
            *(len(outdated), pipeline.config.name, outdated[0], outdated[-1]),
        )
    objects = len(published.ledger.claimed)
    event = get_current_context()["outlet_events"][sessions]
    event.add_partitions(str(hour))
    event.extra = {"hour": str(hour), "objects": objects, **counts}
    return {**event.extra, "outdated": outdated}


@task
@telling
def complete_day(pipeline_file: str, days: Asset) -> str:
    """Say that all hours of the hour's day are done, and the day is to be made; or be skipped.

    The event of the asset ``days`` carries the day as its partition key. It is a task of its own
    because only one that is skipped leaves no event.
    """
    from airflow.sdk.exceptions import AirflowSkipException

    from sessionize.daily.inputs import is_due
    from sessionize.daily.records import is_of
    from sessionize.model.days import day_of

    pipeline, hour = _open(pipeline_file)
    day = day_of(hour)
    if not is_of(pipeline.config, hour) or not is_due(pipeline.lake, pipeline.config, day):
        raise AirflowSkipException(f"{day}: not all hours are done yet, or it is made of them")
    get_current_context()["outlet_events"][days].add_partitions(str(day))
    return str(day)


@task
@telling
def make_days(pipeline_file: str, made: Asset) -> dict[str, dict[str, int]]:
    """Make the run's day, and those before and after it that are to be made with it.

    The events of the asset ``made`` carry the days as their partition keys.
    """
    from sessionize.daily.onwards import run_onwards

    pipeline, day = _open_pipeline(pipeline_file), date_of_run(get_current_context())
    counts = {}
    for published in run_onwards(pipeline, day):
        of_day = str(published.ledger.day)
        counts[of_day] = _say(f"{of_day} is published", asdict(published.ledger.counts))
    get_current_context()["outlet_events"][made].add_partitions(list(counts))
    return counts
