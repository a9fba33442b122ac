"""Whatever has been found, the file loads, and says nothing that a reader of it must not see."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.config import parse_config
from sessionize.discovery.pipeline_file import (
    default_lake,
    default_name,
    explained,
    pipeline_file,
)
from tests.discovery import landed
from tests.discovery.landed import HOURS
from tests.discovery.test_proposal import propose_for

RAW, LAKE = "s3://b/raw", "s3://b/lake"

TEXTS = st.text(max_size=8) | st.sampled_from(
    ["id", "event", "timestamp", "a.b", "a\\b", '"', "\x7f", "\n#", "\u2028", "device_id", "action"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def file_for(rows):
    return pipeline_file(propose_for(rows), name="n", raw=RAW, lake=LAKE)


@given(st.lists(st.dictionaries(TEXTS, VALUES, max_size=5), min_size=1, max_size=4))
def test_every_file_loads(rows):
    proposal = propose_for(rows)
    text = pipeline_file(proposal, name="n", raw=RAW, lake=LAKE)
    config = parse_config(tomllib.loads(text))
    assert [column.field for column in config.column] == [
        column.field for column in proposal.columns
    ]
    assert explained(proposal).isprintable() or "\n" in explained(proposal)


@pytest.mark.parametrize("kind", landed.KINDS)
def test_what_is_chosen_is_what_the_file_sets(kind):
    rows = landed.rows(kind, HOURS[0])
    proposal = propose_for(rows)
    config = parse_config(tomllib.loads(file_for(rows)))
    assert config.profile == proposal.profile
    assert config.start == HOURS[0]
    for role, choice in proposal.roles.items():
        if choice.chosen:
            assert getattr(config.fields, role) == choice.chosen.path
    config.schemas  # noqa: B018 - the columns go together


def test_what_is_open_is_marked_and_the_alternatives_are_named():
    text = file_for(landed.rows("two_ids", HOURS[0]))
    assert 'machine_id = "TODO_machine_id"' in text
    assert "# Candidate: `device_id` is in 100.0% of the records" in text
    assert "# TODO [fields] machine_id: `device_id` and `client_id`" in text


def test_values_of_ids_and_other_fields_stay_out_of_the_file():
    rows = landed.rows("segment", HOURS[0])
    text = file_for(rows)
    assert "anon-" not in text
    assert "10.0.0." not in text
    assert "anon-" in explained(propose_for(rows))


def test_suggested_patterns_can_be_taken_up():
    text = file_for(landed.rows("ga4", HOURS[0]))
    [line] = [line for line in text.splitlines() if line.startswith('# opening = "^(')]
    config = parse_config(tomllib.loads(text.replace(line, line.removeprefix("# "))))
    assert config.session.opening.search("session_start")


@pytest.mark.parametrize(
    ("raw", "prefix", "name", "lake"),
    [
        ("s3://events/raw", "%Y/%m/%d/%H/", "events", "s3://events/lake-events"),
        ("s3://acme-clicks", "%Y/%m/%d/%H/", "acme-clicks", "s3://acme-clicks/lake-acme-clicks"),
        ("s3://b/raw", "app=web/%Y/%m/%d/%H/", "web", "s3://b/lake-web"),
        ("/data/shop/raw", "year=%Y/%m/%d/%H/", "shop", "/data/shop/lake-shop"),
    ],
)
def test_names_follow_from_where_it_lands(raw, prefix, name, lake):
    assert default_name(raw, prefix) == name
    assert default_lake(raw, name) == lake
