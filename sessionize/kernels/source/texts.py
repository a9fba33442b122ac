"""Arrays of texts as Arrow lays them out: where each ends (int32), and the bytes of all."""

# mypy: disable-error-code="no-untyped-def,assignment"

from __future__ import annotations

import numpy as np

from sessionize.kernels.source.compiling import part
from sessionize.kernels.source.memory import (
    byte_at,
    copy_bytes,
    int32_at,
    int64_at,
    prefetch,
    put_byte,
    put_int32,
    put_int64,
    word_at,
)

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX1, _MIX2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_ONE = np.uint64(1)
_S29, _S33, _S8 = np.uint64(29), np.uint64(33), np.uint64(8)

_ONES = np.uint64(0x0101010101010101)
_HIGH, _CASE = _ONES * np.uint64(0x80), _ONES * np.uint64(0x20)
_ZEROS, _TEN = _ONES * np.uint64(0x30), _ONES * np.uint64(10)
_A, _SIXES = _ONES * np.uint64(0x61), _ONES * np.uint64(6)

#: A distinct text is known by three numbers: its address, size and hash.
_ENTRY = 24


@part
def _hash(start, size):
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


@part
def same_bytes(one, other, size):
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


def hash_texts(offsets, data, rows, hashes):
    """Fill ``hashes`` (uint64) with the hash of each text."""
    for row in range(rows):
        begin = int32_at(offsets + 4 * row)
        hashed = _hash(data + begin, int32_at(offsets + 4 * row + 4) - begin)
        put_int64(hashes + 8 * row, np.int64(hashed))
    return 0


def number_texts(offsets, data, row, rows, slots, slot_count, entries, known, numbers, result):
    """Number texts by their first appearance, going on from earlier calls, while there is room.

    ``slots`` (int32, a power of two) is the hash table, -1 where it is empty; ``entries`` has room
    for half as many. ``result`` is filled with how many are known now; returned is the first row
    that has not been numbered.
    """
    mask = np.uint64(slot_count - 1)
    while row < rows and known < slot_count // 2:
        begin = int32_at(offsets + 4 * row)
        start, size = data + begin, int32_at(offsets + 4 * row + 4) - begin
        hashed = _hash(start, size)
        slot = np.int64(hashed & mask)
        while True:
            number = np.int64(int32_at(slots + 4 * slot))
            entry = entries + _ENTRY * number
            if number < 0:
                put_int32(slots + 4 * slot, known)
                entry = entries + _ENTRY * known
                put_int64(entry, start)
                put_int64(entry + 8, size)
                put_int64(entry + 16, np.int64(hashed))
                number = known
                known += 1
                break
            if (
                int64_at(entry + 16) == np.int64(hashed)
                and int64_at(entry + 8) == size
                and same_bytes(int64_at(entry), start, size)
            ):
                break
            slot = (slot + 1) & (slot_count - 1)
        put_int64(numbers + 8 * row, number)
        row += 1
    put_int64(result, known)
    return row


def fill_slots(entries, known, slots, slot_count):
    """Put the distinct texts of `number_texts` into a hash table that is all -1."""
    for number in range(known):
        slot = int64_at(entries + _ENTRY * number + 16) & (slot_count - 1)
        while int32_at(slots + 4 * slot) >= 0:
            slot = (slot + 1) & (slot_count - 1)
        put_int32(slots + 4 * slot, number)
    return 0


@part
def _span(text, spans, index):
    begin = int32_at(spans + 8 * index)
    return text + begin, int32_at(spans + 8 * index + 4) - begin


#: A distinct text of a field is known by the two words that `_key` returns, its size, and the row
#: in which it stands first.
_FIELD_ENTRY = 32
#: How many rows ahead the text is asked for, and twice as many where it is said to be.
_AHEAD = 8


@part
def _key(start, size, end):
    """Return two words for the bytes at an address, behind which others are read up to ``end``.

    Texts of one size, up to 16 bytes, that have the same words are the same.
    """
    if size > 16:
        return _hash(start, size), np.uint64(size)
    if start + 8 > end:
        word = np.uint64(0)
        for k in range(min(size, 8)):
            word |= np.uint64(byte_at(start + k)) << np.uint64(8 * k)
        return word, np.uint64(size)
    if size < 8:
        return word_at(start) & ((_ONE << np.uint64(8 * size)) - _ONE), np.uint64(size)
    return word_at(start), word_at(start + size - 8)


@part
def _slot(first, last, slot_count):
    mixed = (first * _PRIME) ^ last
    mixed ^= mixed >> _S29
    mixed *= _MIX1
    mixed ^= mixed >> _S33
    return np.int64(mixed & np.uint64(slot_count - 1))


