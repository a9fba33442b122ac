"""Records of several texts are laid out as one."""

from __future__ import annotations

from sessionize.landing.batch import Batch
from sessionize.landing.json.parsing import parse
from sessionize.landing.records import Problem, raw_bytes
from sessionize.model.reasons import Reason

FIELDS = {"name": "n", "few": "f"}


def test_texts_take_turns():
    batch = Batch(FIELDS, {"few"}, 10)
    batch.begin_object("a")
    assert batch.take(b'{"n":"1","f":"x"}\n{"n":', 0, 100).at == 17
    batch.keep(b'{"n":"1","f":"x"}\n{"n":', 18)
    batch.begin_object("b")
    batch.add(1, 12, parse(rb' {"n":"\n"} '))
    batch.keep(b' {"n":"\\n"} ', 12)
    batch.add(0, 1, Problem(Reason.NOT_JSON, "no"))
    batch.keep(b"x", 1)
    records = batch.finish()
    assert raw_bytes(records.frame["raw"]) == [b'{"n":"1","f":"x"}', rb'{"n":"\n"}', b"x"]
    assert records.frame["name"].fillna("-").tolist() == ["1", "\n", "-"]
    assert records.frame["few"].cat.codes.tolist() == [0, -1, -1]
    assert records.frame["object_key"].tolist() == ["a", "b", "b"]
    assert records.frame["position"].tolist() == [0, 0, 1]
    assert records.frame["reason"].dropna().tolist() == ["not_json"]


def test_positions_run_on_behind_a_frame():
    batch = Batch(FIELDS, {"few"}, 2)
    batch.begin_object("a")
    text = b"{}{}{}"
    at = batch.take(text, 0, 100).at
    assert batch.is_full
    batch.keep(text, at)
    assert batch.finish().frame["position"].tolist() == [0, 1]
    assert len(batch) == batch.held == 0
    batch.take(text, at, 100)
    batch.keep(text, len(text))
    assert batch.finish().frame["position"].tolist() == [2]


def test_a_text_without_records_is_not_kept():
    batch = Batch(FIELDS, {"few"}, 2)
    batch.begin_object("a")
    batch.keep(b" " * 100, 100)
    assert batch.held == 0
