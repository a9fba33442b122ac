"""Telling, with the record in a lake: two at the same time, and recipients out of reach."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from sessionize.alerts.check import Look
from sessionize.alerts.findings import FailedTask, LateHours
from sessionize.alerts.messages import Message
from sessionize.alerts.tell import RECORD, tell_failure, tell_look
from sessionize.alerts.told import LEASE
from sessionize.lake.layout import Lake
from sessionize.lake.storage import LocalStorage, S3Credentials, S3Storage
from sessionize.model.errors import ForeignFileError, NotToldError

from .looks import at, hour

NOW = at(1)
LATE = LateHours(hour(0), hour(0), 1, timedelta(minutes=45))
WRONG = Look((LATE,), frozenset(), hour(0))
WELL = Look((), frozenset({hour(0)}), hour(0))


class Inbox(list[Message]):
    """A recipient; `broken` raises that instead."""

    broken: Exception | None = None

    def __call__(self, message: Message) -> None:
        if self.broken:
            raise self.broken
        self.append(message)


@pytest.fixture(params=["local", "s3"])
def lake(request: pytest.FixtureRequest, tmp_path: Path, s3_credentials: S3Credentials) -> Lake:
    if request.param == "local":
        return Lake(LocalStorage(tmp_path))
    bucket = request.getfixturevalue("bucket")
    return Lake(S3Storage(f"s3://{bucket}/lake", s3_credentials))


def test_what_is_wrong_is_told_once_and_its_end_once(lake: Lake):
    inbox = Inbox()
    for look in (WRONG, WRONG, WELL, WELL):
        tell_look(lake, "n", look, {"me": inbox}, NOW, "http://airflow/dags/n")
    assert [message.subject for message in inbox] == [
        "n: 2017-02-04T22 not published 45 minutes after its end",
        "n: resolved: 2017-02-04T22 not published 45 minutes after its end",
    ]
    assert {message.link for message in inbox} == {"http://airflow/dags/n"}


def test_nothing_is_written_where_nothing_is_wrong(lake: Lake):
    assert tell_look(lake, "n", WELL, {"me": Inbox()}, NOW) == 0
    assert lake.read_json(RECORD) is None


def test_of_two_at_the_same_time_one_tells(lake: Lake, monkeypatch: pytest.MonkeyPatch):
    first, second = Inbox(), Inbox()
    write = lake.write_json

    def overtaken(*arguments) -> str:
        monkeypatch.undo()
        assert tell_look(lake, "n", WRONG, {"me": second}, NOW) == 1
        return write(*arguments)

    monkeypatch.setattr(lake, "write_json", overtaken)
    assert tell_look(lake, "n", WRONG, {"me": first}, NOW) == 0
    assert (len(first), len(second)) == (0, 1)


def test_one_that_cannot_be_told_keeps_no_other_from_it_and_is_told_later(lake: Lake):
    well, ill = Inbox(), Inbox()
    ill.broken = RuntimeError("no such channel")
    with pytest.raises(NotToldError, match=r"n: 1 findings.*ill: RuntimeError: no such channel"):
        tell_look(lake, "n", WRONG, {"ill": ill, "well": well}, NOW)
    assert (len(ill), len(well)) == (0, 1)
    ill.broken = None
    assert tell_look(lake, "n", WRONG, {"ill": ill, "well": well}, NOW + LEASE) == 1
    assert (len(ill), len(well)) == (1, 1)


def test_a_failure_is_told_beside_what_a_look_shows(lake: Lake):
    inbox = Inbox()
    failure = FailedTask(hour(0), hour(0), 1, "claim", "the bucket is gone")
    tell_look(lake, "n", WRONG, {"me": inbox}, NOW)
    assert tell_failure(lake, "n", failure, {"me": inbox}, NOW) == 1
    assert tell_failure(lake, "n", failure, {"me": inbox}, NOW) == 0
    tell_look(lake, "n", WELL, {"me": inbox}, NOW)
    assert [message.subject for message in inbox[1:]] == [
        "n: 2017-02-04T22 failed in claim: the bucket is gone",
        "n: 2 resolved",
    ]


def test_a_record_that_is_replaced_again_and_again_is_given_up(lake: Lake, monkeypatch):
    write = lake.write_json

    def overtaken(key: str, document: object, version: str) -> str:
        write(key, {"format": 1, "told": [], "by": len(written)})
        written.append(key)
        return write(key, document, version)

    written: list[str] = []
    monkeypatch.setattr(lake, "write_json", overtaken)
    with pytest.raises(NotToldError, match="is being replaced again and again"):
        tell_look(lake, "n", WRONG, {"me": Inbox()}, NOW)


def test_a_foreign_record_is_moved_away_and_all_is_told_once_more(lake: Lake):
    inbox = Inbox()
    lake.write_json(RECORD, ["mine"])
    with pytest.raises(ForeignFileError, match="Move it away"):
        tell_look(lake, "n", WRONG, {"me": inbox}, NOW)
    lake.storage.delete(RECORD)
    assert tell_look(lake, "n", WRONG, {"me": inbox}, NOW) == 1