def encode_spans(
    text, text_size, spans, kinds, fields, field, wanted, rows, row, slots, slot_count, entries,
    known, codes, result,
):  # fmt: skip
    """Number the texts of a field by their first appearance, while there is room; kind 0: no text.

    ``slots`` (int32, a power of two) is the hash table, -1 where it is empty; ``entries`` has room
    for half as many. ``result`` is filled with how many are known now; returned is the first of
    the wanted rows that has not been numbered.
    """
    end = text + text_size
    while row < rows and known < slot_count // 2:
        if row + 2 * _AHEAD < rows:
            ahead = int64_at(wanted + 8 * (row + 2 * _AHEAD)) * fields + field
            prefetch(spans + 8 * ahead)
            ahead = int64_at(wanted + 8 * (row + _AHEAD)) * fields + field
            prefetch(text + int32_at(spans + 8 * ahead))
        index = int64_at(wanted + 8 * row) * fields + field
        if byte_at(kinds + index) == 0:
            put_int32(codes + 4 * row, 0)
            row += 1
            continue
        start, size = _span(text, spans, index)
        first, last = _key(start, size, end)
        slot = _slot(first, last, slot_count)
        while True:
            number = np.int64(int32_at(slots + 4 * slot))
            entry = entries + _FIELD_ENTRY * number
            if number < 0:
                put_int32(slots + 4 * slot, known)
                entry = entries + _FIELD_ENTRY * known
                put_int64(entry, np.int64(first))
                put_int64(entry + 8, np.int64(last))
                put_int64(entry + 16, size)
                put_int64(entry + 24, int64_at(wanted + 8 * row))
                number = known
                known += 1
                break
            if (
                np.uint64(int64_at(entry)) == first
                and np.uint64(int64_at(entry + 8)) == last
                and int64_at(entry + 16) == size
                and (
                    size <= 16
                    or _is_same(text, spans, int64_at(entry + 24) * fields + field, start, size)
                )
            ):
                break
            slot = (slot + 1) & (slot_count - 1)
        put_int32(codes + 4 * row, number)
        row += 1
    put_int64(result, known)
    return row


@part
def _is_same(text, spans, index, start, size):
    place, _ = _span(text, spans, index)
    return same_bytes(place, start, size)


def refill_slots(entries, known, slots, slot_count):
    """Put the distinct texts of `encode_spans` into a hash table that is all -1."""
    for number in range(known):
        entry = entries + _FIELD_ENTRY * number
        first, last = np.uint64(int64_at(entry)), np.uint64(int64_at(entry + 8))
        slot = _slot(first, last, slot_count)
        while int32_at(slots + 4 * slot) >= 0:
            slot = (slot + 1) & (slot_count - 1)
        put_int32(slots + 4 * slot, number)
    return 0


def measure_spans(spans, kinds, fields, field, wanted, rows, offsets):
    """Fill ``offsets`` with where a field's texts would end, laid end to end; return the last."""
    end = 0
    put_int32(offsets, 0)
    for k in range(rows):
        index = int64_at(wanted + 8 * k) * fields + field
        if byte_at(kinds + index):
            end += int32_at(spans + 8 * index + 4) - int32_at(spans + 8 * index)
        put_int32(offsets + 4 * k + 4, end)
    return end


def copy_spans(text, spans, fields, field, wanted, rows, offsets, texts):
    """Lay the texts of a field end to end, where `measure_spans` has found them to end."""
    for k in range(rows):
        if k + 2 * _AHEAD < rows:
            prefetch(spans + 8 * (int64_at(wanted + 8 * (k + 2 * _AHEAD)) * fields + field))
            ahead = int64_at(wanted + 8 * (k + _AHEAD)) * fields + field
            prefetch(text + int32_at(spans + 8 * ahead))
        index = int64_at(wanted + 8 * k) * fields + field
        begin = int32_at(offsets + 4 * k)
        size = int32_at(offsets + 4 * k + 4) - begin
        copy_bytes(texts + begin, text + int32_at(spans + 8 * index), size)
    return 0


def split_texts(offsets, data, cuts, rows, heads, head_offsets, tails, tail_offsets):
    """Cut each text in two after so many bytes; without a cut inside it, it is all head."""
    head_end = tail_end = np.int64(0)
    put_int32(head_offsets, 0)
    put_int32(tail_offsets, 0)
    for row in range(rows):
        begin = np.int64(int32_at(offsets + 4 * row))
        size = int32_at(offsets + 4 * row + 4) - begin
        cut = np.int64(int32_at(cuts + 4 * row))
        if cut <= 0 or cut >= size:
            cut = size
        copy_bytes(heads + head_end, data + begin, cut)
        copy_bytes(tails + tail_end, data + begin + cut, size - cut)
        head_end += cut
        tail_end += size - cut
        put_int32(head_offsets + 4 * row + 4, head_end)
        put_int32(tail_offsets + 4 * row + 4, tail_end)
    return 0


def are_hex(offsets, data, rows, least, result):
    """Tell which texts are at least so many hexadecimal digits and nothing else."""
    for row in range(rows):
        at, end = data + int32_at(offsets + 4 * row), data + int32_at(offsets + 4 * row + 4)
        fits = end - at >= least
        while fits and at + 8 <= end:
            fits = _eight_hex(word_at(at))
            at += 8
        while fits and at < end:
            byte = byte_at(at)
            fits = 0x30 <= byte <= 0x39 or 0x61 <= (byte | 0x20) <= 0x66
            at += 1
        put_byte(result + row, 1 if fits else 0)
    return 0


@part
def _eight_hex(word):
    """Tell whether eight bytes are hexadecimal digits, all at once."""
    if word & _HIGH:
        return False
    # With 7-bit bytes, a sum sets a byte's highest bit where the byte is large enough.
    digit = ((word + (_HIGH - _ZEROS)) & ~(word + (_HIGH - _ZEROS - _TEN))) & _HIGH
    lower = word | _CASE
    letter = ((lower + (_HIGH - _A)) & ~(lower + (_HIGH - _A - _SIXES))) & _HIGH
    return (digit | letter) == _HIGH
