"""How long sessions took, counted by the whole second, and kept for each file of sessions."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sessionize.model.errors import ObjectGoneError
from sessionize.observe.kept import write_aside
from sessionize.observe.partial import LakeFile, Reader
from sessionize.observe.views import Lengths

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

log = logging.getLogger(__name__)

#: The lower bounds of histograms, in seconds: about twice the one before.
BOUNDS = (0, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400)
#: The most pairs that are held in memory where they can be had from the folder again.
_IN_MEMORY = 8 << 20
#: Up to this length, every second gets a place when counts are added up.
_DENSE = 1 << 21


@dataclass(frozen=True, eq=False)
class LengthCounts:
    """How many sessions took how many whole seconds: pairs, ``seconds`` rising (int64 arrays)."""

    seconds: npt.NDArray[np.int64]
    sessions: npt.NDArray[np.int64]

    @classmethod
    def none(cls) -> LengthCounts:
        """Return the counts of no sessions."""
        import numpy as np

        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    @classmethod
    def added(cls, parts: Iterable[LengthCounts]) -> LengthCounts:
        """Add counts up."""
        import numpy as np

        parts = [part for part in parts if len(part.seconds)]
        if len(parts) <= 1:
            return parts[0] if parts else cls.none()
        seconds = np.concatenate([part.seconds for part in parts])
        sessions = np.concatenate([part.sessions for part in parts])
        if seconds.max() < _DENSE:
            # As doubles, which are exact far beyond the sessions that there can be.
            total = np.bincount(seconds, sessions).astype(np.int64)
            distinct = np.flatnonzero(total)
            return cls(distinct, total[distinct])
        distinct, place = np.unique(seconds, return_inverse=True)
        return cls(distinct, np.bincount(place, sessions).astype(np.int64))

    def summary(self) -> Lengths:
        """Return the view of them."""
        import numpy as np

        until = np.cumsum(self.sessions)
        total = int(until[-1]) if len(until) else 0
        if not total:
            return Lengths(0, None, None, [0] * len(BOUNDS))
        middle, high = (
            int(self.seconds[np.searchsorted(until, -(-total * share // 100))])
            for share in (50, 95)
        )
        below = np.concatenate([[0], until])[np.searchsorted(self.seconds, BOUNDS)]
        histogram = np.diff(np.append(below, total))
        return Lengths(total, middle, high, histogram.tolist())


def read_counts(reader: Reader, file: LakeFile) -> LengthCounts:
    """Count the lengths of a file of sessions; reads one column.

    Raises
    ------
    ObjectGoneError, StorageError
    """
    import numpy as np

    with reader.opened(file) as parquet:
        pieces = [
            batch.column(0).to_numpy(zero_copy_only=False)
            for batch in parquet.iter_batches(columns=["duration_s"])
        ]
    whole = np.floor(np.concatenate([np.zeros(0), *pieces])).astype(np.int64)
    return LengthCounts(*np.unique(whole, return_counts=True))


class KeptLengths:
    """The counts of files of sessions, by their SHA-256: what is known never changes.

    Parameters
    ----------
    folder : Path or None
        Where they outlive the process, a file each; None: in memory alone.
    lake : str
        The lake's URL.
    """

    def __init__(self, folder: Path | None, lake: str) -> None:
        name = f"lengths-{hashlib.sha256(lake.encode()).hexdigest()[:16]}"
        self._folder = None if folder is None else folder / name
        self._lock = threading.Lock()
        self._counts: OrderedDict[str, LengthCounts] = OrderedDict()
        self._summaries: dict[str, Lengths] = {}
        self._pairs = 0
        self._lost: set[str] = set()

    def get(self, file: LakeFile) -> LengthCounts | None:
        """Return what is known of a file."""
        with self._lock:
            counts = self._counts.get(file.sha256)
            if counts is not None:
                self._counts.move_to_end(file.sha256)
                return counts
        counts = self._load(file)
        if counts is not None:
            self._hold(file, counts)
        return counts

    def summary(self, file: LakeFile, counts: LengthCounts) -> Lengths:
        """Return the view of a file's counts."""
        found = self._summaries.get(file.sha256)
        if found is None:
            found = self._summaries[file.sha256] = counts.summary()
        return found

    def is_lost(self, file: LakeFile) -> bool:
        """Tell whether the file could not be read as its ledger names it."""
        return file.sha256 in self._lost

    def read(self, reader: Reader, file: LakeFile) -> LengthCounts | None:
        """Read a file, and keep what it says; None: it is not the one that its ledger names."""
        try:
            counts = read_counts(reader, file)
        except ObjectGoneError as error:
            log.warning("%s", error)
            self._lost.add(file.sha256)
            return None
        self._hold(file, counts)
        if self._folder is not None:
            import numpy as np

            pairs = np.stack([counts.seconds, counts.sessions]).astype("<i8")
            write_aside(self._folder / file.sha256, pairs.tobytes())
        return counts

    def _hold(self, file: LakeFile, counts: LengthCounts) -> None:
        with self._lock:
            if file.sha256 not in self._counts:
                self._pairs += len(counts.seconds)
            self._counts[file.sha256] = counts
            while self._folder is not None and self._pairs > _IN_MEMORY:
                _, forgotten = self._counts.popitem(last=False)
                self._pairs -= len(forgotten.seconds)

    def _load(self, file: LakeFile) -> LengthCounts | None:
        """Read the kept file; one that does not fit what the ledger says is passed over."""
        import numpy as np

        if self._folder is None:
            return None
        try:
            pairs = np.frombuffer((self._folder / file.sha256).read_bytes(), "<i8")
        except (OSError, ValueError):
            return None
        if len(pairs) % 2:
            return None
        seconds, sessions = pairs.reshape(2, -1)
        is_whole = (
            int(sessions.sum()) == file.rows
            and bool((sessions > 0).all())
            and bool((np.diff(seconds) > 0).all())
        )
        return LengthCounts(seconds, sessions) if is_whole else None
