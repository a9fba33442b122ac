from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionize.lake import parquet
from sessionize.lake.ledger import WrittenFile
from sessionize.lake.parquet import ParquetFile, write_parquet
from sessionize.model.schemas import DESKTOP, TIME

SCHEMAS = {**DESKTOP.datasets, **{f"state/{name}": kind for name, kind in DESKTOP.state.items()}}

SCHEMA = pa.schema([("text", pa.string()), ("number", pa.int64()), ("time", TIME)])

tables = st.lists(
    st.tuples(
        st.none() | st.text("ab", max_size=3),
        st.none() | st.integers(-5, 5),
        st.none() | st.integers(0, 10**15),
    ),
    max_size=30,
).map(lambda rows: pa.table(list(zip(*rows, strict=True)) or [[]] * 3, schema=SCHEMA))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parquet") / "file.parquet"


def written(path: Path, pieces: Iterable[pa.Table], group: int = 4) -> WrittenFile:
    with patch.object(parquet, "ROW_GROUP_ROWS", group):
        return write_parquet(path, SCHEMA, pieces, "key")


def cut(table: pa.Table, places: list[int]) -> list[pa.Table]:
    """The table in pieces, empty ones among them."""
    edges = [0, *sorted(place % (len(table) + 1) for place in places), len(table)]
    return [table.slice(a, b - a) for a, b in itertools.pairwise(edges)]


@given(tables, st.lists(st.integers(0, 30), max_size=6), st.lists(st.integers(0, 30), max_size=6))
def test_the_same_rows_are_the_same_bytes_however_they_are_cut(path: Path, table, cuts, chunks):
    whole = written(path, [table.combine_chunks()])
    chunked = pa.concat_tables(cut(table, chunks))
    assert written(path, cut(chunked, cuts)) == whole


def test_nor_do_the_pages_of_a_large_file_depend_on_the_cuts(path: Path):
    numbers = pa.array(range(40_000))
    texts = pa.array([f"{number:0100x}" for number in range(40_000)])
    table = pa.table([texts, numbers, numbers.cast(TIME)], schema=SCHEMA)
    pieces = cut(table, list(range(0, 40_000, 777)))
    assert written(path, pieces, group=25_000) == written(path, [table], group=25_000)


@pytest.mark.parametrize(("machines", "encoded"), [(4, True), (8, False)])
def test_what_comes_once_is_written_without_a_dictionary(path: Path, machines: int, encoded: bool):
    schema = pa.schema([("inst_id", pa.string()), ("user_id", pa.string()), ("few", pa.string())])
    inst_id = [f"{row % machines:02x}" for row in range(8)] + ["00"] * 4
    table = pa.table([inst_id, inst_id, ["x"] * 12], schema=schema)
    with patch.object(parquet, "ROW_GROUP_ROWS", 8):
        whole = write_parquet(path, schema, [table], "key")
        group = pq.read_metadata(path).row_group(0)
        found = {group.column(i).path_in_schema: group.column(i) for i in range(3)}
        assert pq.read_table(path).equals(table)
        assert write_parquet(path, schema, [table.slice(0, 9), table.slice(9)], "key") == whole
    for name in ("inst_id", "user_id"):
        assert found[name].has_dictionary_page == encoded
    assert found["few"].has_dictionary_page


@given(tables, st.lists(st.integers(0, 30), max_size=6))
def test_the_rows_come_back_in_their_order(path: Path, table, cuts):
    written(path, cut(table, cuts))
    assert pq.read_table(path).equals(table)


def test_a_row_group_has_a_fixed_number_of_rows(path: Path):
    table = pa.table([["x"] * 9, [1] * 9, [None] * 9], schema=SCHEMA)
    written(path, cut(table, [1, 6]), group=4)
    metadata = pq.read_metadata(path)
    sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert sizes == [4, 4, 1]


def test_the_result_tells_what_was_written(path: Path):
    result = written(path, [pa.table([["a"], [1], [None]], schema=SCHEMA)])
    content = path.read_bytes()
    assert result == WrittenFile("key", 1, len(content), hashlib.sha256(content).hexdigest())


def test_another_row_is_other_bytes(path: Path):
    one, other = ([pa.table([[text], [1], [None]], schema=SCHEMA)] for text in "ab")
    assert written(path, one).sha256 != written(path, other).sha256


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS.keys())
def test_a_file_without_rows_has_the_whole_schema(path: Path, schema: pa.Schema):
    assert write_parquet(path, schema, [], "key").rows == 0
    assert pq.read_schema(path).equals(schema, check_metadata=True)


def test_texts_have_bounds_only_where_rows_are_in_their_order(path: Path):
    for in_order_of in (None, "text"):
        with ParquetFile(path, SCHEMA, "key", in_order_of) as file:
            file.write(pa.table([["a", "b"], [1, 2], [None, None]], schema=SCHEMA))
        group = pq.ParquetFile(path).metadata.row_group(0)
        bounds = group.column(0).statistics
        assert (bounds and (bounds.min, bounds.max)) == (("a", "b") if in_order_of else None)


def test_a_table_of_another_schema_is_refused(path: Path):
    with pytest.raises(ValueError, match="schema"):
        write_parquet(path, SCHEMA, [pa.table({"text": ["a"]})], "key")
