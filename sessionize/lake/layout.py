"""The lake: where everything that the pipeline writes has its place.

===========================================  ==================================================
key                                          what
===========================================  ==================================================
``DATASET/dt=…/hour=…/part-0.parquet``       a published partition, one file: replaced in one step
``DATASET/dt=…/part-0.parquet``              a published partition of a day's dataset
``_runs/dt=…/hour=….json``                   the ledger of the run; written last
``_days/dt=….json``                          the ledger of a day
``_claims/dt=…/hour=….json``                 the objects that the run reads
``_state/dt=…/hour=…/NAME-HASH.parquet``     the state that the run leaves
``_marks/dt=…/hour=….KIND.json``             the hour is outdated, or half re-published
``_staging/dt=…/hour=…/…``                   work in progress; empty once the hour is published
``_pipeline.json``                           whose lake this is
``_alerts.json``                             what the operator has been told
===========================================  ==================================================

Names that begin with ``_`` are hidden from Hive, Athena, Spark and pyarrow readers.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any, Literal

from sessionize.lake.ledger import Ledger
from sessionize.lake.migrations import FORMAT, MARKERS, migrate
from sessionize.lake.storage import ABSENT, Storage, StoredObject, side_by_side
from sessionize.model.days import day_partition
from sessionize.model.errors import ForeignFileError
from sessionize.model.hours import Hour, hour_of_partition

PART = "part-0.parquet"

Mark = Literal["outdated", "interrupted"]

_RECORD = re.compile(r"_\w+/(dt=[^/]+/hour=\d\d)\.(?:(\w+)\.)?json", re.ASCII)


class Lake:
    """The lake of one pipeline, in a :class:`~sessionize.lake.storage.Storage`."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    # Small JSON records.

    def read_json(self, key: str) -> Any:
        """Return the JSON document at ``key``, or None if there is no such object.

        Raises
        ------
        ForeignFileError
            If it is not JSON, or is JSON's ``null``.
        """
        return self.read_json_version(key)[0]

    def read_json_version(self, key: str) -> tuple[Any, str]:
        """Return the JSON document at ``key`` and the version of the object, as `read_json`."""
        content, version = self.storage.read_version(key)
        if content is None:
            return None, version
        try:
            document = json.loads(content)
            if document is None:
                raise ValueError("null")
        except (ValueError, RecursionError) as error:
            raise ForeignFileError(
                f"{self.storage.url}/{key} is not a record of this project ({error})",
                "Restore it from a backup, or move it away and run its hour again.",
            ) from error
        return document, version

    def write_json(self, key: str, document: Any, replaces: str | None = None) -> str:
        """Write a JSON document, in one step; return its version.

        With ``replaces``, only that version is replaced: see `Storage.write`.
        """
        text = json.dumps(document, indent=1, ensure_ascii=False, sort_keys=False)
        return self.storage.write(key, text.encode() + b"\n", replaces)

    def hour_of_record(self, key: str) -> Hour | None:
        """Return the hour that a record's key names; None if it names none."""
        match = _RECORD.fullmatch(key)
        return hour_of_partition(match[1]) if match else None

    # Whose lake it is.

    def take_possession(self, name: str, raw: str) -> None:
        """Note in an empty lake whose it is; refuse the lake of another pipeline.

        A lake that an earlier release has written is moved to this release's format; the earlier
        one refuses it from then on.

        Parameters
        ----------
        name : str
            The pipeline's name.
        raw : str
            Where its objects land. Of a folder, the way from the lake is noted: both may be moved.

        Raises
        ------
        ForeignFileError
            If the lake belongs to another pipeline, or was made from other objects.
        NewerFormatError
            If a newer release has written in the lake.
        """
        mine = {"format": FORMAT, "name": name, "raw": self._way_to(raw)}
        place = f"{self.storage.url}/_pipeline.json"
        found, version = self.read_json_version("_pipeline.json")
        if found is None:
            self.write_json("_pipeline.json", mine, ABSENT)
            return
        known = migrate(MARKERS, found, place)
        if known.get("name") != name or known.keys() - mine.keys():
            raise ForeignFileError(
                f"{self.storage.url} is the lake of another pipeline: its _pipeline.json says "
                f"{json.dumps(found)}, this one is {json.dumps(mine)}",
                "Give each pipeline a `lake` of its own.",
            )
        if known.get("raw", mine["raw"]) != mine["raw"]:
            raise ForeignFileError(
                f"{self.storage.url} was made from the objects in {known['raw']}, and `raw` is "
                f"{raw}",
                "Give the pipeline a `lake` of its own; if the same objects have been moved there, "
                f"write {json.dumps(mine)} into {place}.",
            )
        if found != mine:
            self.write_json("_pipeline.json", mine, version)

    def _way_to(self, raw: str) -> str:
        if "://" in raw or "://" in self.storage.url:
            return raw
        return os.path.relpath(raw, self.storage.url)

    # Ledgers.

    def ledger(self, hour: Hour) -> Ledger | None:
        """Return the ledger of the hour's last published run; None if there is none."""
        return self.ledger_version(hour)[0]

    def ledger_url(self, hour: Hour) -> str:
        """Return where the hour's ledger lies, for a reader."""
        return f"{self.storage.url}/{_ledger_key(hour)}"

    def ledger_version(self, hour: Hour) -> tuple[Ledger | None, str]:
        """Return the ledger of the hour's last published run, and the version of its object."""
        document, version = self.read_json_version(_ledger_key(hour))
        if document is None:
            return None, version
        return Ledger.decode(document, self.ledger_url(hour), hour), version

    def write_ledger(self, ledger: Ledger, replaces: str | None = None) -> None:
        """Write the ledger: from here on the hour is done."""
        self.write_json(_ledger_key(ledger.hour), ledger.encode(), replaces)

    def done_hours(self, day: date | None = None) -> list[Hour]:
        """Return the hours that have a ledger, in order; those of one day, if it is given."""
        return sorted(self.ledger_objects(day))

    def ledger_objects(self, day: date | None = None) -> dict[Hour, StoredObject]:
        """Return the ledgers as a listing shows them, by hour; of one day, if it is given."""
        listed = self.storage.list(f"_runs/{day_partition(day)}/" if day else "_runs/")
        entries = ((self.hour_of_record(entry.key), entry) for entry in listed)
        return {hour: entry for hour, entry in entries if hour is not None}

    # Marks.

    def marks(self) -> dict[Hour, set[str]]:
        """Return the hours that cannot be built upon, with the reasons."""
        marks: dict[Hour, set[str]] = {}
        for hour, mark in self.mark_versions():
            marks.setdefault(hour, set()).add(mark)
        return marks

    def mark_versions(self) -> dict[tuple[Hour, str], str]:
        """Return the marks that there are, and the version of each."""
        versions = {}
        for entry in self.storage.list("_marks/"):
            match = _RECORD.fullmatch(entry.key)
            hour = hour_of_partition(match[1]) if match else None
            if match and hour:
                versions[hour, match[2]] = entry.version
        return versions

    def mark(
        self, hour: Hour, mark: Mark, why: str, run: str = "", replaces: str | None = None
    ) -> str:
        """Say that the hour cannot be built upon until it is run again; return the mark's version.

        ``run`` names the outcome of the run that sets it: marks of different runs are different.
        With ``replaces``, only that version of the mark is replaced: see `Storage.write`.
        """
        document = {"hour": str(hour), "mark": mark, "why": why, "run": run}
        return self.write_json(_mark_key(hour, mark), document, replaces)

    def unmark(self, hour: Hour, mark: Mark, version: str | None = None) -> None:
        """Take the mark away; with ``version``, only that one, not one that was set since."""
        self.storage.delete(_mark_key(hour, mark), version)

    # Partitions.

    def partition_files(self, hour: Hour, datasets: Iterable[str]) -> dict[str, StoredObject]:
        """Return the published file of each dataset that has one; costs a listing for each.

        Raises
        ------
        ForeignFileError
            If a partition holds a visible file that this project has not written: a reader of the
            partition would read it too.
        """
        return self._published(hour.partition, datasets, "hour")

    def day_files(self, day: date, datasets: Iterable[str]) -> dict[str, StoredObject]:
        """Return the published file of each dataset of a day that has one, as `partition_files`."""
        return self._published(day_partition(day), datasets, "day")

    def _published(
        self, partition: str, datasets: Iterable[str], unit: str
    ) -> dict[str, StoredObject]:
        def published(dataset: str) -> StoredObject | None:
            prefix = f"{dataset}/{partition}/"
            file = None
            for entry in self._visible(prefix):
                if entry.key != prefix + PART:
                    raise ForeignFileError(
                        f"{self.storage.url}/{entry.key} is not a file of this pipeline, and "
                        "readers of the partition would read it too",
                        f"Move it out of the lake, then run the {unit} again.",
                    )
                file = entry
            return file

        datasets = list(datasets)
        files = zip(datasets, side_by_side(self.storage, published, datasets), strict=True)
        return {dataset: file for dataset, file in files if file is not None}

    def _visible(self, prefix: str) -> Iterator[StoredObject]:
        for entry in self.storage.list(prefix):
            name = entry.key.removeprefix(prefix)
            if name and not name.endswith("/") and not name.startswith(("_", ".")):
                yield entry


def partition_key(dataset: str, hour: Hour) -> str:
    """Return the key of the one file of a partition."""
    return f"{dataset}/{hour.partition}/{PART}"


def day_key(dataset: str, day: date) -> str:
    """Return the key of the one file of a day's partition."""
    return f"{dataset}/{day_partition(day)}/{PART}"


def _ledger_key(hour: Hour) -> str:
    return f"_runs/{hour.partition}.json"


def _mark_key(hour: Hour, mark: Mark) -> str:
    return f"_marks/{hour.partition}.{mark}.json"
