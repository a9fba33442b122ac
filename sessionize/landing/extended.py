"""The unknown fields of single records, where they are not what the reader took them for."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from sessionize.landing.json.parsing import Fields, parse
from sessionize.landing.json.tree import FieldTree
from sessionize.landing.records import Problem


def extended_with(raw: bytes, fields: FieldTree, kept: Collection[str]) -> str | None:
    """Return what ``extended`` is of a record if some of its known fields count as unknown.

    Parameters
    ----------
    raw : bytes
        A record that can be read.
    fields : FieldTree
        The known fields.
    kept : collection of str
        The names, at the top level, of those that are kept.
    """
    record = parse(raw)
    assert not isinstance(record, Problem), "it has been read before"
    rest = dict(record)
    fields.take(rest)
    return object_text({n: value for n, value in record.items() if n in rest or n in kept})


def object_text(fields: Fields) -> str | None:
    """Write fields as one JSON object, values as they came; None without any."""
    pairs = (msgspec.json.encode(name) + b":" + bytes(raw) for name, raw in fields.items())
    return (b"{" + b",".join(pairs) + b"}").decode() if fields else None
