from __future__ import annotations

import uuid

from hypothesis import given
from hypothesis import strategies as st

from sessionize.events.event_ids import EVENT_NAMESPACE, derived_event_id

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(texts, st.integers(0, 10**9), texts)
def test_a_derived_event_id_is_a_uuid_of_version_5(key: str, position: int, raw: str):
    name = f"{key}\n{position}\n{raw}"
    assert derived_event_id(key, position, raw.encode()) == str(uuid.uuid5(EVENT_NAMESPACE, name))


def test_derived_event_ids_stay_the_same_from_release_to_release():
    assert (
        derived_event_id("2017/02/04/23/stream-1", 7, b'{"a":1}')
        == "0f9439da-35b9-5a6f-b261-4387ffa09740"
    )


def test_place_and_content_each_change_a_derived_event_id():
    places = [("key", 0, b"{}"), ("key", 1, b"{}"), ("other", 0, b"{}"), ("key", 0, b"{ }")]
    assert len({derived_event_id(*place) for place in places}) == len(places)
