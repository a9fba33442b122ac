"""Settings that do not fit what lands are warned of, and others are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from sessionize.discovery.fit import check_fit
from sessionize.lake.storage import LocalStorage
from tests.discovery import landed
from tests.discovery.landed import HOURS
from tests.discovery.test_preview import FIELDS, config_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    landed.land(tmp_path / "raw", "segment")
    return tmp_path


def warnings(folder: Path, **settings) -> tuple[str, ...]:
    config = config_of(folder, **settings)
    return check_fit(config, LocalStorage(config.raw)).warnings


def test_what_fits_is_not_warned_of(folder):
    column = [
        {"name": "price", "field": "properties.price", "type": "double"},
        {"name": "event", "field": "event"},
        {"name": "sent", "field": "sentAt", "type": "timestamp"},
    ]
    assert warnings(folder, column=column) == ()


def test_paths_that_name_nothing_are_named(folder):
    column = [{"name": "url", "field": "context.page.uri"}]
    found = warnings(folder, fields=FIELDS | {"action": "typ"}, column=column)
    assert [text.partition(",")[0] for text in found] == [
        "[fields] action names `typ`",
        "[[column]] url names `context.page.uri`",
    ]
    assert "none of the first 60 records has" in found[0]


@pytest.mark.parametrize(
    ("column", "says"),
    [
        ({"field": "type", "type": "int64"}, "60 of 60 values of `type` do not fit int64"),
        ({"field": "type", "pattern": "[A-Z]+"}, "do not fit string and `[A-Z]+`"),
        ({"field": "context.page"}, "do not fit string"),
        ({"field": "anonymousId", "type": "timestamp"}, "do not fit timestamp"),
    ],
)
def test_values_that_do_not_fit_are_counted(folder, column, says):
    [found] = warnings(folder, column=[{"name": "c", **column}])
    assert found.startswith("[[column]] c: ")
    assert says in found


def test_a_field_that_is_no_time_is_named(folder):
    [found] = warnings(folder, fields=FIELDS | {"timestamp": "messageId"})
    assert found == (
        "[fields] timestamp: 60 of 60 values of `messageId` are no time stamps: mend the path"
    )


def test_desktop_events_need_not_have_every_field_of_the_profile(tmp_path):
    landed.land(tmp_path / "raw", "desktop")
    settings = {"profile": "desktop", "fields": {}}
    assert warnings(tmp_path, **settings) == ()
    [found] = warnings(tmp_path, **settings | {"fields": {"nid": "node"}})
    assert found.startswith("[fields] nid names `node`")


def test_it_says_what_it_has_read(folder):
    config = config_of(folder)
    fit = check_fit(config, LocalStorage(config.raw))
    assert (fit.hour, fit.objects, fit.records) == (HOURS[-1], 2, 60)
