from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sessionize.kernels import library
from sessionize.kernels.library import Native


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As on a machine where nothing has been compiled; compiling takes what there is here."""
    library.load()
    place = f"kernels-{library._FILE_FORMAT}-{library._fingerprint()}"
    [content] = [f.joinpath(place).read_bytes() for f in library._folders() if (f / place).exists()]
    compiled = []

    def compile_all():
        compiled.append(1)
        return library._decode(content)

    monkeypatch.setattr("sessionize.kernels.source.compile_all", compile_all)
    monkeypatch.setattr(library, "_folders", lambda: [tmp_path / "one", tmp_path / "two"])
    library._loaded.cache_clear()
    yield tmp_path / "one" / place, compiled
    library._loaded.cache_clear()


def test_kernels_are_compiled_once_and_then_loaded(fresh):
    place, compiled = fresh
    assert "hash_texts" in library.load()
    assert place.stat().st_mode & 0o777 == 0o644
    library._loaded.cache_clear()
    assert "hash_texts" in library.load()
    assert compiled == [1]


def test_a_damaged_file_is_replaced(fresh):
    place, compiled = fresh
    place.parent.mkdir()
    place.write_bytes(b"damaged")
    assert "hash_texts" in library.load()
    library._loaded.cache_clear()
    library.load()
    assert compiled == [1]


def test_where_nothing_can_be_written_they_are_compiled_each_time(fresh):
    place, compiled = fresh
    place.parent.write_text("not a folder")
    place.parent.with_name("two").write_text("nor this")
    assert "hash_texts" in library.load()
    library._loaded.cache_clear()
    assert "hash_texts" in library.load()
    assert compiled == [1, 1]


def test_an_array_with_gaps_is_refused():
    with pytest.raises(ValueError, match="gaps"):
        Native("renumber")(np.arange(8, dtype=np.int32)[::2], 4, 0, 0)
