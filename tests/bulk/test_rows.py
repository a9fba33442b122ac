from __future__ import annotations

import pyarrow as pa

from sessionize.bulk import rows
from sessionize.bulk.rows import Row, from_batches, of_record, of_table, to_batches

WORDS = pa.array(["a", None, "b", "a"] * 25).dictionary_encode()
TABLE = pa.table(
    {"word": WORDS, "time": pa.array(range(100), pa.timestamp("us", tz="UTC")), "n": range(100)}
)


def test_a_table_passes_as_it_is():
    (row,) = of_table(7, 3, 1, "events", TABLE)
    assert row.table() == TABLE
    assert row.table().schema == TABLE.schema
    assert (row.key, row.hour, row.number, row.piece, row.name) == (7, 3, 1, 0, "events")
    assert row.size > len(TABLE) * 16


def test_a_large_one_passes_in_pieces_with_dictionaries_of_their_own(monkeypatch):
    monkeypatch.setattr(rows, "PIECE", 500)
    pieces = [*of_table(7, 3, 1, "events", TABLE, piece=4)]
    assert [row.piece for row in pieces] == [*range(4, 4 + len(pieces))]
    assert len(pieces) > 3
    assert pa.concat_tables(row.table() for row in pieces).combine_chunks() == TABLE
    words = pa.table({"word": pa.array([f"{n}" for n in range(100)]).dictionary_encode()})
    for row in of_table(7, 3, 1, "events", words):
        column = row.table().column("word").chunk(0)
        assert len(column.dictionary) == len(column)


def test_a_row_that_is_larger_than_a_piece_is_one(monkeypatch):
    monkeypatch.setattr(rows, "PIECE", 10)
    assert len([*of_table(7, 3, 1, "events", TABLE.slice(0, 2))]) == 2


def test_nothing_is_no_row():
    assert [*of_table(7, 3, 1, "events", TABLE.slice(0, 0))] == []


def test_rows_pass_a_few_at_a_time(monkeypatch):
    given = [of_record(7, -1, number, "counts", [{"n": number}]) for number in range(20)]
    batches = [*to_batches(given)]
    assert [len(batch) for batch in batches] == [8, 8, 4]
    assert [*from_batches(batches)] == given
    assert given[5].record() == [{"n": 5}]
    monkeypatch.setattr(rows, "PIECE", 100)
    large = Row(1, 1, 1, 1, "events", 100, b"x" * 60)
    assert [len(batch) for batch in to_batches([large] * 5)] == [2, 2, 1]
