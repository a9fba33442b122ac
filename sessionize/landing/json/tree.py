"""The known fields of a record as a tree: its top-level names, and those inside of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from sessionize.kernels.json_grammar import BACKSLASH, FIRST_PRINTABLE, QUOTE
from sessionize.landing.json.parsing import Fields, decode_fields

#: The size of a name that no name in a text has.
_NEVER = np.iinfo(np.int64).max >> 1
_OBJECT = ord("{")
NONE = -1

Path = tuple[str, ...]


class FieldTree:
    """What the scan, and slower code, look for.

    A *node* is a name under its parent; the nodes of one parent stand together, those of the top
    level first.

    Parameters
    ----------
    paths : sequence of tuples of str
        The path of each field, no two the same.

    Attributes
    ----------
    names, sizes : uint8 array (nodes, longest), int64 array (nodes,)
        The names as they stand in a text, without quotes.
    field : int64 array (nodes,)
        The field that the node's value fills; -1 if it only leads to others.
    children : int64 array (nodes, 2)
        The first of the nodes inside of it, and behind the last.
    tops : int
        How many nodes stand at the top level.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        levels: dict[Path, list[Path]] = {}
        for path in paths:
            for depth in range(len(path)):
                siblings = levels.setdefault(path[:depth], [])
                if path[: depth + 1] not in siblings:
                    siblings.append(path[: depth + 1])
        nodes = [node for parent in sorted(levels, key=len) for node in levels[parent]]
        self._paths = {path: field for field, path in enumerate(paths)}
        self._levels = levels
        encoded = [node[-1].encode() for node in nodes]
        self.names = np.zeros((len(nodes), max(map(len, encoded), default=0)), np.uint8)
        for row, name in zip(self.names, encoded, strict=True):
            row[: len(name)] = list(name)
        sizes = [len(name) if _is_plain(name) else _NEVER for name in encoded]
        self.sizes = np.array(sizes, np.int64)
        self.field = np.array([self._paths.get(node, NONE) for node in nodes], np.int64)
        number = {node: place for place, node in enumerate(nodes)}
        self.children = np.array(
            [
                (number[inside[0]], number[inside[-1]] + 1) if inside else (0, 0)
                for inside in (levels.get(node, []) for node in nodes)
            ],
            np.int64,
        ).reshape(-1, 2)
        self.tops = len(levels.get((), []))

    def take(self, record: Fields) -> dict[int, bytes]:
        """Take the fields out of a record that has been decoded.

        What is left are the unknown fields. A top-level field that fills a column is none, unless
        it is an object that a path reaches into.

        Returns
        -------
        dict of int to bytes
            Field to the JSON text of its value; a field that the record has not, is not there.
        """
        values: dict[int, bytes] = {}
        self._collect((), record, values)
        for node in self._levels.get((), []):
            if node in self._paths and not (node in self._levels and _is_object(record, node[-1])):
                record.pop(node[-1], None)
        return values

    def _collect(
        self, parent: Path, fields: Mapping[str, object], values: dict[int, bytes]
    ) -> None:
        for node in self._levels.get(parent, []):
            if node[-1] not in fields:
                continue
            value = bytes(fields[node[-1]])  # type: ignore[call-overload]
            if node in self._paths:
                values[self._paths[node]] = value
            if node in self._levels and value[0] == _OBJECT:
                self._collect(node, decode_fields(value), values)


def _is_object(record: Fields, name: str) -> bool:
    return name in record and bytes(record[name])[0] == _OBJECT


def _is_plain(name: bytes) -> bool:
    """Tell whether a name can stand in JSON text as it is, without escapes."""
    return all(byte >= FIRST_PRINTABLE and byte not in (QUOTE, BACKSLASH) for byte in name)
