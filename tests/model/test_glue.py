"""Tables of a Glue catalog, and what Terraform is told of a pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest

from sessionize.cli import main
from sessionize.model.errors import ConfigError
from sessionize.model.glue import athena_type, firehose_prefix, glue_tables, terraform_variables
from sessionize.model.landing_prefix import DEFAULT_PREFIX, LandingPrefix
from sessionize.model.schemas import DESKTOP

OWN = """
name    = "web"
raw     = "s3://clicks/raw"
lake    = "s3://clicks/lake"
start   = 2026-01-02T00:00:00Z
profile = "none"
[landing]
prefix = "app=web/year=%Y/month=%m/day=%d/hour=%H/"
[[column]]
name  = "price"
field = "order.price"
type  = "double"
[[session.column]]
name      = "prices"
aggregate = "list"
of        = "price"
"""


def test_a_table_has_the_columns_of_its_dataset():
    tables = glue_tables(DESKTOP, "2017-02-04")
    schemas = DESKTOP.datasets | DESKTOP.daily_datasets
    assert list(tables) == list(schemas)
    for dataset, schema in schemas.items():
        assert [column["name"] for column in tables[dataset]["columns"]] == schema.names
    types = {column["name"]: column["type"] for column in tables["sessions"]["columns"]}
    assert types["started_at"] == "timestamp"
    assert types["event_count"] == "bigint"


def test_a_days_table_has_no_hours():
    table = glue_tables(DESKTOP, "2017-02-04")["machines"]
    assert table["partitions"] == ["dt"]
    assert not [name for name in table["parameters"] if ".hour." in name]


def test_types_are_athenas():
    kinds = [pa.int32(), pa.bool_(), pa.float64(), pa.list_(pa.list_(pa.int64()))]
    assert [athena_type(kind) for kind in kinds] == [
        *("int", "boolean", "double", "array<array<bigint>>")
    ]


def test_a_pipeline_says_where_it_lies_and_what_its_own_columns_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "web.toml").write_text(OWN)
    assert main(["describe", "--terraform", "--config", str(tmp_path / "web.toml")]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["pipeline"] == "web"
    assert said["raw"] == {"bucket": "clicks", "prefix": "raw"}
    assert said["lake"] == {"bucket": "clicks", "prefix": "lake"}
    assert said["landing_prefix"] == (
        "app=web/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/"
        "hour=!{timestamp:HH}/"
    )
    sessions = said["tables"]["sessions"]
    assert sessions["columns"][-1] == {"name": "prices", "type": "array<double>"}
    assert sessions["partitions"] == ["dt", "hour"]
    assert sessions["parameters"]["projection.dt.range"] == "2026-01-02,NOW"


def test_firehose_adds_its_own_prefix_by_itself():
    assert firehose_prefix(DEFAULT_PREFIX) == ""
    assert firehose_prefix(LandingPrefix("x/%Y-%m-%d/%H/")) == (
        "x/!{timestamp:yyyy}-!{timestamp:MM}-!{timestamp:dd}/!{timestamp:HH}/"
    )


@pytest.mark.parametrize("raw", ["/srv/raw", "s3://events", "s3:///raw"])
def test_what_lies_in_no_bucket_is_refused(raw: str):
    with pytest.raises(ConfigError, match="`raw` is "):
        terraform_variables("t", raw, "s3://b/lake", DEFAULT_PREFIX, "2026-01-01", DESKTOP)
