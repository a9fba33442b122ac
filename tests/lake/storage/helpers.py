"""What the tests of stores share."""

from __future__ import annotations

import pytest

from sessionize.lake.storage import Storage
from sessionize.lake.storage import local as local_module
from sessionize.lake.storage import s3 as s3_module


def set_chunk(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    for module in (local_module, s3_module):
        monkeypatch.setattr(module, "CHUNK", size)


def keys(store: Storage, prefix: str = "") -> list[str]:
    return [entry.key for entry in store.list(prefix)]


def fill(store: Storage, names: list[str]) -> None:
    for name in reversed(names):
        store.write(name, name.encode())
