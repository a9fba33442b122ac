"""What a run of an hour has published otherwise than the run before it."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sessionize.lake.layout import Lake
from sessionize.lake.ledger import Ledger, WrittenFile
from sessionize.model.errors import StorageError
from sessionize.model.hours import Hour

Digests: TypeAlias = "npt.NDArray[np.uint64]"

_SESSION = ("session_id",)
#: What a row is told by, from one run to the next: where its record has landed, or its session.
_RECORD = ("object_key", "position")
_KEYS = {"sessions": _SESSION, "open_sessions": _SESSION}
#: Stands for a null among texts.
_NULL = "\0"


@dataclass(frozen=True)
class RowDifference:
    """How many rows a dataset had and has; and of those, which are another run's.

    ``changed`` rows are those of the same record, or session, with another value in some column.
    """

    before: int
    after: int
    added: int = 0
    removed: int = 0
    changed: int = 0


@dataclass(frozen=True)
class HourDifference:
    """What is otherwise in an hour.

    Attributes
    ----------
    hour : Hour
    is_new : bool
        The hour had never been run.
    same_state : bool
        The hour leaves the state that it left before: nothing behind it is outdated by it.
    rows : dict of str to RowDifference
        By dataset.
    ids_kept, ids_new, ids_gone : int
        Ids of the sessions that were closed in the hour, or open at its end.
    readmitted, quarantined : dict of str to int
        Records that were in quarantine and are valid, by the reason that they were refused for;
        and those that were valid, by the reason that they are refused for.
    """

    hour: Hour
    is_new: bool
    same_state: bool
    rows: dict[str, RowDifference]
    ids_kept: int
    ids_new: int
    ids_gone: int
    readmitted: dict[str, int]
    quarantined: dict[str, int]

    @property
    def is_same(self) -> bool:
        """Whether everything that is published is as it was."""
        return not self.is_new and not any(
            rows.added or rows.removed or rows.changed for rows in self.rows.values()
        )

    def encode(self) -> dict[str, Any]:
        """Return the JSON document."""
        return {**asdict(self), "hour": str(self.hour)}


def difference(
    hour: Hour, lake_before: Lake, before: Ledger | None, lake_after: Lake, after: Ledger
) -> HourDifference:
    """Compare two published runs of an hour.

    Files that are the same to the byte are not read; of others, a digest of each row is in memory.

    Parameters
    ----------
    hour : Hour
        The hour that both have run.
    lake_before, lake_after : Lake
        Where the files of the two runs lie.
    before : Ledger or None
        The earlier run; None if there is none.
    after : Ledger
        The later one.

    Raises
    ------
    StorageError
        If a published file is gone.
    """
    old, new = _Published(lake_before, before), _Published(lake_after, after)
    rows = {name: _rows(name, old, new) for name in after.published}
    ids_before, ids_after = old.session_ids(), new.session_ids()
    readmitted: Counter[str] = Counter()
    quarantined: Counter[str] = Counter()
    if not rows["quarantine"].added == rows["quarantine"].removed == 0:
        readmitted = _moved(old, new)
        quarantined = _moved(new, old)
    return HourDifference(
        hour=hour,
        is_new=before is None,
        same_state=before is not None and before.state_fingerprint == after.state_fingerprint,
        rows=rows,
        ids_kept=len(ids_before & ids_after),
        ids_new=len(ids_after - ids_before),
        ids_gone=len(ids_before - ids_after),
        readmitted=dict(sorted(readmitted.items())),
        quarantined=dict(sorted(quarantined.items())),
    )


class _Published:
    """The files that a ledger names."""

    def __init__(self, lake: Lake, ledger: Ledger | None) -> None:
        self._lake = lake
        self.files: Mapping[str, WrittenFile] = ledger.published if ledger else {}

    def parquet(self, name: str) -> pq.ParquetFile | None:
        """Open a dataset's file; None where it has no rows."""
        file = self.files.get(name)
        if file is None or not file.rows:
            return None
        content = self._lake.storage.read(file.key)
        if content is None or hashlib.sha256(content).hexdigest() != file.sha256:
            raise StorageError(
                f"{self._lake.storage.url}/{file.key} is not what its ledger says, so nothing can "
                "be compared with it",
                "See what `python -m sessionize verify` says, and mend it first.",
            )
        return pq.ParquetFile(io.BytesIO(content))

    def tables(self, name: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Yield columns of a dataset, row group by row group; nothing where it has no rows."""
        parquet = self.parquet(name)
        if parquet is not None:
            yield from _groups(parquet, columns)

    def session_ids(self) -> set[str]:
        """Return the ids of the sessions that are closed, and open."""
        return {
            value
            for name in _KEYS
            for table in self.tables(name, _SESSION)
            for value in table["session_id"].to_pylist()
        }


def _rows(name: str, old: _Published, new: _Published) -> RowDifference:
    was, is_ = old.files.get(name), new.files[name]
    if was is not None and was.sha256 == is_.sha256:
        return RowDifference(was.rows, is_.rows)
    files = old.parquet(name), new.parquet(name)
    columns = sorted({column for file in files if file for column in file.schema_arrow.names})
    keys = _KEYS.get(name, _RECORD)
    (before, was_so), (after, is_so) = (_digests(file, keys, columns) for file in files)
    both, at_before, at_after = np.intersect1d(before, after, return_indices=True)
    return RowDifference(
        before=len(before),
        after=len(after),
        added=len(after) - len(both),
        removed=len(before) - len(both),
        changed=int((was_so[at_before] != is_so[at_after]).sum()),
    )


def _groups(parquet: pq.ParquetFile, columns: Sequence[str]) -> Iterator[pa.Table]:
    there = [name for name in columns if name in parquet.schema_arrow.names]
    for group in range(parquet.num_row_groups):
        yield parquet.read_row_group(group, columns=there)


def _digests(
    parquet: pq.ParquetFile | None, keys: Sequence[str], columns: Sequence[str]
) -> tuple[Digests, Digests]:
    """Return two numbers for each row: of what it is told by, and of all its values."""
    nothing = np.empty(0, np.uint64)
    tables = _groups(parquet, columns) if parquet else ()
    pieces = [(_digest(table, keys), _digest(table, columns)) for table in tables]
    of_keys, of_rows = zip((nothing, nothing), *pieces, strict=True)
    return np.concatenate(of_keys), np.concatenate(of_rows)


def _digest(table: pa.Table, columns: Sequence[str]) -> Digests:
    import pandas as pd

    texts = pd.DataFrame({name: _texts(table, name) for name in columns})
    hashes = pd.util.hash_pandas_object(texts, index=False)
    return np.asarray(hashes, dtype=np.uint64)


def _texts(table: pa.Table, name: str) -> list[str]:
    """Return a column as texts; one that is absent is null in every row."""
    if name not in table.column_names:
        return [_NULL] * len(table)
    column = table[name]
    if pa.types.is_nested(column.type):
        return [_NULL if value is None else repr(value) for value in column.to_pylist()]
    return pc.fill_null(pc.cast(column, pa.string()), _NULL).to_pylist()


def _moved(quarantined: _Published, valid: _Published) -> Counter[str]:
    """Count the records that one run has in quarantine and the other among its events."""
    known = [_digest(table, _RECORD) for table in valid.tables("events", _RECORD)]
    events = np.concatenate([np.empty(0, np.uint64), *known])
    reasons: Counter[str] = Counter()
    for table in quarantined.tables("quarantine", (*_RECORD, "reason")):
        is_valid = np.isin(_digest(table, _RECORD), events)
        reasons.update(table["reason"].filter(pa.array(is_valid)).to_pylist())
    return reasons
