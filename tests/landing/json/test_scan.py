"""Brackets are matched in text that may be anything, and stops at any byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.landing.json.scan import Scan, ScanState

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text('ab{}[]",:\\ \n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
containers = st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=3), values)
soup = st.text('ab{}[]",:\\ \n1', max_size=30).map(lambda text: "{" + text)


def scanned(text: bytes, *cuts: int) -> tuple[ScanState, int, list[int]]:
    """Scan a text of which ever more is there."""
    scan = Scan(0)
    for cut in (*sorted(cuts), len(text)):
        if scan.resume(text[:cut]) is not ScanState.OPEN:
            break
    return scan.state, scan.at, scan.opened


@given(containers, st.sampled_from([None, 1]), st.binary(max_size=5))
def test_well_formed_json_closes_at_its_end(value, indent, behind):
    text = json.dumps(value, indent=indent).encode()
    assert scanned(text + behind) == (ScanState.CLOSED, len(text), [])


@given(containers.map(json.dumps) | soup, st.lists(st.integers(0, 40), max_size=4))
def test_cuts_do_not_count(text, cuts):
    content = text.encode()
    assert scanned(content, *cuts) == scanned(content)


@pytest.mark.parametrize(
    ("text", "at", "opened"),
    [
        (b'{"a":1 2', 7, [0]),
        (b'{"a":[{"b":"\n', 12, [0, 5, 6]),
        (b'{"a":[1}', 7, [0, 5]),
        (b'{"a"{', 4, [0]),
    ],
)
def test_it_breaks_where_no_slip_of_a_producer_explains_it(text, at, opened):
    state, place, brackets = scanned(text)
    assert (state, place) == (ScanState.BROKEN, at)
    assert brackets[: len(opened)] == opened[: len(brackets)]


@pytest.mark.parametrize("text", [b'{"a":tru}', b"{a:1,}", b"[1,,2]", b'{"a":}'])
def test_it_closes_where_it_seems_to(text):
    assert scanned(text)[:2] == (ScanState.CLOSED, len(text))
