"""A small pipeline in a folder, brought into any disorder that a replay has to cope with."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sessionize.lake.storage import LocalStorage, Storage
from sessionize.model.hours import Hour
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.pipeline import scenario

A, B, C, D = scenario.HOURS
END = D.next
SHORT = {"session": {"timeout": "5m"}}
#: Records of the machine `a1` go to quarantine.
STRICT = {"valid": {"inst_id": "[^a].*"}}


class Lab:
    """A pipeline whose objects have landed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings: dict[str, Any] = {}

    @property
    def raw(self) -> LocalStorage:
        return LocalStorage(self.folder / "raw")

    @property
    def lake(self) -> LocalStorage:
        return LocalStorage(self.folder / "lake")

    def pipeline(self, **settings: Any) -> Pipeline:
        settings = settings or self.settings
        return Pipeline.open(scenario.config(self.folder / "raw", self.folder / "lake", **settings))

    def run(self, *hours: Hour, **settings: Any) -> None:
        for hour in hours:
            run_hour(self.pipeline(**settings), hour)

    def land(self, hour: Hour, name: str, clock: str, machine: str = "b2") -> None:
        scenario.land(self.raw, hour, name, [scenario.event(machine, clock)])

    def lose_ledger(self, hour: Hour) -> None:
        (self.folder / "lake" / "_runs" / f"{hour.partition}.json").unlink()

    def lose_object(self, hour: Hour, name: str) -> None:
        (self.folder / "raw" / f"{hour.landing_prefix}stream-1-{name}").unlink()

    def copy(self, name: str) -> Lab:
        other = Lab(Path(shutil.copytree(self.folder, self.folder.with_name(name))))
        other.settings = self.settings
        return other


def seen(store: Storage) -> list[tuple[str, int, str, str]]:
    """All that a listing tells, versions too: whatever is written anew shows."""
    return [(entry.key, entry.size, entry.etag, entry.version) for entry in store.list()]
