from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.kernels.json_grammar import (
    BLANK,
    BOM,
    CLASSES,
    IS_BLANK,
    IS_DIGIT,
    IS_ESCAPE,
    IS_HEX,
    IS_PLAIN,
    end_without_blank,
    match_between,
)

between = st.lists(st.sampled_from([b" ", b"\t", b"\r", b"\n", BOM]), max_size=8).map(b"".join)
solid = st.sampled_from([b"", b"x", b"\xef\xbb", b"\xbb\xbf", b"\xbf", b"\x0b", b"{}"])


def is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("byte", range(256))
def test_a_byte_is_what_the_standard_library_takes_it_for(byte):
    character = chr(byte)
    assert bool(CLASSES[byte] & IS_BLANK) == is_json(f"{character}[]") == (byte in BLANK)
    assert bool(CLASSES[byte] & IS_DIGIT) == is_json(f"-{character}")
    assert bool(CLASSES[byte] & IS_HEX) == is_json(f'"\\u000{character}"')
    assert bool(CLASSES[byte] & IS_ESCAPE) == is_json(f'"\\{character}"')
    assert bool(CLASSES[byte] & IS_PLAIN) == (is_json(f'"{character}"') and byte < 0x80)


@given(solid, between, solid)
def test_what_is_between_records_is_passed_from_both_sides(before, blank, behind):
    text = before + blank + behind
    match = match_between(text, len(before))
    assert match is not None
    if not match_between(behind).end():
        assert match.end() >= len(before) + len(blank)
    end = end_without_blank(text, 0, len(before) + len(blank))
    assert end == len(before)
    assert end_without_blank(text, len(before), len(before) + len(blank)) == len(before)
