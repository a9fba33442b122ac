"""Common time stamps; what the kernel does not know, it says so."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from sessionize.kernels.timestamps import UNITS, read_timestamps
from tests.kernels import naive

numbers = st.builds(
    "{}{}".format,
    st.integers(0, 10**20) | st.sampled_from([below + n for below, _ in UNITS for n in (-1, 0)]),
    st.sampled_from(["", ".", ".5", ".123", ".123456", ".1234567", ".x"]),
)
times = st.builds(
    lambda time, fraction, zone: f"{time:%Y-%m-%dT%H:%M:%S}{fraction}{zone}",
    st.datetimes(datetime(1900, 1, 1)),
    st.sampled_from(["", ".", ".5", ".123456", ".1234567", ",5"]),
    st.sampled_from(["Z", "", "z", "+00:00"]),
)
digits = st.text("0123456789", max_size=22)
broken = st.text("0123456789-:TZ.+ ", max_size=28)


@st.composite
def spoiled(draw: st.DrawFn) -> str:
    text = draw(times | st.just("2017-02-04T23:23:04.512Z"))
    place = draw(st.integers(0, len(text) - 1))
    return text[:place] + draw(st.sampled_from("0123456789-:TZ. /")) + text[place + 1 :]


@given(
    st.lists(st.tuples(numbers | times | digits | broken | spoiled(), st.booleans()), max_size=20)
)
@example([("1970-01-01T00:00:00Z", True), ("1969-12-31T23:59:59Z", True)])
@example([("2000-02-29T00:00:00Z", True), ("2100-02-29T00:00:00Z", True)])
@example([("9223372036854775807", False), ("9223372036854775808", False), ("", False)])
@example([("100000000000000500", False), ("100000000000001500", False)])
def test_it_reads_what_the_reference_reads(values):
    texts = pa.array([text for text, _ in values], pa.string())
    _, offsets, data = texts.buffers()
    microseconds = np.zeros(len(values), np.int64)
    is_known = np.zeros(len(values), np.bool_)
    read_timestamps(
        np.frombuffer(offsets, np.int32)[: len(values) + 1],
        np.frombuffer(data, np.uint8) if data else np.zeros(0, np.uint8),
        np.array([is_string for _, is_string in values], np.bool_),
        microseconds,
        is_known,
    )
    found = [
        time if known else None
        for time, known in zip(microseconds.tolist(), is_known.tolist(), strict=True)
    ]
    assert found == [naive.read_timestamp(text, is_string=s) for text, s in values]


def test_units_are_told_by_ascending_limits():
    assert sorted(UNITS) == list(UNITS)
    assert sorted(UNITS, key=lambda unit: -unit[1]) == list(UNITS)
