"""Work in progress between the stages of one run: Arrow tables and small records.

Everything in it is a pure function of the work's name (the claim's id), so two attempts of the same
task write the same content to the same place, and either may win.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.ipc

from sessionize.lake.storage import LocalStorage, Storage
from sessionize.lake.temporary import temporary_folder
from sessionize.model.errors import StagingError
from sessionize.model.hours import Hour

_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")
_PLAIN = pa.ipc.IpcWriteOptions()


class TableWriter(Protocol):
    """Takes a table piece by piece."""

    def write_table(self, table: pa.Table) -> None:
        """Add rows; nothing where there are none."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add a piece, even an empty one."""


class Staging(Protocol):
    """Where a stage finds what the stages before it have left."""

    def writing(
        self, name: str, schema: pa.Schema
    ) -> contextlib.AbstractContextManager[TableWriter]:
        """Write a table piece by piece; it appears, whole, when the block ends well."""

    def read_batches(self, name: str) -> Iterator[pa.Table]:
        """Yield a table in the pieces in which it was written.

        Raises
        ------
        StagingError
            If an earlier stage has not written it, or it was cleaned up after publication.
        """

    def write_record(self, name: str, record: Any) -> None:
        """Write a small JSON record."""

    def read_record(self, name: str) -> Any:
        """Return a small JSON record."""


class StoredStaging:
    """The staging area of one piece of work of one hour, in a store."""

    def __init__(self, storage: Storage, hour: Hour, work: str) -> None:
        self._storage = storage
        self._hour = hour
        self._prefix = f"{staging_prefix(hour)}{work}/"
        # On a disk of this machine, compression takes longer than it saves.
        self._options = _PLAIN if isinstance(storage, LocalStorage) else _COMPRESSED

    @contextlib.contextmanager
    def writing(self, name: str, schema: pa.Schema) -> Iterator[TableWriter]:
        """Write a table piece by piece; it appears, whole, when the block ends well."""
        with temporary_folder() as folder:
            path = folder / "table"
            with pa.ipc.new_stream(str(path), schema, options=self._options) as writer:
                yield writer
            self._storage.upload(self._prefix + name, path)

    def read_batches(self, name: str) -> Iterator[pa.Table]:
        """Yield a table in the pieces in which it was written."""
        with self._open(name) as file:
            for batch in pa.ipc.open_stream(file):
                yield pa.Table.from_batches([batch])

    def write_record(self, name: str, record: Any) -> None:
        """Write a small JSON record."""
        self._storage.write(self._prefix + name, json.dumps(record).encode())

    def read_record(self, name: str) -> Any:
        """Return a small JSON record."""
        return json.loads(self._content(name))

    def _open(self, name: str) -> pa.NativeFile:
        if isinstance(self._storage, LocalStorage):
            with contextlib.suppress(FileNotFoundError):
                return pa.OSFile(str(self._storage.path(self._prefix + name)))
        return pa.BufferReader(self._content(name))

    def _content(self, name: str) -> bytes:
        content = self._storage.read(self._prefix + name)
        if content is None:
            raise StagingError(
                f"{self._hour}: the intermediate result {name} is not there: an earlier stage has "
                "not run, or the hour has been published since, which removes them",
                "Run the hour again from `claim`.",
            )
        return content


class NoRoomError(Exception):
    """Tables do not fit the memory that they may take; whoever gave it has another way."""


class Room:
    """The memory that tables may take, all together; several threads may fill it.

    Parameters
    ----------
    size : int
        In bytes.
    """

    def __init__(self, size: int) -> None:
        self._left = size
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Take so many bytes.

        Raises
        ------
        NoRoomError
            If there are no more so many.
        """
        with self._lock:
            self._left -= size
            if self._left < 0:
                raise NoRoomError


class MemoryStaging:
    """The staging area of work that one process does by itself.

    Parameters
    ----------
    room : Room
        What tables are held in. Where it is full, adding to one raises `NoRoomError`.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self._tables: dict[str, list[pa.Table]] = {}
        self._records: dict[str, Any] = {}

    @contextlib.contextmanager
    def writing(self, name: str, schema: pa.Schema) -> Iterator[TableWriter]:
        """Write a table piece by piece; it appears, whole, when the block ends well."""
        pieces = _Pieces(self._room)
        yield pieces
        self._tables[name] = pieces.tables

    def read_batches(self, name: str) -> Iterator[pa.Table]:
        """Yield a table in the pieces in which it was written."""
        yield from self._tables[name]

    def write_record(self, name: str, record: Any) -> None:
        """Keep a small record."""
        self._records[name] = record

    def read_record(self, name: str) -> Any:
        """Return a small record."""
        return self._records[name]


class _Pieces:
    """Takes tables as a file does."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.tables: list[pa.Table] = []

    def write_table(self, table: pa.Table) -> None:
        self._room.take(table.nbytes)
        self.tables.append(table)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self.write_table(pa.Table.from_batches([batch]))


def staging_prefix(hour: Hour) -> str:
    """Return the prefix under which all work in progress of an hour lies."""
    return f"_staging/{hour.partition}/"
