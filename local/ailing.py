"""A lake that is not whole: what the operator's page is shown, and tried, on.

A day and a half of a small fleet. An hour's ledger is gone, another one was run again with an
object that came late, so that those after it are outdated; the last have not been run.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from local.events import Sent, generate
from local.landing import LandedObject, land, put_s3
from local.mishaps import INVALID
from local.processes import stopping
from local.s3 import ACCESS_KEY, REGION, SECRET_KEY, S3Server
from local.stack import Stack
from sessionize.config import PipelineConfig, load_config
from sessionize.lake.storage import S3Credentials
from sessionize.model.hours import Hour, hours_between
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline

BUCKET = "events"
DAG_ID = "sessionize_nitro"

_SEED = 2017
_INSTALLATIONS = 120
_BACKFILL_SECONDS = 900.0  # on a machine that is busy with other work
_EVENTS_TO_SHOW = 60
_FIRST = Hour.parse("2017-02-04T10")
_PIPELINE = """\
name  = "nitro"
raw   = "s3://{bucket}/raw"
lake  = "s3://{bucket}/lake"
start = {start:%Y-%m-%dT%H:%M:%SZ}
end   = {end:%Y-%m-%dT%H:%M:%SZ}

[airflow]
delivery_wait = "0s"
aws_conn_id   = "aws_default"
catchup       = false
"""
#: Text that must stay text wherever it is shown.
HOSTILE = (
    b'{"action": "<script>window.hostile = 1</script><img src=x onerror=window.hostile=1>", '
    b'"timestamp": "1486242000", "inst_id": "\x01\x1b[31mred \xe2\x80\xaetxt.exe", '
    b'"build_id": "10.3.5.34"'
)


@dataclass(frozen=True)
class Ailing:
    """What is where.

    Attributes
    ----------
    file : Path
        The pipeline file.
    hours : list of Hour
        All of the pipeline.
    gap, late, interrupted, hostile : Hour
        The hour without a ledger; the one that was run again; one whose publication was broken
        off; one with `HOSTILE` in quarantine.
    machine : str
        One that has some sessions.
    again : list of Hour
        Outdated hours, from the first, that `run_again` runs in Airflow; others come after them.
    """

    file: Path
    config: PipelineConfig
    hours: list[Hour]
    gap: Hour
    late: Hour
    again: list[Hour]
    interrupted: Hour
    hostile: Hour
    machine: str
    _straggler: LandedObject


def land_events(server: S3Server, folder: Path) -> Ailing:
    """Land the events in the server's bucket; write the pipeline file into a folder."""
    hours = list(hours_between(_FIRST, Hour(_FIRST.start + timedelta(hours=36))))
    late = hours[18]
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "nitro.toml"
    file.write_text(_PIPELINE.format(bucket=BUCKET, start=hours[0].start, end=hours[-1].end))
    sent = generate(hours, seed=_SEED, installations=_INSTALLATIONS)
    landing = land(sent, seed=_SEED, straggler_of=late)
    hostile = hours[14]
    object_ = LandedObject(f"{hostile.landing_prefix}stream-1-hostile", HOSTILE + b"\n\xff\xfe\n")
    put_s3([*landing.objects, object_], server.s3, BUCKET, "raw")
    return Ailing(
        file=file,
        config=load_config(file),
        hours=hours,
        gap=hours[5],
        late=late,
        again=hours[19:21],
        interrupted=hours[26],
        hostile=hostile,
        machine=_machine(sent),
        _straggler=landing.stragglers[0],
    )


def _machine(sent: list[Sent]) -> str:
    """Return the machine whose number of events suits a look best."""
    events = Counter(
        record.body["inst_id"][: record.body["_l"]]
        for record in sent
        if record.kind not in INVALID and isinstance(record.body, dict) and "_l" in record.body
    )
    return min(events, key=lambda machine: (abs(events[machine] - _EVENTS_TO_SHOW), machine))


def run_most(ailing: Ailing, server: S3Server) -> None:
    """Run all hours but the last four, without Airflow; then do the harm."""
    keys = S3Credentials(ACCESS_KEY, SECRET_KEY, None, REGION, server.endpoint)
    pipeline = Pipeline.open(ailing.config, keys)
    for hour in ailing.hours[:-4]:
        run_hour(pipeline, hour)
    put_s3([ailing._straggler], server.s3, BUCKET, "raw")
    run_hour(pipeline, ailing.late)
    pipeline.lake.mark(ailing.interrupted, "interrupted", "the page is shown on it")
    pipeline.lake.storage.delete(f"_runs/{ailing.gap.partition}.json")


def run_again(ailing: Ailing, stack: Stack) -> None:
    """Let Airflow run some of the outdated hours again, so that it has runs of them."""
    stack.wait_for_dag(DAG_ID)
    stack.airflow("dags", "unpause", "--yes", DAG_ID)
    first, last = ailing.again[0], ailing.again[-1]
    span = ("-s", f"{first}:00", "-e", f"{last}:00")
    backfill = stack.start("backfill", "dags", "backfill", DAG_ID, *span, "--reset-dagruns")
    with stopping([backfill]):
        deadline = time.monotonic() + _BACKFILL_SECONDS
        while backfill.exit_code is None and time.monotonic() < deadline:
            stack.check()
            time.sleep(0.5)
        if backfill.exit_code != 0:
            backfill.fail("the backfill has failed, or has not ended in time")
