from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.model.field_paths import parse_path, shown_path


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("url", ("url",)),
        ("context.page.url", ("context", "page", "url")),
        (r"is\.new.x", ("is.new", "x")),
        (r"a\\.b", ("a\\", "b")),
        ("$current_url", ("$current_url",)),
        ("a b.é", ("a b", "é")),
    ],
)
def test_a_dot_leads_into_an_object(path: str, names: tuple[str, ...]):
    assert parse_path(path) == names


@pytest.mark.parametrize("path", ["", ".", "a.", ".a", "a..b", r"a\b", "a\\"])
def test_what_is_no_path_is_refused_with_the_mend(path: str):
    with pytest.raises(ValueError, match=r"context\.page\.url"):
        parse_path(path)


@given(st.lists(st.text(min_size=1), min_size=1).map(tuple))
def test_any_names_can_be_written_as_a_path(names: tuple[str, ...]):
    assert parse_path(shown_path(names)) == names
