"""Whatever lands goes through a whole run: nothing raises, and nothing gets lost on the way."""

from __future__ import annotations

import base64
import random
import tempfile
from pathlib import Path

import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from sessionize.lake.layout import partition_key
from sessionize.pipeline.runner import run_hour
from sessionize.pipeline.stages import Pipeline
from tests.landing.encoders import ENCODERS
from tests.landing.reading import read
from tests.landing.test_robustness import TOKENS, token_soup
from tests.pipeline import scenario

GOOD = scenario.json.dumps(scenario.event("a1", "22:10:00")).encode()
# No compression begins with a newline, so what follows one is read as text.
texts = (st.lists(st.sampled_from([*TOKENS, GOOD]), max_size=20).map(b"".join) | token_soup).map(
    lambda text: b"\n" + text
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    content = bytearray(draw(st.sampled_from(ENCODERS[1:]))(draw(texts)))
    rng = random.Random(draw(st.integers(0, 1 << 20)))
    for _ in range(draw(st.integers(0, 3))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content[: draw(st.integers(len(content) // 2, len(content)))])


@settings(max_examples=15)
@given(st.lists(texts | damaged() | st.binary(max_size=80), min_size=1, max_size=6))
def test_any_bytes_go_through_a_run_and_are_all_accounted_for(contents: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        raw, lake = Path(folder) / "raw", Path(folder) / "lake"
        pipeline = Pipeline.open(scenario.config(raw, lake, limits={"fail_quarantined": 1.0}))
        landed = {}
        for number, content in enumerate(contents):
            key = f"{scenario.START.landing_prefix}{number}"
            pipeline.raw.write(key, content)
            landed[key] = read(content)
        ledger = run_hour(pipeline, scenario.START).ledger

        def rows(dataset: str) -> list[dict[str, object]]:
            return pq.read_table(lake / partition_key(dataset, scenario.START)).to_pylist()

        events, quarantine = rows("events"), rows("quarantine")
        assert ledger.counts.records_read == sum(map(len, landed.values()))
        assert (ledger.counts.valid, ledger.counts.quarantined) == (len(events), len(quarantine))
        assert ledger.counts.records_read == len(events) + len(quarantine)
        places = [(str(row["object_key"]), row["position"]) for row in events + quarantine]
        assert sorted(places) == sorted(
            (key, position) for key, records in landed.items() for position in range(len(records))
        )
        for row in quarantine:
            came = landed[row["object_key"]][row["position"]]  # type: ignore[index]
            assert bytes_of(str(row["raw"])) == came.raw
            if came.reason is not None:
                assert row["reason"] == came.reason.value
        for row in events:
            assert landed[row["object_key"]][row["position"]].reason is None  # type: ignore[index]


def bytes_of(raw: str) -> bytes:
    if raw.startswith("base64:"):
        return base64.b64decode(raw.removeprefix("base64:"), validate=True)
    return raw.encode()
