"""Columns cut out of a text."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sessionize.kernels import spans
from sessionize.kernels.spans import REMEMBERED, copy_spans, measure_spans, number_spans
from tests.kernels import naive

columns = st.lists(
    st.none() | st.sampled_from([b"", b"a", b"pro"]) | st.binary(max_size=20), max_size=60
)


def laid_out(values: list[bytes | None]) -> tuple[np.ndarray, ...]:
    """A text that the values stand in, and the starts, ends and kinds of them."""
    text, starts, ends = b"<", [], []
    for value in values:
        starts.append(len(text))
        text += (value or b"") + b"|"
        ends.append(len(text) - 1)
    kinds = np.array([value is not None for value in values], np.uint8)
    return (
        np.frombuffer(text, np.uint8),
        np.array(starts, np.int32),
        np.array(ends, np.int32),
        kinds,
    )


@given(columns)
def test_values_are_copied_end_to_end(values):
    text, starts, ends, kinds = laid_out(values)
    offsets = np.empty(len(values) + 1, np.int32)
    copied = np.empty(measure_spans(starts, ends, kinds, offsets), np.uint8)
    copy_spans(text, starts, offsets, copied)
    expected = [value or b"" for value in values]
    assert copied.tobytes() == b"".join(expected)
    assert np.diff(offsets).tolist() == list(map(len, expected))
    assert offsets[0] == 0


def numbered(values: list[bytes | None]) -> tuple[list[int], list[int]]:
    """Return the number of each value, and the row in which each number was given."""
    text, starts, ends, kinds = laid_out(values)
    codes, firsts = np.empty((2, len(values)), np.int32)
    memory = np.full(REMEMBERED, -1, np.int32)
    given = number_spans(text, starts, ends, kinds, codes, firsts, memory)
    return codes.tolist(), firsts[:given].tolist()


def merged(values: list[bytes | None]) -> list[int]:
    codes, firsts = numbered(values)
    of_numbers = naive.number_values([values[row] for row in firsts])
    return [-1 if code < 0 else of_numbers[code] for code in codes]


@given(columns)
def test_values_are_numbered_by_their_first_appearance(values):
    assert merged(values) == naive.number_values(values)


@given(st.lists(st.integers(0, 9), max_size=60))
def test_few_values_get_one_number_each(choices):
    values = [b"value %d" % choice for choice in choices]
    codes, firsts = numbered(values)
    assert codes == naive.number_values(values)
    assert len(firsts) == len(set(values))


def test_values_of_one_hash_get_several_numbers_but_are_told_apart():
    end = b"the same end"
    values = [b"a" + end, b"b" + end] * 50
    codes, firsts = numbered(values)
    assert codes == firsts == list(range(100))
    assert merged(values) == [0, 1] * 50


def test_many_values():
    values = [b"%d" % (n * n % 9973) for n in range(4 * REMEMBERED)]
    assert merged(values) == naive.number_values(values)


def test_the_memory_is_as_large_as_the_hash():
    assert 1 << (64 - int(spans._HIGH_BITS)) == REMEMBERED
