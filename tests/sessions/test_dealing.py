from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.model.schemas import ENCODED_EVENTS, EVENTS
from sessionize.sessions.dealing import deal, gather
from sessionize.sessions.shards import shard_of

NOON = datetime(2017, 2, 4, 12, tzinfo=UTC)
#: A machine, and two texts of which there may be few or many.
rows = st.tuples(
    st.text("abcdef", min_size=1, max_size=3), st.text(max_size=3), st.sampled_from("xy")
)


def table_of(some: list[tuple[str, str, str]], first: int = 0) -> pa.Table:
    events = [
        dict.fromkeys(EVENTS.names)
        | {"machine_id": machine, "nid": machine, "language": language, "action": action}
        | {"event_time": NOON, "position": first + place}
        for place, (machine, language, action) in enumerate(some)
    ]
    return pa.Table.from_pylist(events, EVENTS).cast(ENCODED_EVENTS)


@given(
    st.lists(st.lists(rows, max_size=20), max_size=4),
    st.sampled_from([1, 2, 7, 256]),
    st.integers(1, 30),
)
def test_what_is_dealt_out_comes_back_in_its_order(pieces, shards, size):
    whole = [table_of(some, 100 * number) for number, some in enumerate(pieces)]
    dealt = [deal(table, shards) for table in whole]
    parts = [
        pa.concat_tables([ENCODED_EVENTS.empty_table(), *(parts[shard] for _, parts in dealt)])
        for shard in range(shards)
    ]
    for shard, part in enumerate(parts):
        ids = part.column("machine_id").combine_chunks()
        assert set(shard_of(ids, shards).tolist()) <= {shard}
        part.validate(full=True)
    cut = [iter([part.slice(begin, size) for begin in range(0, len(part), size)]) for part in parts]
    back = [
        row for piece in gather([hands for hands, _ in dealt], cut) for row in piece.to_pylist()
    ]
    assert back == [row for table in whole for row in table.to_pylist()]


@pytest.mark.parametrize("values", [3, 200])
def test_a_shard_has_no_values_of_others_if_there_are_many(values):
    table = table_of([(f"{number:x}", str(number % values), "x") for number in range(200)])
    _, parts = deal(table, 50)
    for part in parts:
        [language] = part.column("language").chunks or [None]
        assert language is None or len(language.dictionary) <= max(len(language), 3)
