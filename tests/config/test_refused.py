"""Settings that a run could not bear: they are refused when the file is loaded."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from sessionize.config import parse_config
from sessionize.model.errors import ConfigError

START = datetime(2017, 2, 4, 22, tzinfo=UTC)


def parsed(**settings: Any) -> None:
    parse_config({"name": "n", "raw": "raw", "lake": "lake", "start": START} | settings)


@pytest.mark.parametrize("replace", [r"\9", r"\g<name>", r"\g<"])
def test_a_replacement_that_names_no_group(replace: str):
    with pytest.raises(ConfigError, match="replace"):
        parsed(fix=[{"column": "action", "pattern": "a", "replace": replace}])


@pytest.mark.parametrize("year", [1, 1969, 2147, 9999])
def test_a_start_outside_the_calendar_of_the_hour_ids(year: int):
    with pytest.raises(ConfigError, match="start"):
        parsed(start=datetime(year, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["..", ".", "-x", "_x", ".hidden", "a/b", ""])
def test_a_name_that_is_no_name(name: str):
    with pytest.raises(ConfigError, match="name"):
        parsed(name=name)


@pytest.mark.parametrize("lake", ["2017", "2017/02/04/22", "2017/lake"])
@pytest.mark.parametrize("raw", ["raw", "s3://bucket/raw", "s3://bucket"])
def test_a_lake_where_raw_objects_land(raw: str, lake: str):
    with pytest.raises(ConfigError, match="lake"):
        parsed(raw=raw, lake=f"{raw}/{lake}")
    parsed(raw=raw, lake=f"{raw}/lake")
