"""A store upon another: it is as if it had been written, and it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessionize.lake.storage import ABSENT, LocalStorage, OverlayStorage, S3Storage, Storage
from sessionize.model.errors import ObjectGoneError, OvertakenError
from tests.lake.storage.helpers import keys


@pytest.fixture(params=["folder", "s3"])
def below(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        store: Storage = LocalStorage(tmp_path / "below")
    else:
        bucket = request.getfixturevalue("bucket")
        credentials = request.getfixturevalue("s3_credentials")
        store = S3Storage(f"s3://{bucket}/below", credentials)
    for key in ("a/1", "a/2", "b"):
        store.write(key, f"below {key}".encode())
    return store


@pytest.fixture
def overlay(below: Storage, tmp_path: Path) -> OverlayStorage:
    return OverlayStorage(below, LocalStorage(tmp_path / "above"))


def content(store: Storage) -> list[tuple[str, str, bytes | None]]:
    return [(entry.key, entry.version, store.read(entry.key)) for entry in store.list()]


def test_what_is_not_written_is_seen_below(overlay, below):
    assert content(overlay) == content(below)
    assert overlay.read_version("b") == below.read_version("b")
    assert b"".join(overlay.stream("a/1")) == b"below a/1"
    assert overlay.url == below.url


def test_nothing_that_is_done_above_is_done_below(overlay, below, tmp_path):
    before = content(below)
    (tmp_path / "file").write_bytes(b"uploaded")
    overlay.write("b", b"above")
    overlay.upload("a/1", tmp_path / "file")
    overlay.write("a/15", b"new")
    overlay.delete("a/2")
    overlay.tidy()
    assert content(below) == before
    assert [(key, text) for key, _, text in content(overlay)] == [
        ("a/1", b"uploaded"),
        ("a/15", b"new"),
        ("b", b"above"),
    ]
    assert b"".join(overlay.stream("b")) == b"above"
    children = overlay.children()
    assert (children.folders, [entry.key for entry in children.objects]) == (("a/",), ["b"])


def test_what_is_removed_is_gone_and_may_come_again(overlay):
    overlay.delete("a/1")
    assert overlay.read_version("a/1") == (None, ABSENT)
    with pytest.raises(ObjectGoneError, match="a/1 is no longer there"):
        list(overlay.stream("a/1"))
    overlay.write("a/1", b"again", ABSENT)
    assert keys(overlay) == ["a/1", "a/2", "b"]


def test_only_the_version_below_that_was_seen_is_replaced_or_removed(overlay, below):
    [seen] = [entry.version for entry in overlay.list("b")]
    below.write("b", b"another attempt's")
    with pytest.raises(OvertakenError, match="below/b has been written by another"):
        overlay.write("b", b"lagging", seen)
    overlay.delete("b", seen)
    assert overlay.read("b") == b"another attempt's"
    [seen] = [entry.version for entry in overlay.list("b")]
    assert overlay.write("b", b"another attempt's", ABSENT) == seen
    overlay.write("b", b"above", seen)
    with pytest.raises(OvertakenError):
        overlay.write("b", b"lagging", seen)
    assert overlay.read("b") == b"above"
