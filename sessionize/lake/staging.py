"""Work in progress between the stages of one run: Arrow tables and small records.

Everything in it is a pure function of the work's name (the claim's id), so two attempts of the same
task write the same content to the same place, and either may win.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.ipc

from sessionize.lake.storage import LocalStorage, Storage
from sessionize.model.errors import StagingError
from sessionize.model.hours import Hour

_COMPRESSED = pa.ipc.IpcWriteOptions(compression="lz4")
_PLAIN = pa.ipc.IpcWriteOptions()


class TableWriter(Protocol):
    """Takes a table piece by piece."""

    def write_table(self, table: pa.Table) -> None:
        """Add a piece."""


class Staging:
    """The staging area of one piece of work of one hour."""

    def __init__(self, storage: Storage, hour: Hour, work: str) -> None:
        self._storage = storage
        self._hour = hour
        self._prefix = f"{staging_prefix(hour)}{work}/"
        # On a disk of this machine, compression takes longer than it saves.
        self._options = _PLAIN if isinstance(storage, LocalStorage) else _COMPRESSED

    @contextlib.contextmanager
    def writing(self, name: str, schema: pa.Schema) -> Iterator[TableWriter]:
        """Write a table batch by batch; it appears, whole, when the block ends well."""
        with tempfile.TemporaryDirectory(prefix="sessionize-") as folder:
            path = Path(folder) / "table"
            with pa.ipc.new_stream(str(path), schema, options=self._options) as writer:
                yield writer
            self._storage.upload(self._key(name), path)

    def write(self, name: str, table: pa.Table) -> None:
        """Write a table."""
        self.write_pieces(name, table.schema, lambda: [table])

    def write_pieces(
        self, name: str, schema: pa.Schema, pieces: Callable[[], Iterable[pa.Table]]
    ) -> None:
        """Write a table that is made piece by piece."""
        with self.writing(name, schema) as writer:
            for piece in pieces():
                writer.write_table(piece)

    def read(self, name: str) -> pa.Table:
        """Return a table.

        Raises
        ------
        StagingError
            If an earlier stage has not written it, or it was cleaned up after publication.
        """
        return pa.ipc.open_stream(self._open(name)).read_all()

    def read_batches(self, name: str) -> Iterator[pa.Table]:
        """Yield a table in the pieces in which it was written."""
        with self._open(name) as file:
            for batch in pa.ipc.open_stream(file):
                yield pa.Table.from_batches([batch])

    def write_record(self, name: str, record: Any) -> None:
        """Write a small JSON record."""
        self._storage.write(self._key(name), json.dumps(record).encode())

    def read_record(self, name: str) -> Any:
        """Return a small JSON record."""
        return json.loads(self._content(name))

    def _key(self, name: str) -> str:
        return self._prefix + name

    def _open(self, name: str) -> pa.NativeFile:
        if isinstance(self._storage, LocalStorage):
            path = self._storage.path(self._key(name))
            with contextlib.suppress(FileNotFoundError):
                return pa.OSFile(str(path))
        return pa.BufferReader(self._content(name))

    def _content(self, name: str) -> bytes:
        content = self._storage.read(self._key(name))
        if content is None:
            raise StagingError(
                f"{self._hour}: the intermediate result {name} is not there: an earlier stage has "
                "not run, or the hour has been published since, which removes them",
                "Run the hour again from `claim`.",
            )
        return content


class HeldStaging(Staging):
    """Work in progress of one process, part of which stays in its memory.

    Parameters
    ----------
    storage, hour, work
        As of `Staging`: where the other part is kept.
    holds : callable
        Whether a table of this name stays in memory.
    """

    def __init__(
        self, storage: Storage, hour: Hour, work: str, holds: Callable[[str], bool]
    ) -> None:
        super().__init__(storage, hour, work)
        self._holds = holds
        self._held: dict[str, Callable[[], Iterable[pa.Table]]] = {}

    @contextlib.contextmanager
    def writing(self, name: str, schema: pa.Schema) -> Iterator[TableWriter]:
        """Write a table batch by batch; it is there, whole, when the block ends well."""
        if not self._holds(name):
            with super().writing(name, schema) as writer:
                yield writer
            return
        pieces = _Pieces([schema.empty_table()])
        yield pieces
        self._held[name] = lambda: pieces

    def write_pieces(
        self, name: str, schema: pa.Schema, pieces: Callable[[], Iterable[pa.Table]]
    ) -> None:
        """Keep what makes the table, and make it when it is read."""
        if self._holds(name):
            self._held[name] = pieces
        else:
            super().write_pieces(name, schema, pieces)

    def read(self, name: str) -> pa.Table:
        """Return a table."""
        if name in self._held:
            return pa.concat_tables(self._held[name]())
        return super().read(name)

    def read_batches(self, name: str) -> Iterator[pa.Table]:
        """Yield a table in the pieces in which it was written."""
        if name in self._held:
            yield from self._held[name]()
        else:
            yield from super().read_batches(name)

    def forget(self, name: str) -> None:
        """Let go of a table that is held in memory."""
        self._held.pop(name, None)


class _Pieces(list[pa.Table]):
    """Takes tables as a file does."""

    def write_table(self, table: pa.Table) -> None:
        self.append(table)


def staging_prefix(hour: Hour) -> str:
    """Return the prefix under which all work in progress of an hour lies."""
    return f"_staging/{hour.partition}/"
