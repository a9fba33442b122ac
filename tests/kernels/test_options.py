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


@pytest.mark.slow
def test_with_every_index_checked(expected, tmp_path: Path):
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": f"{tmp_path}"}
    assert output_of("-c", SCRIPT, **checked) == expected


@pytest.mark.slow
def test_where_nothing_can_be_kept(expected, tmp_path: Path):
    """Numba looks for a folder in `NUMBA_CACHE_DIR`, beside the source and in the user's cache."""
    nowhere = """
from numba.core import caching
for locator in caching.CacheImpl._locator_classes:
    locator.from_function = classmethod(lambda cls, function, file: None)
"""
    assert output_of("-c", nowhere + SCRIPT) == expected


@pytest.mark.slow
def test_all_are_compiled_ahead(expected, tmp_path: Path):
    """Those that the script then calls are found in the cache, for it adds nothing to it."""
    cache = {"NUMBA_CACHE_DIR": f"{tmp_path}"}
    output_of("-m", "sessionize.kernels", **cache)
    kept = set(tmp_path.rglob("*.nb*"))
    assert kept
    assert output_of("-c", SCRIPT, **cache) == expected
    assert set(tmp_path.rglob("*.nb*")) == kept


#: As for a user whose home nobody knows, on a source that cannot be written (root could, so the
#: check that numba makes is made to fail); at the end it prints where the code is kept.
HOMELESS = """
import os, pwd, tempfile
def unknown(user):
    raise KeyError(user)
pwd.getpwuid = unknown
del os.environ["HOME"]
def nowhere(dir=None, make=tempfile.TemporaryFile, **options):
    if "__pycache__" in f"{dir}" or "UNWRITABLE" in os.environ:
        raise PermissionError(13, "Permission denied", f"{dir}")
    return make(dir=dir, **options)
tempfile.TemporaryFile = nowhere
"""
WHERE = """
print({kernel.stats.cache_path for kernel in KERNELS})
"""


@pytest.mark.slow
def test_a_user_without_a_home_keeps_it_with_temporary_files(expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    temporary = {"TMPDIR": str(tmp_path)}
    *output, where = output_of("-c", HOMELESS + SCRIPT + WHERE, **temporary)
    assert output == expected
    folder = tmp_path / f"sessionize-kernels-{os.getuid()}"
    assert str(folder) in where
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [*tmp_path.iterdir()] == [folder]
    kept = {*folder.rglob("*.nb*")}
    assert kept
    output_of("-c", HOMELESS + SCRIPT, **temporary)
    assert {*folder.rglob("*.nb*")} == kept


@pytest.mark.slow
def test_but_not_where_others_may_write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / f"sessionize-kernels-{os.getuid()}"
    folder.mkdir()
    folder.chmod(0o777)
    output_of("-c", HOMELESS + SCRIPT, TMPDIR=str(tmp_path))
    assert [*folder.iterdir()] == []


@pytest.mark.slow
def test_where_nothing_can_be_kept_that_is_said_once(expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS + SCRIPT],
        env={**os.environ, "UNWRITABLE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == expected
    assert done.stderr.count("compiled code cannot be kept") == 1
