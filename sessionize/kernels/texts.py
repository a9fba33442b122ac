"""Arrays of texts as Arrow lays them out: where each ends, and the bytes of all."""

# mypy: disable-error-code="no-untyped-def"

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sessionize.kernels.compiling import inlined, kernel
from sessionize.kernels.memory import address_of, byte_at, copy_bytes, int32_at, word_at

Bytes = npt.NDArray[np.uint8]

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_S29, _S32, _S33, _S8 = np.uint64(29), np.uint64(32), np.uint64(33), np.uint64(8)


@inlined
def hash_text(start, size):
    """Hash the bytes at an address to 64 bits, each of which depends on all of them."""
    hashed = np.uint64(size) * _PRIME
    k = 0
    while k + 8 <= size:
        hashed = (hashed ^ word_at(start + k)) * _PRIME
        hashed ^= hashed >> _S29
        k += 8
    last = np.uint64(0)
    while k < size:
        last = (last << _S8) | np.uint64(byte_at(start + k))
        k += 1
    hashed = (hashed ^ last) * _PRIME
    # The finalizer of MurmurHash3.
    hashed ^= hashed >> _S33
    hashed *= _MIX1
    hashed ^= hashed >> _S33
    hashed *= _MIX2
    return hashed ^ (hashed >> _S33)


@inlined
def same_text(one, other, size):
    """Tell whether the bytes at two addresses are the same."""
    k = 0
    while k + 8 <= size:
        if word_at(one + k) != word_at(other + k):
            return False
        k += 8
    while k < size:
        if byte_at(one + k) != byte_at(other + k):
            return False
        k += 1
    return True


@kernel
def hash_texts(offsets: npt.NDArray[np.int32], data: Bytes, hashes: npt.NDArray[np.uint64]) -> None:
    """Fill ``hashes`` with the hash of each text."""
    text = address_of(data)
    for row in range(len(hashes)):
        hashes[row] = hash_text(text + offsets[row], offsets[row + 1] - offsets[row])


@kernel
def number_texts(
    offsets: npt.NDArray[np.int32],
    data: Bytes,
    row: int,
    slots: npt.NDArray[np.int32],
    entries: npt.NDArray[np.int64],
    known: int,
    numbers: npt.NDArray[np.int64],
) -> tuple[int, int]:
    """Number texts by their first appearance, going on from earlier calls, while there is room.

    Parameters
    ----------
    offsets, data : int32 array, uint8 array
        The texts; they must outlive all calls.
    row : int
        The first text to number.
    slots : int32 array, a power of two long
        The hash table, -1 where it is empty. It is filled to the half.
    entries : int64 array, half as long as ``slots``, of 3 columns
        The distinct texts' addresses, sizes in bytes and hashes.
    known : int
        How many distinct texts earlier calls have found.
    numbers : int64 array
        Filled with each text's number.

    Returns
    -------
    row : int
        The first text that has not been numbered, for want of room.
    known : int
        How many distinct texts there are now.
    """
    text = address_of(data)
    mask = np.uint64(len(slots) - 1)
    while row < len(numbers) and known < len(entries):
        start, size = text + offsets[row], offsets[row + 1] - offsets[row]
        hashed = hash_text(start, size)
        slot = hashed & mask
        while True:
            number = slots[slot]
            if number < 0:
                slots[slot] = known
                entries[known, 0], entries[known, 1] = start, size
                entries[known, 2] = np.int64(hashed)
                number = known
                known += 1
                break
            if (
                entries[number, 2] == np.int64(hashed)
                and entries[number, 1] == size
                and same_text(entries[number, 0], start, size)
            ):
                break
            slot = (slot + np.uint64(1)) & mask
        numbers[row] = number
        row += 1
    return row, known


@kernel
def fill_slots(entries: npt.NDArray[np.int64], known: int, slots: npt.NDArray[np.int32]) -> None:
    """Put the distinct texts of `number_texts` into a hash table that is all -1."""
    mask = np.uint64(len(slots) - 1)
    for number in range(known):
        slot = np.uint64(entries[number, 2]) & mask
        while slots[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = number


@kernel
def locate_texts(
    chunk: npt.NDArray[np.int64],
    row: npt.NDArray[np.int64],
    offsets_at: npt.NDArray[np.int64],
    data_at: npt.NDArray[np.int64],
    validity_at: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int32],
    absent: npt.NDArray[np.bool_],
) -> None:
    """Find rows of a column that is in chunks.

    Parameters
    ----------
    chunk, row : int64 arrays
        The chunk of each row, and its place in the chunk's buffers.
    offsets_at, data_at, validity_at : int64 arrays, one item a chunk
        The addresses of the chunk's offsets (int32), bytes, and bits of validity: 0 if all are.
    places, offsets, absent : arrays
        Filled with the addresses of the texts, where they would end if they were laid end to end,
        and which of them are null.
    """
    end = 0
    offsets[0] = 0
    for k in range(len(row)):
        number, i = chunk[k], row[k]
        bits = validity_at[number]
        missing = bits != 0 and (byte_at(bits + (i >> 3)) >> (i & 7)) & 1 == 0
        absent[k] = missing
        begin = int32_at(offsets_at[number] + 4 * i)
        if not missing:
            end += int32_at(offsets_at[number] + 4 * i + 4) - begin
        places[k] = data_at[number] + begin
        offsets[k + 1] = end


