"""The datasets in words: Markdown tables and Athena's DDL, from the declared columns.

``make docs`` puts them into the marked blocks of README.md and of pages in docs/.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from sessionize.model.columns import DEFAULT_FIELDS, FIXABLE, DailyColumn
from sessionize.model.glue import athena_type, projection
from sessionize.model.reasons import Reason
from sessionize.model.schemas import DESKTOP, QUARANTINE, TYPE_NAMES, Schemas

_WIDTH = 100

_QUARANTINE = {
    "raw": "the text as it came; bytes that are not UTF-8 as `base64:…`",
    "reason": "a code that stays the same: " + ", ".join(f"`{reason}`" for reason in Reason),
    "detail": "what is wrong, and where",
    "object_key": "as above",
    "position": "as above",
}


def blocks(schemas: Schemas = DESKTOP) -> dict[str, str]:
    """Return the text of every marked block, by its name."""
    return {
        "events": events_table(schemas),
        "sessions": sessions_table(schemas),
        "quarantine": quarantine_table(),
        "athena": f"```sql\n{athena_ddl('sessions', schemas)}\n```",
        "fields": _filled(
            [
                f"`{name}`" if name == field else f'`{name}` (default `"{field}"`)'
                for name, field in DEFAULT_FIELDS.items()
            ]
        ),
        "fixable": _filled([f"`{name}`" for name in FIXABLE]),
        **{dataset: daily_table(dataset, schemas) for dataset in schemas.daily_datasets},
    }


def events_table(schemas: Schemas = DESKTOP, fields: Mapping[str, str] | None = None) -> str:
    """Return the columns of ``events`` as a Markdown table.

    Parameters
    ----------
    schemas : Schemas
        The pipeline's columns.
    fields : mapping of str to str, optional
        The path of each column's raw field, where it is not the default.
    """
    paths = {c.name: (fields or {}).get(c.key, c.field) for c in schemas.event_columns}
    return _table(
        ("column", "type", "raw field", "what"),
        (
            (
                f"`{column.name}`",
                type_name(schemas.events.field(column.name).type),
                f"`{paths[column.name]}`" if paths[column.name] else "",
                column.about,
            )
            for column in schemas.event_columns
        ),
    )


def sessions_table(schemas: Schemas = DESKTOP) -> str:
    """Return the columns of ``sessions`` and ``open_sessions`` as a Markdown table."""
    return _table(
        ("column", "type", "what"),
        (
            (
                f"`{column.name}`",
                type_name(schemas.sessions.field(column.name).type),
                column.about,
            )
            for column in schemas.session_columns
        ),
    )


def quarantine_table() -> str:
    """Return the columns of ``quarantine``, with all reasons, as a Markdown table."""
    return _table(
        ("column", "type", "what"),
        (
            (f"`{field.name}`", type_name(field.type), _QUARANTINE[field.name])
            for field in QUARANTINE
        ),
    )


def daily_table(dataset: str, schemas: Schemas = DESKTOP) -> str:
    """Return the columns of a day's dataset, but those of a session, as a Markdown table."""
    schema = schemas.daily_datasets[dataset]
    return _table(
        ("column", "type", "what"),
        (
            (f"`{column.name}`", type_name(schema.field(column.name).type), column.about)
            for column in schemas.daily_columns[dataset]
            if isinstance(column, DailyColumn)
        ),
    )


def athena_ddl(
    dataset: str,
    schemas: Schemas = DESKTOP,
    lake: str = "s3://events/lake",
    first_day: str = "2017-02-04",
) -> str:
    """Return the statement that makes a dataset a table of Athena, with partition projection.

    Parameters
    ----------
    dataset : str
        One of ``schemas.datasets`` or ``schemas.daily_datasets``: these have no ``hour``.
    schemas : Schemas
        The pipeline's columns.
    lake : str
        The pipeline's ``lake``.
    first_day : str
        The day of the pipeline's ``start``.
    """
    is_daily = dataset in schemas.daily_datasets
    schema = (schemas.daily_datasets if is_daily else schemas.datasets)[dataset]
    columns = [f"{field.name} {athena_type(field.type)}" for field in schema]
    properties = projection(first_day, is_daily=is_daily)
    return "\n".join(
        [
            f"CREATE EXTERNAL TABLE {dataset} (",
            textwrap.indent(_filled(columns), "  ") + ")",
            f"PARTITIONED BY (dt string{'' if is_daily else ', hour string'})",
            "STORED AS PARQUET",
            f"LOCATION '{lake}/{dataset}/'",
            "TBLPROPERTIES (",
            ",\n".join(f"  '{name}' = '{value}'" for name, value in properties.items()) + ");",
        ]
    )


def type_name(kind: pa.DataType) -> str:
    """Return what the declarations call an Arrow type; of a list, with what it lists."""
    return f"list of {TYPE_NAMES[kind.value_type]}" if pa.types.is_list(kind) else TYPE_NAMES[kind]


def rewritten(text: str, blocks: Mapping[str, str]) -> str:
    """Put blocks between their marks, ``<!-- name -->`` and ``<!-- /name -->``.

    A block whose marks the text has not is left out.
    """
    for name, block in blocks.items():
        marked = rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)"
        text = re.sub(marked, block.replace("\\", r"\\") + r"\n", text, flags=re.DOTALL)
    return text


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _filled(items: Iterable[str]) -> str:
    """Lay items out in lines, with commas; none is broken."""
    lines = [""]
    for item in items:
        if len(lines[-1]) + len(item) + 2 > _WIDTH:
            lines.append("")
        lines[-1] += f"{item}, "
    return "\n".join(line.rstrip() for line in lines).rstrip(",")
