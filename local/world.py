"""The demo's world: a pipeline file, a bucket with the events of the last hours, more to come."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from local.environment import REPOSITORY
from local.events import Sent, generate
from local.firehose import create_stream, put_events
from local.landing import STREAM, LandedObject, land, put_s3
from local.mirror import load_bucket, save_bucket
from local.s3 import S3Server
from sessionize.config import load_config
from sessionize.model.hours import Hour, hours_between

FOLDER = REPOSITORY / ".demo"
BUCKET = "events"
RAW, LAKE = "raw", "lake"
DAG_ID = "sessionize_nitro"

_COMPLETE_HOURS = 7
# An older world would make the scheduler catch up on many hours without events.
_LONGEST = timedelta(hours=24)
_INSTALLATIONS = 600
_SEED = 2017
# Even when an hour has only just begun, it should have something to show.
_LEAST = timedelta(minutes=5)

_PIPELINE = """\
# The demo's pipeline. docs/configuration.md describes every setting.
name  = "nitro"
raw   = "s3://{bucket}/{raw}"
lake  = "s3://{bucket}/{lake}"
start = {start:%Y-%m-%dT%H:%M:%SZ}

[airflow]
delivery_wait = "0s"  # this Firehose delivers at once
aws_conn_id   = "aws_default"
tags          = ["demo"]
"""


@dataclass(frozen=True)
class World:
    """What is in ``FOLDER``, and what is still to happen.

    Attributes
    ----------
    start : Hour
        The pipeline's first hour.
    current : Hour
        The hour that is not over: its events come through Firehose.
    stragglers : list of LandedObject
        Objects of the last complete hour that land after its run.
    """

    start: Hour
    current: Hour
    stragglers: list[LandedObject]
    _coming: list[Sent]

    @property
    def complete(self) -> list[Hour]:
        """The hours that were over when the world was made."""
        return list(hours_between(self.start, self.current))

    def send_due(self, server: S3Server) -> int:
        """Put the events whose time has come through Firehose; return how many."""
        now = max(datetime.now(UTC), self.current.start + _LEAST)
        due = [sent for sent in self._coming if sent.arrived <= now]
        del self._coming[: len(due)]
        return put_events(server.firehose, STREAM, [sent.body for sent in due])

    def land_stragglers(self, server: S3Server) -> None:
        """Land what was held back."""
        put_s3(self.stragglers, server.s3, BUCKET, RAW)


def current_hour() -> Hour:
    """Return the hour that is not over."""
    return Hour(datetime.now(UTC).replace(minute=0, second=0, microsecond=0))


def home() -> Path:
    """Return the demo's ``AIRFLOW_HOME``."""
    return FOLDER / "airflow"


def pipelines() -> Path:
    """Return the folder of the demo's pipeline file."""
    return FOLDER / "pipelines"


def pipeline_file() -> Path:
    """Return the demo's pipeline file."""
    return pipelines() / "nitro.toml"


def bucket_folder() -> Path:
    """Return where the bucket is kept while no server runs."""
    return FOLDER / BUCKET


def make_world(server: S3Server, *, hours_to_come: int = 1) -> World:
    """Make the demo's world anew: older hours lie in the bucket, the current one is to come."""
    _is_kept().unlink(missing_ok=True)
    for old in (home(), pipelines(), bucket_folder()):
        shutil.rmtree(old, ignore_errors=True)
    current = current_hour()
    start = Hour(current.start - timedelta(hours=_COMPLETE_HOURS))
    pipelines().mkdir(parents=True)
    pipeline_file().write_text(
        _PIPELINE.format(bucket=BUCKET, raw=RAW, lake=LAKE, start=start.start)
    )
    sent = _events(start, current, hours_to_come)
    past = [record for record in sent if record.arrived < current.start]
    landing = land(past, seed=_SEED, straggler_of=current.previous)
    put_s3(landing.objects, server.s3, BUCKET, RAW)
    create_stream(server.firehose, STREAM, BUCKET, RAW)
    return World(start, current, landing.stragglers, sent[len(past) :])


def restore_world(server: S3Server, *, hours_to_come: int = 1) -> World | None:
    """Bring the last demo's world back, its events going on; None if there is none of today's."""
    if not _is_kept().exists():
        return None
    start, current = load_config(pipeline_file()).start, current_hour()
    if current.start - start.start > _LONGEST:
        return None
    load_bucket(server.s3, BUCKET, bucket_folder())
    _is_kept().unlink()
    create_stream(server.firehose, STREAM, BUCKET, RAW)
    now = datetime.now(UTC)
    coming = [sent for sent in _events(start, current, hours_to_come) if sent.arrived > now]
    return World(start, current, [], coming)


def keep_world(server: S3Server) -> None:
    """Keep the bucket, for :func:`restore_world` and for a look at its files."""
    save_bucket(server.s3, BUCKET, bucket_folder())
    _is_kept().touch()


def _is_kept() -> Path:
    """Return the file that is there while bucket and metadata database belong together."""
    return FOLDER / "kept"


def _events(start: Hour, current: Hour, hours_to_come: int) -> list[Sent]:
    end = Hour(current.start + timedelta(hours=hours_to_come))
    return generate(list(hours_between(start, end)), seed=_SEED, installations=_INSTALLATIONS)
