"""Files of the lake, read as far as a question needs, and what that took."""

from __future__ import annotations

import contextlib
import hashlib
import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sessionize.lake.storage import ABSENT, Storage
from sessionize.lake.storage.base import replaced_meanwhile
from sessionize.observe.views import ReadWork

if TYPE_CHECKING:
    import pyarrow.parquet as pq

#: Files up to this size are read whole, in one request.
SMALL = 1 << 20


@dataclass(frozen=True)
class LakeFile:
    """A Parquet file, as the ledger names it."""

    key: str
    rows: int
    bytes: int
    sha256: str


class Reader:
    """Reads files of a lake, and counts what it reads; several threads may use it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._lock = threading.Lock()
        self._files = self._bytes = 0

    def work(self, hours: int) -> ReadWork:
        """Return what has been read for an answer over so many hours."""
        return ReadWork(self._files, self._bytes, hours)

    @contextlib.contextmanager
    def opened(self, file: LakeFile) -> Iterator[pq.ParquetFile]:
        """Open a file for the block; a small one has been read by then, of others what is asked.

        Raises
        ------
        ObjectGoneError
            If it is not the file that the ledger names: its hour is just being run again, or it
            has been damaged.
        StorageError
            If it cannot be read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self._source(file), pre_buffer=True) as parquet:
                if parquet.metadata.num_rows != file.rows:
                    raise replaced_meanwhile(self._url(file))
                yield parquet
        except (pa.ArrowException, OSError) as error:
            raise replaced_meanwhile(self._url(file)) from error

    def _source(self, file: LakeFile) -> Any:
        import pyarrow as pa

        with self._lock:
            self._files += 1
        if file.bytes > SMALL:
            return pa.PythonFile(_Parts(self, file), mode="r")
        content, _ = self.part(file, 0, file.bytes + 1, ABSENT)
        if hashlib.sha256(content).hexdigest() != file.sha256:
            raise replaced_meanwhile(self._url(file))
        return pa.BufferReader(content)

    def part(self, file: LakeFile, begin: int, size: int, version: str) -> tuple[bytes, str]:
        """Read a part of a file, of one version."""
        content, version = self._storage.read_part(file.key, begin, size, version)
        with self._lock:
            self._bytes += len(content)
        return content, version

    def _url(self, file: LakeFile) -> str:
        return f"{self._storage.url}/{file.key}"


class _Parts(io.RawIOBase):
    """A file that is read in parts, all of one version."""

    def __init__(self, reader: Reader, file: LakeFile) -> None:
        self._reader = reader
        self._file = file
        self._version = ABSENT
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._file.bytes}[whence]
        self._place = begin + offset
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        left = max(self._file.bytes - self._place, 0)
        size = left if size is None or size < 0 else min(size, left)
        if not size:
            return b""
        content, self._version = self._reader.part(self._file, self._place, size, self._version)
        self._place += len(content)
        return content