@kernel
def copy_texts(places: npt.NDArray[np.int64], offsets: npt.NDArray[np.int32], texts: Bytes) -> None:
    """Lay texts, given by their addresses, end to end at the given offsets."""
    target = address_of(texts)
    for row in range(len(places)):
        copy_bytes(target + offsets[row], places[row], offsets[row + 1] - offsets[row])


@kernel
def encode_spans(
    data: Bytes,
    spans: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.uint8],
    field: int,
    slots: npt.NDArray[np.int32],
    codes: npt.NDArray[np.int32],
    firsts: npt.NDArray[np.int64],
) -> int:
    """Number the texts of a field by their first appearance; where the kind is 0 there is none.

    Parameters
    ----------
    spans : int32 array (rows, fields, 2)
        Where each value begins and ends in ``data``.
    kinds : uint8 array (rows, fields)
    slots : int32 array
        All -1; a power of two long, more than there are rows.
    codes : int32 array (rows,)
        Filled with the numbers.
    firsts : int64 array (rows,)
        Filled with the row in which each distinct text stands first.

    Returns
    -------
    int
        How many distinct texts there are.
    """
    text = address_of(data)
    mask = np.uint64(len(slots) - 1)
    known = 0
    before = -1
    for row in range(len(codes)):
        if kinds[row, field] == 0:
            codes[row] = 0
            continue
        start = text + spans[row, field, 0]
        size = spans[row, field, 1] - spans[row, field, 0]
        if before >= 0:  # runs of one value are frequent
            first = firsts[before]
            place = text + spans[first, field, 0]
            if spans[first, field, 1] - spans[first, field, 0] == size and same_text(
                place, start, size
            ):
                codes[row] = before
                continue
        slot = hash_text(start, size) & mask
        while True:
            number = slots[slot]
            if number < 0:
                slots[slot] = known
                firsts[known] = row
                number = known
                known += 1
                break
            first = firsts[number]
            place = text + spans[first, field, 0]
            if spans[first, field, 1] - spans[first, field, 0] == size and same_text(
                place, start, size
            ):
                break
            slot = (slot + np.uint64(1)) & mask
        codes[row] = number
        before = number
    return known


@kernel
def measure_spans(
    spans: npt.NDArray[np.int32],
    kinds: npt.NDArray[np.uint8],
    field: int,
    rows: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int32],
) -> None:
    """Fill ``offsets`` with where the texts of a field would end, laid end to end."""
    end = 0
    offsets[0] = 0
    for k in range(len(rows)):
        row = rows[k]
        if kinds[row, field]:
            end += spans[row, field, 1] - spans[row, field, 0]
        offsets[k + 1] = end


@kernel
def copy_spans(
    data: Bytes,
    spans: npt.NDArray[np.int32],
    field: int,
    rows: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int32],
    texts: Bytes,
) -> None:
    """Lay the texts of a field end to end, where `measure_spans` has found them to end."""
    source, target = address_of(data), address_of(texts)
    for k in range(len(rows)):
        copy_bytes(
            target + offsets[k], source + spans[rows[k], field, 0], offsets[k + 1] - offsets[k]
        )


@kernel
def split_texts(
    offsets: npt.NDArray[np.int32],
    data: Bytes,
    cuts: npt.NDArray[np.int32],
    heads: Bytes,
    head_offsets: npt.NDArray[np.int32],
    tails: Bytes,
    tail_offsets: npt.NDArray[np.int32],
) -> None:
    """Cut each text in two after so many bytes; without a cut inside it, it is all head.

    Parameters
    ----------
    cuts : int32 array
        Where to cut each text; what is not inside it counts as no cut.
    heads, tails : uint8 arrays, as long as ``data``
    head_offsets, tail_offsets : int32 arrays, as long as ``offsets``
    """
    source, head, tail = address_of(data), address_of(heads), address_of(tails)
    head_end = tail_end = 0
    head_offsets[0] = tail_offsets[0] = 0
    for row in range(len(cuts)):
        start, size = offsets[row], offsets[row + 1] - offsets[row]
        cut = cuts[row]
        if cut <= 0 or cut >= size:
            cut = size
        copy_bytes(head + head_end, source + start, cut)
        copy_bytes(tail + tail_end, source + start + cut, size - cut)
        head_end += cut
        tail_end += size - cut
        head_offsets[row + 1] = head_end
        tail_offsets[row + 1] = tail_end


@kernel
def are_hex(
    offsets: npt.NDArray[np.int32], data: Bytes, least: int, result: npt.NDArray[np.bool_]
) -> None:
    """Tell which texts are at least so many hexadecimal digits and nothing else."""
    text = address_of(data)
    for row in range(len(result)):
        fits = offsets[row + 1] - offsets[row] >= least
        for k in range(offsets[row], offsets[row + 1]):
            byte = byte_at(text + k)
            digit = byte - 0x30 if byte < 0x40 else (byte | 0x20) - 0x61 + 10
            if byte < 0x30 or digit > 15 or (byte > 0x39 and digit < 10):
                fits = False
                break
        result[row] = fits
