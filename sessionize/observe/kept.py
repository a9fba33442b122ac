"""Cache files: what is found there is taken only if it is whole and of this lake and format."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from sessionize.model.errors import IntervalError
from sessionize.model.hours import Hour
from sessionize.observe.rows import CatalogRow

log = logging.getLogger(__name__)

#: Raised whenever a row means something else than before.
FORMAT = 1


@dataclass(frozen=True)
class _Content:
    format: int
    lake: str
    rows: dict[str, CatalogRow]


class KeptRows:
    """The cache file of a lake's rows.

    Parameters
    ----------
    folder : Path
        Made when it is needed.
    name : str
        The pipeline's name, which begins the file's.
    lake : str
        The lake's URL; a pipeline can be given another lake.
    """

    def __init__(self, folder: Path, name: str, lake: str) -> None:
        self._lake = lake
        self.path = folder / f"{name}-{hashlib.sha256(lake.encode()).hexdigest()[:16]}.json"

    def load(self) -> dict[Hour, CatalogRow]:
        """Return the rows that were saved; none where the file cannot be used, for any reason."""
        try:
            content = msgspec.json.decode(self.path.read_bytes(), type=_Content)
            if (content.format, content.lake) != (FORMAT, self._lake):
                return {}
            return {Hour.parse(hour): row for hour, row in content.rows.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError, IntervalError) as error:
            log.warning("%s is not used: %s", self.path, error)
            return {}

    def save(self, rows: Mapping[Hour, CatalogRow]) -> None:
        """Replace the file, in one step; a cache that cannot be written is done without."""
        content = _Content(FORMAT, self._lake, {str(hour): row for hour, row in rows.items()})
        write_aside(self.path, msgspec.json.encode(content))


def write_aside(path: Path, content: bytes) -> None:
    """Write a cache file aside and put it in its place; warn where that fails."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        log.warning("%s cannot be written: %s", path, error)
