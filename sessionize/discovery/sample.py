"""The first records of a few objects, decoded, and what the objects look like."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pandas as pd

from sessionize.config import Landing
from sessionize.discovery.browse import LandedHour, landed_hours
from sessionize.lake.storage import Storage, StoredObject
from sessionize.landing import raw_bytes, raw_text, read_records
from sessionize.landing.compression import compression_of
from sessionize.model.errors import NothingFoundError
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import LandingPrefix

#: Hours that are looked into besides the first one, and objects of each.
NEWEST_HOURS, OBJECTS = 3, 3
#: What is read of an object, at most: records, and about so many bytes of text.
RECORDS, TEXT_BYTES = 500, 4 << 20
#: What is read at a time, and the longest record.
_PORTION, _LANDING = 256 << 10, Landing()

_SHOWN = 100


@dataclass(frozen=True)
class Record:
    """A decoded record, and the hour under which it landed."""

    hour: Hour
    fields: dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """What has been read.

    Attributes
    ----------
    records : tuple of Record
        Those that are JSON objects.
    unreadable : Counter of str
        The others, by reason.
    compressions, framings : Counter of str
        What objects are compressed with, and how their records stand: for each, how many objects.
    hours : tuple of Hour
        The hours that have been looked into, in order; the first is the first under which anything
        has landed.
    objects : int
        How many have been looked into.
    example : str
        The beginning of a record that cannot be read.
    """

    records: tuple[Record, ...]
    hours: tuple[Hour, ...]
    objects: int
    unreadable: Counter[str]
    compressions: Counter[str]
    framings: Counter[str]
    example: str = ""


def read_sample(storage: Storage, prefix: LandingPrefix) -> Sample:
    """Read a few objects of the newest hours and of the first one.

    Raises
    ------
    NothingFoundError
        If no record there is a JSON object; it shows what there is.
    StorageError
        If the store cannot be read.
    """
    newest = itertools.islice(landed_hours(storage, prefix, newest_first=True), NEWEST_HOURS)
    found = {landed.hour: landed for landed in newest}
    first = next(landed_hours(storage, prefix, newest_first=False), None)
    if first is not None:
        found.setdefault(first.hour, first)
    hours = [found[hour] for hour in sorted(found)]
    sample = sample_of(
        (landed.hour, entry.key, storage.stream(entry.key, entry.etag))
        for landed in hours
        for entry in spread(landed)
    )
    if not sample.records:
        raise NothingFoundError(
            f"{storage.url}: of {sample.objects} objects under {prefix} no record is a JSON object "
            f"({_counted(sample.unreadable) or 'they are empty'}"
            + (f", such as {sample.example!r}" if sample.example else "")
            + ")",
            "A pipeline reads JSON objects: give the place where those land.",
        )
    return sample


def spread(landed: LandedHour, count: int = OBJECTS) -> list[StoredObject]:
    """Return a few of an hour's objects: the first, the last, and some between."""
    last = len(landed.objects) - 1
    steps = max(1, count - 1)
    places = sorted({round(number * last / steps) for number in range(count)})
    return [landed.objects[place] for place in places]


def sample_of(objects: Iterable[tuple[Hour, str, Iterable[bytes]]]) -> Sample:
    """Read the first records of objects that are given as hour, key and bytes."""
    records: list[Record] = []
    hours: dict[Hour, None] = {}
    unreadable: Counter[str] = Counter()
    compressions: Counter[str] = Counter()
    framings: Counter[str] = Counter()
    example, count = "", 0
    for hour, key, content in objects:
        hours[hour] = None
        count += 1
        chunks = iter(content)
        head = next(chunks, b"")
        compressions[compression_of(head)] += 1
        texts: list[bytes] = []
        for whole, text, reason in _first_records(key, itertools.chain([head], chunks)):
            texts.append(whole)
            if reason is None:
                records.append(Record(hour, msgspec.json.decode(text)))
            else:
                unreadable[reason] += 1
                example = example or raw_text(text[:_SHOWN])[0]
        if texts:
            framings[framing_of(texts)] += 1
        _close(chunks)
    return Sample(
        tuple(records),
        tuple(sorted(hours)),
        count,
        unreadable,
        compressions,
        framings,
        example,
    )


def framing_of(texts: list[bytes]) -> str:
    """Say how records stand that are given with what is blank behind each."""
    if any(b"\n" in text.strip() for text in texts):
        return "objects over several lines"
    if len(texts) > 1 and not any(b"\n" in text for text in texts[:-1]):
        return "objects run together"
    return "one object a line"


def _first_records(key: str, chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bytes, str | None]]:
    """Yield records with and without what is blank behind, and why some cannot be read."""
    read, size = 0, 0
    for records in read_records([(key, chunks)], {}, _LANDING, batch_bytes=_PORTION):
        frame = records.frame
        reasons = [None if pd.isna(reason) else str(reason) for reason in frame["reason"]]
        for whole, text, reason in zip(
            frame["raw"].tolist(), raw_bytes(frame["raw"]), reasons, strict=True
        ):
            yield whole, text, reason
            read += 1
            size += len(whole)
            if read >= RECORDS or size >= TEXT_BYTES:
                return


def _counted(reasons: Counter[str]) -> str:
    return ", ".join(f"{count:,} {reason}" for reason, count in reasons.most_common())


def _close(chunks: Iterator[bytes]) -> None:
    """Let go of an object that is not read to its end."""
    close = getattr(chunks, "close", None)
    if close is not None:
        close()
