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


@pytest.mark.parametrize("queue", ["landed", "https://sqs.eu-west-1.amazonaws.com/1/a-b_c"])
def test_a_queue(queue: str):
    parsed(raw="s3://bucket/raw", airflow={"trigger": "sqs", "queue": queue})


@pytest.mark.parametrize(
    ("raw", "airflow", "says"),
    [
        ("s3://b/raw", {"trigger": "sqs"}, "no `queue` is given"),
        ("s3://b/raw", {"queue": "landed"}, '`queue` is given without `trigger = "sqs"`'),
        ("s3://b/raw", {"trigger": "sns", "queue": "landed"}, "trigger"),
        ("s3://b/raw", {"trigger": "sqs", "queue": "landed.fifo"}, r"\.fifo"),
        ("s3://b/raw", {"trigger": "sqs", "queue": "https://host/1/landed.fifo"}, r"\.fifo"),
        ("s3://b/raw", {"trigger": "sqs", "queue": ""}, "`queue` is ''"),
        ("s3://b/raw", {"trigger": "sqs", "queue": "arn:aws:sqs:eu-west-1:1:landed"}, "the URL"),
        ("s3://b/raw", {"trigger": "sqs", "queue": "q", "catchup": False}, "`catchup` is false"),
        ("raw", {"trigger": "sqs", "queue": "q"}, "`raw` is a local folder"),
    ],
)
def test_a_queue_that_would_wake_nobody(raw: str, airflow: dict[str, Any], says: str):
    with pytest.raises(ConfigError, match=says):
        parsed(raw=raw, airflow=airflow)
