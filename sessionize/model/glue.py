"""The datasets as tables of a Glue catalog, which Athena reads, and what Terraform needs to know.

``python -m sessionize describe --terraform`` prints the variables of ``deploy/aws``.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa

from sessionize.model.errors import ConfigError
from sessionize.model.landing_prefix import DEFAULT_PREFIX, LandingPrefix
from sessionize.model.schemas import TYPE_NAMES, Schemas

_ATHENA = {"int32": "int", "int64": "bigint", "bool": "boolean"}
_FIREHOSE = {"%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH"}


def athena_type(kind: pa.DataType) -> str:
    """Return what Athena, and Glue, call an Arrow type."""
    if pa.types.is_list(kind):
        return f"array<{athena_type(kind.value_type)}>"
    return _ATHENA.get(TYPE_NAMES[kind], TYPE_NAMES[kind])


def projection(first_day: str, *, is_daily: bool = False) -> dict[str, str]:
    """Return the properties of a table whose partitions are the hours, or days, from a day on."""
    days = {
        "projection.enabled": "true",
        "projection.dt.type": "date",
        "projection.dt.format": "yyyy-MM-dd",
        "projection.dt.range": f"{first_day},NOW",
    }
    hours = {
        "projection.hour.type": "integer",
        "projection.hour.range": "0,23",
        "projection.hour.digits": "2",
    }
    return days if is_daily else days | hours


def glue_tables(schemas: Schemas, first_day: str) -> dict[str, dict[str, Any]]:
    """Return each dataset, those of hours and of days, as a table.

    A table is its columns, partitions and properties.
    """

    def table(schema: pa.Schema, *, is_daily: bool) -> dict[str, Any]:
        return {
            "columns": [{"name": f.name, "type": athena_type(f.type)} for f in schema],
            "partitions": ["dt"] if is_daily else ["dt", "hour"],
            "parameters": projection(first_day, is_daily=is_daily),
        }

    hourly = {name: table(it, is_daily=False) for name, it in schemas.datasets.items()}
    daily = {name: table(it, is_daily=True) for name, it in schemas.daily_datasets.items()}
    return hourly | daily


def terraform_variables(
    name: str, raw: str, lake: str, prefix: LandingPrefix, first_day: str, schemas: Schemas
) -> dict[str, Any]:
    """Return the variables of ``deploy/aws`` that a pipeline's file decides.

    Parameters
    ----------
    name, raw, lake : str
        Settings of the file.
    prefix : LandingPrefix
        The file's ``[landing] prefix``.
    first_day : str
        The day of the pipeline's ``start``.
    schemas : Schemas
        The pipeline's columns.

    Raises
    ------
    ConfigError
        If ``raw`` or ``lake`` is no place in a bucket.
    """
    return {
        "pipeline": name,
        "raw": _place("raw", raw),
        "lake": _place("lake", lake),
        "landing_prefix": firehose_prefix(prefix),
        "tables": glue_tables(schemas, first_day),
    }


def firehose_prefix(prefix: LandingPrefix) -> str:
    """Return an hour's folder as Firehose writes it; empty where Firehose adds it by itself."""
    if prefix == DEFAULT_PREFIX:
        return ""
    return re.sub("%.", lambda part: f"!{{timestamp:{_FIREHOSE[part[0]]}}}", prefix)


def _place(setting: str, url: str) -> dict[str, str]:
    bucket, _, prefix = url.removeprefix("s3://").strip("/").partition("/")
    if not url.startswith("s3://") or not bucket or not prefix:
        raise ConfigError(
            f"`{setting}` is {url}, which is no place in a bucket",
            f'Write it as `{setting} = "s3://BUCKET/{setting}"`: that is what is deployed.',
        )
    return {"bucket": bucket, "prefix": prefix}
