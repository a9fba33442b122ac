"""The order of machines, and their division into shards.

Machines are ordered by a hash of their id. A shard is a range of that hash, so the shards' results,
laid end to end, stand in the one order of all machines: what is published does not depend on the
number of shards, which may change from run to run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sessionize.kernels.arrow import text_array, text_buffers
from sessionize.kernels.texts import copy_texts, fill_slots, hash_texts, number_texts

_FEWEST_SLOTS = 1 << 12


def machine_hash(machine_ids: pa.StringArray) -> npt.NDArray[np.uint64]:
    """Hash machine ids (texts without nulls) to 64 bits, the same on every machine."""
    hashes = np.empty(len(machine_ids), np.uint64)
    hash_texts(*text_buffers(machine_ids), hashes)
    return hashes


def shard_of(machine_ids: pa.StringArray, shards: int) -> npt.NDArray[np.int64]:
    """Return each machine's shard, from 0 to ``shards - 1``, rising with its hash."""
    high = machine_hash(machine_ids) >> np.uint64(32)
    return ((high * np.uint64(shards)) >> np.uint64(32)).astype(np.int64)


@dataclass(frozen=True)
class Machines:
    """The distinct machines of some columns, in the order of all machines.

    Attributes
    ----------
    ids : StringArray
    ranks : tuple of int64 arrays, one a column
        The place of each row's machine in ``ids``.
    """

    ids: pa.StringArray
    ranks: tuple[npt.NDArray[np.int64], ...]


def rank_machines(*columns: pa.ChunkedArray) -> Machines:
    """Find the distinct machines of some columns of ids (texts without nulls)."""
    table = _Table()
    numbers = [table.number(column) for column in columns]
    order = table.order()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return Machines(table.texts(order), tuple(rank[column] for column in numbers))


class _Table:
    """A hash table of the texts that it has seen."""

    def __init__(self) -> None:
        self._known = 0
        self._slots = np.full(_FEWEST_SLOTS, -1, np.int32)
        # Address, size and hash of each distinct text.
        self._entries = np.empty((_FEWEST_SLOTS // 2, 3), np.int64)
        self._held: list[pa.Array] = []  # the texts lie in these

    def number(self, column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Return the number of each text, by first appearance."""
        numbers = np.empty(len(column), np.int64)
        begin = 0
        for chunk in column.chunks:
            self._held.append(chunk)
            part = numbers[begin : begin + len(chunk)]
            offsets, data = text_buffers(chunk)
            row = 0
            while row < len(part):
                row, self._known = number_texts(
                    offsets, data, row, self._slots, self._entries, self._known, part
                )
                if self._known == len(self._entries):
                    self._grow()
            begin += len(chunk)
        return numbers

    def _grow(self) -> None:
        self._slots = np.full(2 * len(self._slots), -1, np.int32)
        self._entries = np.concatenate([self._entries, np.empty_like(self._entries)])
        fill_slots(self._entries, self._known, self._slots)

    def order(self) -> npt.NDArray[np.int64]:
        """Return the numbers of the texts by hash; those that share one, by content."""
        hashes = self._entries[: self._known, 2].view(np.uint64)
        order = np.argsort(hashes, kind="stable")
        if (hashes[order][1:] == hashes[order][:-1]).any():
            texts = self.texts(np.arange(self._known)).to_pylist()
            order = np.array(
                sorted(range(self._known), key=lambda n: (hashes[n], texts[n].encode())), np.int64
            )
        return order

    def texts(self, numbers: npt.NDArray[np.int64]) -> pa.StringArray:
        """Return the texts that have these numbers."""
        places, sizes, _ = self._entries[numbers].T
        offsets = np.zeros(len(numbers) + 1, np.int32)
        np.cumsum(sizes, out=offsets[1:])
        texts = np.empty(offsets[-1], np.uint8)
        copy_texts(places.copy(), offsets, texts)
        return text_array(offsets, texts)
