"""What the ledgers say, one compact row an hour: in memory, and in a cache file for each lake."""

from __future__ import annotations

from pathlib import Path

from sessionize.config import PipelineConfig
from sessionize.lake.layout import Lake
from sessionize.observe.views import Progress


class Catalog:
    """The ledgers of a lake as they were at the last `refresh`; several threads may use it.

    Parameters
    ----------
    lake : Lake
    config : PipelineConfig
    cache : Path, optional
        A folder for cache files; None: nothing outlives the process.
    """

    def __init__(self, lake: Lake, config: PipelineConfig, cache: Path | None = None) -> None:
        self.lake = lake
        self.config = config
        self.cache = cache

    def refresh(self, budget_s: float | None = None) -> Progress:
        """List the ledgers, and read those that have changed, the newest first.

        Parameters
        ----------
        budget_s : float, optional
            Begin no read after so many seconds; the next call goes on. None: read all.

        Raises
        ------
        StorageError
            If the lake cannot be listed or read.
        """
        raise NotImplementedError

    @property
    def progress(self) -> Progress:
        """How many of the listed hours have been read."""
        raise NotImplementedError
