"""The catalogs of this process: one a pipeline, kept fresh, the first reading in the background."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sessionize.airflow.connection import credentials_of
from sessionize.airflow.page.pipelines import find_files, find_pipelines
from sessionize.config import PipelineConfig
from sessionize.lake.layout import Lake
from sessionize.lake.storage import open_storage
from sessionize.model.errors import SessionizeError, StorageRefusedError, UnknownPipelineError
from sessionize.observe.catalog import Catalog

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

#: How long a request waits for ledgers to be read; what is left then, a thread reads.
_BUDGET_S = 1.0
#: A page asks several things at once: the ledgers are listed for the first of them.
_FRESH_S = 2.0


class Catalogs:
    """The pipelines of a folder, each with its catalog; used by many threads.

    Parameters
    ----------
    folder : callable
        Where the pipeline files are; asked each time.
    cache : Path, optional
        Where catalogs keep what they have read, for the next process.
    """

    def __init__(self, folder: Callable[[], Path], cache: Path | None = None) -> None:
        self._folder = folder
        self._cache = cache
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()

    def pipelines(self) -> dict[str, PipelineConfig]:
        """Return the pipelines by the ids of their DAGs, as their files are now."""
        return find_pipelines(self._folder())

    def config(self, dag_id: str) -> PipelineConfig:
        """Return the settings of the pipeline of a DAG: see `file`."""
        return self.file(dag_id)[1]

    def file(self, dag_id: str) -> tuple[Path, PipelineConfig]:
        """Return the file of the pipeline of a DAG, and its settings.

        Raises
        ------
        UnknownPipelineError
            If there is none.
        """
        found = find_files(self._folder()).get(dag_id)
        if found is None:
            raise UnknownPipelineError(
                f"there is no pipeline of the DAG {dag_id} here",
                "See that its pipeline file is where the API server finds it: "
                "SESSIONIZE_PIPELINES, or pipelines/ in the DAGs folder.",
            )
        return found

    def ask(self, dag_id: str, question: Callable[[Catalog], Answer]) -> Answer:
        """Answer a question from a pipeline's catalog, as fresh as it can be in about a second.

        Credentials that storage refuses are fetched anew, once: those of a role expire.
        """
        config = self.config(dag_id)
        kept = self._open(dag_id, config)
        try:
            return question(kept.freshened())
        except StorageRefusedError:
            with self._lock:
                if self._kept.get(dag_id) is kept:  # no other request has done so
                    del self._kept[dag_id]
            return question(self._open(dag_id, config).freshened())

    def _open(self, dag_id: str, config: PipelineConfig) -> _Kept:
        with self._lock:
            kept = self._kept.get(dag_id)
            if kept is None or kept.config != config:
                credentials = credentials_of(config.airflow.aws_conn_id)
                lake = Lake(open_storage(config.lake, credentials))
                kept = self._kept[dag_id] = _Kept(config, Catalog(lake, config, self._cache))
            return kept


class _Kept:
    """A catalog, and the thread that refreshes it, for a listing may take longer than people wait.

    A page is answered by what was known before where a listing takes longer than a second; until
    one has succeeded, it is waited for.
    """

    def __init__(self, config: PipelineConfig, catalog: Catalog) -> None:
        self.config = config
        self._catalog = catalog
        self._lock = threading.Lock()
        self._is_reading = False
        self._is_known = False  # the lake has been listed once
        self._looked = threading.Event()
        self._looked_at: float | None = None
        self._fault: Exception | None = None

    def freshened(self) -> Catalog:
        """Return the catalog; what of it has not been read yet, its `progress` says.

        Raises
        ------
        SessionizeError
            What the last look at the lake has met.
        """
        with self._lock:
            if self._is_due():
                self._looked, self._is_reading = threading.Event(), True
                name = f"ledgers-{self.config.name}"
                threading.Thread(
                    target=self._read, args=(self._looked,), name=name, daemon=True
                ).start()
            looked, is_known = self._looked, self._is_known
        looked.wait(_BUDGET_S if is_known else None)
        if looked.is_set() and self._fault is not None:
            raise self._fault
        return self._catalog

    def _is_due(self) -> bool:
        if self._is_reading:
            return False
        return self._looked_at is None or time.monotonic() - self._looked_at > _FRESH_S

    def _read(self, looked: threading.Event) -> None:
        """Look at the lake, let those go on who wait for it, and read what is left."""
        is_whole = True
        try:
            progress = self._catalog.refresh(budget_s=_BUDGET_S)
            is_whole = progress.read >= progress.known
            self._fault, self._is_known = None, True
        except Exception as error:  # whoever waits raises it
            self._fault = error
        self._looked_at, self._is_reading = time.monotonic(), not is_whole
        looked.set()
        if is_whole:
            return
        try:
            self._catalog.refresh()
        except SessionizeError as error:
            # The next look meets it too, and shows it.
            log.warning("Reading the ledgers of %s: %s", self.config.name, error)
        finally:
            self._is_reading = False
