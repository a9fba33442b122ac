"""Arrays of texts as Arrow lays them out: where each ends, and the bytes of all."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.gather import copy_texts
from sessionize.kernels.library import Native

Offsets = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int64]

_hash_texts = Native("hash_texts")
_number_texts = Native("number_texts")
_fill_slots = Native("fill_slots")
_split_texts = Native("split_texts")
_are_hex = Native("are_hex")

_FEWEST_SLOTS = 1 << 12


def hash_texts(offsets: Offsets, data: Bytes) -> npt.NDArray[np.uint64]:
    """Hash texts to 64 bits, each of which depends on all of their bytes."""
    hashes = np.empty(len(offsets) - 1, np.uint64)
    _hash_texts(offsets, data, len(hashes), hashes)
    return hashes


class TextTable:
    """The distinct texts of some arrays, numbered by their first appearance.

    Attributes
    ----------
    known : int
        How many there are.
    """

    def __init__(self) -> None:
        self.known = 0
        self._slots = np.full(_FEWEST_SLOTS, -1, np.int32)
        # Address, size and hash of each.
        self._entries = np.empty((_FEWEST_SLOTS // 2, 3), np.int64)
        self._result = np.empty(1, np.int64)

    def number(self, offsets: Offsets, data: Bytes, numbers: Numbers) -> None:
        """Fill ``numbers`` with the number of each text; the texts must outlive the table."""
        row = 0
        while row < len(numbers):
            row = _number_texts(
                offsets,
                data,
                row,
                len(numbers),
                self._slots,
                len(self._slots),
                self._entries,
                self.known,
                numbers,
                self._result,
            )
            self.known = int(self._result[0])
            if self.known == len(self._entries):
                self._grow()

    def _grow(self) -> None:
        self._slots = np.full(2 * len(self._slots), -1, np.int32)
        self._entries = np.concatenate([self._entries, np.empty_like(self._entries)])
        _fill_slots(self._entries, self.known, self._slots, len(self._slots))

    @property
    def hashes(self) -> npt.NDArray[np.uint64]:
        """The hash of each text."""
        return self._entries[: self.known, 2].view(np.uint64)

    def texts(self, numbers: Numbers) -> tuple[Offsets, Bytes]:
        """Return the texts that have these numbers."""
        places, sizes, _ = self._entries[numbers].T
        offsets = np.zeros(len(numbers) + 1, np.int32)
        np.cumsum(sizes, out=offsets[1:])
        return offsets, copy_texts(places.copy(), offsets)


def split_texts(
    offsets: Offsets, data: Bytes, cuts: npt.NDArray[np.int32]
) -> tuple[Offsets, Bytes, Offsets, Bytes]:
    """Cut each text in two after so many bytes; without a cut inside it, it is all head.

    Returns
    -------
    head_offsets, heads, tail_offsets, tails : int32 and uint8 arrays
    """
    size = int(offsets[-1] - offsets[0])
    heads, tails = np.empty(size, np.uint8), np.empty(size, np.uint8)
    head_offsets, tail_offsets = np.empty(len(offsets), np.int32), np.empty(len(offsets), np.int32)
    _split_texts(offsets, data, cuts, len(cuts), heads, head_offsets, tails, tail_offsets)
    return head_offsets, heads, tail_offsets, tails


def are_hex(offsets: Offsets, data: Bytes, least: int) -> npt.NDArray[np.bool_]:
    """Tell which texts are at least so many hexadecimal digits and nothing else."""
    result = np.empty(len(offsets) - 1, np.bool_)
    _are_hex(offsets, data, len(result), least, result)
    return result
