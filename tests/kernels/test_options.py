"""Kernels do the same however numba is set up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

#: Calls every kernel, and prints what comes out and where the code was kept.
SCRIPT = """
import pandas as pd
from sessionize.config import Landing
from sessionize.events.timestamps import parse_timestamps
from sessionize.kernels.options import KERNELS
from sessionize.landing import read_records

event = '{"action":"proedit","timestamp":1486249379.5,"os":["\\\\u00e9",-1.5e3,{"a":[]}],"é":0}'
texts = [(event + "\\n") * 3 + '\\ufeff{"timestamp":"2017-02-04T23:02:59.5Z"} [1', event[:-1]]
objects = [(f"{n}", [text.encode()]) for n, text in enumerate(texts)]
fields = {"action": "action", "timestamp": "timestamp", "os": "os"}
(records,) = read_records(objects, fields, Landing())
print(parse_timestamps(records.frame["timestamp"], records.kinds["timestamp"]).tolist())
print(records.kinds.to_numpy().tolist(), records.frame.to_dict("list"))
print([len(getattr(kernel, "signatures", [None])) for kernel in KERNELS])
"""


def output_of(*arguments: str, **environment: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def expected() -> list[str]:
    return output_of("-c", SCRIPT)


def test_each_is_compiled_for_one_signature(expected):
    assert set(expected[-1]) <= set("[1, ]")


def test_without_compiling(expected):
    assert output_of("-c", SCRIPT, NUMBA_DISABLE_JIT="1")[:-1] == expected[:-1]


def test_with_every_index_checked(expected, tmp_path: Path):
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": f"{tmp_path}"}
    assert output_of("-c", SCRIPT, **checked) == expected


def test_where_nothing_can_be_kept(expected, tmp_path: Path):
    """Numba looks for a folder in `NUMBA_CACHE_DIR`, beside the source and in the user's cache."""
    nowhere = """
from numba.core import caching
for locator in caching.CacheImpl._locator_classes:
    locator.from_function = classmethod(lambda cls, function, file: None)
"""
    assert output_of("-c", nowhere + SCRIPT) == expected


def test_all_are_compiled_ahead(expected, tmp_path: Path):
    """Those that the script then calls are found in the cache, for it adds nothing to it."""
    cache = {"NUMBA_CACHE_DIR": f"{tmp_path}"}
    output_of("-m", "sessionize.kernels", **cache)
    kept = set(tmp_path.rglob("*.nb*"))
    assert kept
    assert output_of("-c", SCRIPT, **cache) == expected
    assert set(tmp_path.rglob("*.nb*")) == kept
