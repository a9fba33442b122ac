"""What earlier releases have written, read as this one writes it; what newer ones have, refused.

The lake's marker, its ledgers and the tables of its state carry one format version. A step of
`MARKERS`, `LEDGERS` or `TABLES` takes a document or table of format ``n`` to ``n + 1``; an old one
goes through all steps from its format on.

====== ======= ====================================================================================
format release what changed
====== ======= ====================================================================================
1      0.1
2      0.2     ``open_sessions`` of the state has a column ``incomplete``; claims carry an index
====== ======= ====================================================================================

State tables also differ by settings: columns come and go with them. `as_declared` sees to that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from sessionize.model.errors import ForeignFileError, NewerFormatError

FORMAT = 2

#: The sessions of the state that miss events in these of their columns (a list of names).
INCOMPLETE = "incomplete"
_NAMES = pa.list_(pa.string())

Document = dict[str, Any]


def _same(document: Document) -> Document:
    return document


def _with_incomplete(name: str, table: pa.Table) -> pa.Table:
    if name != "open_sessions" or INCOMPLETE in table.schema.names:
        return table
    return table.append_column(INCOMPLETE, pa.nulls(len(table), _NAMES))


#: By the format that each step takes: `_pipeline.json`, ledgers, tables of the state.
MARKERS: Mapping[int, Callable[[Document], Document]] = {1: _same}
LEDGERS: Mapping[int, Callable[[Document], Document]] = {1: _same}
TABLES: Mapping[int, Callable[[str, pa.Table], pa.Table]] = {1: _with_incomplete}


def format_of(document: Any, place: str) -> int:
    """Return the format of a ledger or marker.

    Raises
    ------
    ForeignFileError
        If the document has none.
    NewerFormatError
        If a newer release has written it.
    """
    number = document.get("format") if isinstance(document, dict) else None
    if type(number) is not int or number < 1:
        raise ForeignFileError(
            f"{place} is not a record of this project: it has no format version",
            "Restore it from a backup, or move it away and run its hour again.",
        )
    if number > FORMAT:
        raise NewerFormatError(
            f"{place} was written by a newer release of sessionize, in format {number}; this "
            f"release reads up to format {FORMAT}",
            "Run the newer release, or restore the lake as it was before the upgrade. Nothing was "
            "written.",
        )
    return number


def migrate(
    steps: Mapping[int, Callable[[Document], Document]], document: Any, place: str
) -> Document:
    """Return a document as this release writes it, its ``format`` included.

    Raises
    ------
    ForeignFileError, NewerFormatError
        As `format_of`.
    """
    for number in range(format_of(document, place), FORMAT):
        document = steps[number](document) | {"format": number + 1}
    return document


def as_declared(name: str, table: pa.Table, schema: pa.Schema, written_in: int) -> pa.Table:
    """Return rows of a state table with exactly the columns of a schema, in their order.

    A column that the table has not is null; one that the schema has not is left out; a type that
    was changed is cast. What cannot be cast counts as not being there. A column that an open
    session lacks is named in its ``incomplete``.

    Parameters
    ----------
    name : str
        The state table's name.
    table : Table
        Rows as they were written, whatever the settings were.
    schema : Schema
        The columns as they are declared now.
    written_in : int
        The format in which the rows were written.
    """
    for number in range(written_in, FORMAT):
        table = TABLES[number](name, table)
    columns, missing = [], []
    for field in schema:
        column = _cast(table, field)
        if column is None:
            column = pa.chunked_array([pa.nulls(len(table), field.type)])
            missing.append(field.name)
        columns.append(column)
    declared = pa.table(columns, schema=schema)
    missing = [column for column in missing if column != INCOMPLETE]
    if missing and INCOMPLETE in schema.names:
        declared = _mark_incomplete(declared, missing)
    return declared


def _cast(table: pa.Table, field: pa.Field) -> pa.ChunkedArray | None:
    if field.name not in table.schema.names:
        return None
    column = table.column(field.name)
    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _mark_incomplete(table: pa.Table, missing: list[str]) -> pa.Table:
    number = table.schema.get_field_index(INCOMPLETE)
    known = [names or [] for names in table.column(INCOMPLETE).to_pylist()]
    more = [names + [name for name in missing if name not in names] for names in known]
    field = table.schema.field(number)
    return table.set_column(number, field, pa.array(more, field.type))
