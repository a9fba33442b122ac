from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sessionize.config import PipelineConfig, parse_config
from sessionize.lake.layout import Lake
from sessionize.lake.ledger import NO_STATE, Counts, Ledger, WrittenFile
from sessionize.lake.migrations import FORMAT
from sessionize.lake.state_store import load_state, previous_ledger
from sessionize.lake.storage import LocalStorage
from sessionize.model.errors import IntervalError, MissingStateError, OutdatedStateError
from sessionize.model.hours import Hour, hours_between

START = Hour.parse("2017-02-04T22")
HOURS = list(hours_between(START, Hour.parse("2017-02-05T04")))
FIRST, SECOND, THIRD, FOURTH, *_ = HOURS
CONFIG: PipelineConfig = parse_config(
    {"name": "t", "raw": "raw", "lake": "lake", "start": START.start}
)
SCHEMAS: Mapping[str, pa.Schema] = {
    "open_sessions": pa.schema([("machine_id", pa.string()), ("edits", pa.int64())]),
    "pending": pa.schema([("machine_id", pa.string()), ("position", pa.int64())]),
}
MACHINES = [f"machine-{number % 7}" for number in range(40)]
PENDING = pa.table({"machine_id": MACHINES, "position": list(range(40))}, SCHEMAS["pending"])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(LocalStorage(tmp_path / "lake"))


def leave(lake: Lake, hour: Hour, written_in: int = FORMAT, **tables: pa.Table) -> Ledger:
    """Write a state and its ledger, as the run of an hour does."""
    state = {}
    for name, table in tables.items():
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, row_group_size=16)
        content = sink.getvalue().to_pybytes()
        key = f"_state/{hour.partition}/{name}.parquet"
        lake.storage.write(key, content)
        digest = hashlib.sha256(content).hexdigest()
        state[name] = WrittenFile(key, len(table), len(content), digest)
    counts = Counts(*[0] * 13)
    ledger = Ledger("t", hour, "", "", NO_STATE, counts, {}, {}, (), {}, state, format=written_in)
    lake.write_ledger(ledger)
    return ledger


class TestPreviousLedger:
    def test_the_first_hour_stands_on_nothing(self, lake):
        assert previous_ledger(lake, FIRST, CONFIG) is None

    def test_an_hour_stands_on_the_hour_before(self, lake):
        ledger = leave(lake, FIRST)
        assert previous_ledger(lake, SECOND, CONFIG) == ledger

    def test_an_hour_before_the_first_is_refused(self, lake):
        with pytest.raises(IntervalError):
            previous_ledger(lake, FIRST.previous, CONFIG)

    def test_the_error_of_a_missing_hour_says_where_to_begin(self, lake):
        with pytest.raises(MissingStateError, match=rf"Run {FIRST} first\."):
            previous_ledger(lake, SECOND, CONFIG)
        leave(lake, FIRST)
        with pytest.raises(MissingStateError, match=f"Run {SECOND} first, then on to {THIRD}"):
            previous_ledger(lake, FOURTH, CONFIG)

    def test_a_marked_hour_is_not_built_upon(self, lake):
        leave(lake, FIRST)
        leave(lake, SECOND)
        lake.mark(FIRST, "interrupted", "a test")
        with pytest.raises(OutdatedStateError, match=f"hours {FIRST} to {SECOND} again"):
            previous_ledger(lake, THIRD, CONFIG)

    def test_marks_of_the_hour_itself_and_of_later_ones_do_not_count(self, lake):
        leave(lake, FIRST)
        lake.mark(SECOND, "outdated", "a test")
        assert previous_ledger(lake, SECOND, CONFIG) is not None


class TestLoadState:
    def test_before_the_first_hour_it_is_empty(self, lake):
        state = load_state(lake, None, SCHEMAS)
        assert {name: table.schema for name, table in state.items()} == SCHEMAS
        assert not any(map(len, state.values()))

    def test_rows_come_back_in_their_order(self, lake):
        ledger = leave(lake, FIRST, pending=PENDING)
        assert load_state(lake, ledger, SCHEMAS)["pending"].equals(PENDING)

    @pytest.mark.parametrize("shards", [1, 2, 5])
    def test_shards_divide_the_machines_and_keep_the_order(self, lake, shards):
        ledger = leave(lake, FIRST, pending=PENDING)
        parts = [
            load_state(lake, ledger, SCHEMAS, shard, shards)["pending"] for shard in range(shards)
        ]
        machines = [set(part.column("machine_id").to_pylist()) for part in parts]
        assert sum(map(len, machines)) == len(set(MACHINES))
        for part in parts:
            positions = part.column("position").to_pylist()
            assert positions == sorted(positions)
        assert sum(map(len, parts)) == len(PENDING)

    def test_a_table_that_the_ledger_does_not_name_is_empty(self, lake):
        ledger = leave(lake, FIRST, pending=PENDING)
        assert len(load_state(lake, ledger, SCHEMAS)["open_sessions"]) == 0

    def test_what_other_settings_have_written_has_the_declared_columns(self, lake):
        old = pa.table({"machine_id": pa.array(["a"], pa.large_string()), "gone": [1]})
        ledger = leave(lake, FIRST, open_sessions=old)
        table = load_state(lake, ledger, SCHEMAS)["open_sessions"]
        assert table.schema == SCHEMAS["open_sessions"]
        assert table.to_pylist() == [{"machine_id": "a", "edits": None}]

    @pytest.mark.parametrize("shards", [1, 3])
    def test_encoded_machines_are_divided_too(self, lake, shards):
        old = PENDING.set_column(0, "machine_id", PENDING.column(0).dictionary_encode())
        ledger = leave(lake, FIRST, pending=old)
        parts = [load_state(lake, ledger, SCHEMAS, n, shards)["pending"] for n in range(shards)]
        assert sum(map(len, parts)) == len(PENDING)

    def test_a_session_of_release_0_1_misses_the_columns_that_have_come_since(self, lake):
        names = pa.list_(pa.string())
        schema = SCHEMAS["open_sessions"].append(pa.field("incomplete", names))
        old = pa.table({"machine_id": ["a", "b"]})
        ledger = leave(lake, FIRST, 1, open_sessions=old)
        table = load_state(lake, ledger, {"open_sessions": schema})["open_sessions"]
        assert table.column("incomplete").to_pylist() == [["edits"], ["edits"]]

    def test_a_state_that_is_gone_or_damaged_is_refused_by_its_place(self, lake):
        ledger = leave(lake, FIRST, pending=PENDING)
        file = ledger.state["pending"]
        lake.storage.write(file.key, b"short")
        with pytest.raises(MissingStateError, match=rf"{file.key}.* damaged\. .*{FIRST} again"):
            load_state(lake, ledger, SCHEMAS)
        lake.storage.write(file.key, bytes(file.bytes))
        with pytest.raises(MissingStateError, match="damaged"):
            load_state(lake, ledger, SCHEMAS)
        lake.storage.delete(file.key)
        with pytest.raises(MissingStateError, match=rf"{file.key}.* gone"):
            load_state(lake, ledger, SCHEMAS)
