"""Objects as Firehose lands them: names, hours, framings, compressions, and what goes wrong."""

from __future__ import annotations

import itertools
import json
import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from local.encodings import COMPRESSIONS, FRAMINGS, LINE_FRAMINGS
from local.events import Sent
from sessionize.model.hours import Hour

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

STREAM = "nitro-events"
_BUFFER = timedelta(minutes=10)


@dataclass(frozen=True)
class LandedObject:
    """An object; its key is relative to the raw prefix."""

    key: str
    content: bytes

    @property
    def folder(self) -> str:
        """The folder of its hour: ``2017/02/04/23/``."""
        return self.key[:14]


@dataclass(frozen=True)
class Landing:
    """What lands in time, and what lands only after its hour has been run."""

    objects: list[LandedObject]
    stragglers: list[LandedObject]


def buffered(sent: Iterable[Sent], *, seed: int = 0) -> list[LandedObject]:
    """Write records as Firehose does: ten minutes an object, which its oldest record names.

    Each object has another pair of compression and framing; a buffer that is open when the hour
    ends holds records of two hours.
    """
    rng = random.Random(seed)
    pairs = itertools.cycle(_pairs())
    objects: list[LandedObject] = []
    for buffer in _buffers(sent):
        framing, compression = next(pairs)
        groups = [(buffer, framing)]
        if framing not in LINE_FRAMINGS:
            whole = [record for record in buffer if isinstance(record.body, dict)]
            aside = [record for record in buffer if isinstance(record.body, bytes)]
            groups = [(aside, "lines"), (whole, framing)]
        objects += [_object(rng, group, how, compression) for group, how in groups if group]
    return objects


def land(sent: Iterable[Sent], *, seed: int = 0, straggler_of: Hour | None = None) -> Landing:
    """Write records, and whatever else a real bucket holds.

    Beside the objects of :func:`buffered`: a gzip object that breaks off, a zero-byte object, a
    folder marker, an error-output prefix; and one object of ``straggler_of`` is held back.
    """
    objects = buffered(sent, seed=seed)
    stragglers: list[LandedObject] = []
    if straggler_of is not None:
        # The last buffer of an hour is the one that most often comes after the hour's run.
        stragglers = [o for o in objects if o.folder == straggler_of.landing_prefix][-1:]
        objects.remove(stragglers[0])
    broken = next(index for index, o in enumerate(objects) if o.key.endswith(".gz"))
    content = objects[broken].content
    objects[broken] = replace(objects[broken], content=content[: len(content) * 3 // 4])
    return Landing(objects + _foreign(objects[0]), stragglers)


def put_s3(objects: Iterable[LandedObject], s3: S3Client, bucket: str, prefix: str) -> None:
    """Put objects under a prefix of a bucket."""
    for landed in objects:
        s3.put_object(Bucket=bucket, Key=f"{prefix}/{landed.key}", Body=landed.content)


def put_folder(objects: Iterable[LandedObject], folder: Path) -> None:
    """Write objects into a local folder; a folder marker becomes a folder."""
    for landed in objects:
        path = folder / landed.key
        if landed.key.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(landed.content)


def _pairs() -> list[tuple[str, str]]:
    """Pair every framing with every compression, so that neighbours differ in both."""
    framings, compressions = list(FRAMINGS), list(COMPRESSIONS)
    return [
        (framings[(step + turn) % len(framings)], compression)
        for turn in range(len(framings))
        for step, compression in enumerate(compressions)
    ]


def _buffers(sent: Iterable[Sent]) -> Iterator[list[Sent]]:
    buffer: list[Sent] = []
    for record in sorted(sent, key=lambda record: record.arrived):
        if buffer and record.arrived >= buffer[0].arrived + _BUFFER:
            yield buffer
            buffer = []
        buffer.append(record)
    if buffer:
        yield buffer


def _object(
    rng: random.Random, records: Sequence[Sent], framing: str, compression: str
) -> LandedObject:
    suffix, compress = COMPRESSIONS[compression]
    content = FRAMINGS[framing]([record.body for record in records])
    return LandedObject(_key(rng, records[0].arrived) + suffix, compress(content))


def _key(rng: random.Random, arrived: datetime) -> str:
    name = uuid.UUID(int=rng.getrandbits(128), version=4)
    return f"{arrived:%Y/%m/%d/%H/}{STREAM}-1-{arrived:%Y-%m-%d-%H-%M-%S}-{name}"


def _foreign(neighbour: LandedObject) -> list[LandedObject]:
    """Make what lies in a bucket beside the data."""
    failure = {"attemptsMade": 4, "errorCode": "S3.AccessDenied", "rawData": "e30="}
    return [
        LandedObject(neighbour.folder, b""),
        LandedObject(f"{neighbour.key}-empty", b""),
        LandedObject(f"processing-failed/{neighbour.key}", json.dumps(failure).encode()),
    ]
