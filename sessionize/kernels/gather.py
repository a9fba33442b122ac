"""Rows of a column that lies in chunks, gathered in any order."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.library import Native

Offsets = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

_deal_rows = Native("deal_rows")
_gather_int64 = Native("gather_int64")
_gather_int32 = Native("gather_int32")
_locate_texts = Native("locate_texts")
_copy_texts = Native("copy_texts")


def deal_rows(
    hashes: npt.NDArray[np.uint64], bits: int, chunk: int, ends: Numbers, places: Numbers
) -> None:
    """Put the places of a chunk's rows where the highest bits of their hash say, in their order.

    Parameters
    ----------
    hashes : uint64 array
        Those of the chunk's rows.
    bits : int
        How many bits of them count, from 1 to 63.
    chunk : int
        The chunk's number.
    ends : int64 array (2 ** bits,)
        Where in ``places`` the next row goes, for each value of the bits; it is moved on.
    places : int64 array
        Filled in part.
    """
    _deal_rows(hashes, len(hashes), 64 - bits, chunk, ends, places)


def gather_int64(
    places: Numbers, data_at: Numbers, validity_at: Numbers, shifts_at: Numbers
) -> tuple[Numbers, Mask]:
    """Gather rows of a column of int64.

    Parameters
    ----------
    places : int64 array
        Of each row the number of its chunk, times 2 ** 32, and its row in the chunk.
    data_at, validity_at, shifts_at : int64 arrays, one item a chunk
        The addresses of its values and of its bits of validity, 0 if it has none, and which of
        those bits is the first row's.

    Returns
    -------
    values, absent : int64 and bool arrays
    """
    values, absent = np.empty(len(places), np.int64), np.empty(len(places), np.bool_)
    _gather_int64(places, len(places), data_at, validity_at, shifts_at, values, absent)
    return values, absent


def gather_int32(
    places: Numbers,
    data_at: Numbers,
    validity_at: Numbers,
    shifts_at: Numbers,
    meanings_at: Numbers,
) -> tuple[Codes, Mask]:
    """Gather rows of a column of int32, or of the codes of a dictionary.

    Parameters
    ----------
    places, data_at, validity_at, shifts_at
        As of `gather_int64`.
    meanings_at : int64 array, one item a chunk
        The address of an int32 array that tells what each code stands for, or 0: for itself.
    """
    values, absent = np.empty(len(places), np.int32), np.empty(len(places), np.bool_)
    _gather_int32(places, len(places), data_at, validity_at, shifts_at, meanings_at, values, absent)
    return values, absent


def gather_texts(
    places: Numbers, offsets_at: Numbers, data_at: Numbers, validity_at: Numbers, shifts_at: Numbers
) -> tuple[Offsets, Bytes, Mask]:
    """Gather rows of a column of texts.

    Parameters
    ----------
    places, validity_at, shifts_at
        As of `gather_int64`.
    offsets_at, data_at : int64 arrays, one item a chunk
        The addresses of its offsets (int32) and of its bytes.

    Returns
    -------
    offsets, texts, absent : int32, uint8 and bool arrays

    Raises
    ------
    OverflowError
        If the texts are 2 GiB or more.
    """
    rows = len(places)
    addresses, offsets = np.empty(rows, np.int64), np.empty(rows + 1, np.int32)
    absent = np.empty(rows, np.bool_)
    size = _locate_texts(
        places, rows, offsets_at, data_at, validity_at, shifts_at, addresses, offsets, absent
    )
    if size < 0:
        raise OverflowError("more text than one array can hold")
    return offsets, copy_texts(addresses, offsets), absent


def copy_texts(addresses: Numbers, offsets: Offsets) -> Bytes:
    """Lay texts, given by their addresses and where they shall end, end to end."""
    texts = np.empty(offsets[-1], np.uint8)
    _copy_texts(addresses, offsets, len(addresses), texts)
    return texts
