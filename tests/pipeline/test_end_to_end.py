"""Made-up events of ten hours, in every compression and framing, held against the plain oracle."""

from __future__ import annotations

import zlib
from collections import defaultdict
from pathlib import Path

import duckdb
import pytest

from local.encodings import COMPRESSIONS
from local.events import generate
from local.landing import land, put_folder
from sessionize.cli import main
from sessionize.config import load_config
from sessionize.model.hours import Hour, hours_between
from tests.local.readers import decompress
from tests.pipeline import oracle
from tests.sessions.reference import State

FIRST, END = Hour.parse("2017-02-04T20"), Hour.parse("2017-02-05T06")
HOURS = list(hours_between(FIRST, END))

SETTINGS = {
    "as they are": "",
    "another timeout, a longest session, three shards": """
[session]
timeout = "7m"
max_duration = "20m"
dedup_window = "30m"
[run]
shards = 3
batch_size = "2KiB"
in_memory = "1B"
""",
    "waiting for what is out of order": """
[session]
max_out_of_orderness = "90m"
allowed_lateness = "0s"
""",
}


def text_of(content: bytes) -> bytes:
    """Decode an object whose compression its content tells; of a broken gzip what there is."""
    if content[:2] == b"\x1f\x8b":
        text = b""
        while content:
            inflate = zlib.decompressobj(31)
            text += inflate.decompress(content)
            content = inflate.unused_data
        return text
    magic = {b"PK\x03\x04": "zip", b"\x82SNA": "snappy", b"\x00": "hadoop_snappy"}
    for start, compression in magic.items():
        if content.startswith(start):
            assert compression in COMPRESSIONS
            return decompress(compression, content)
    return content


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_row_is_what_the_plain_oracle_says(
    tmp_path: Path, settings: str, capsys: pytest.CaptureFixture[str]
) -> None:
    landing = land(generate(HOURS, seed=5, installations=80), seed=5, straggler_of=HOURS[4])
    put_folder(landing.objects, tmp_path / "raw")
    config_file = tmp_path / "pipeline.toml"
    config_file.write_text(
        f'name = "t"\nraw = "raw"\nlake = "lake"\nstart = {FIRST}:00:00Z\n{SETTINGS[settings]}'
    )
    config = load_config(config_file)
    run = ["run", "--config", str(config_file)]
    assert main([*run, "--from", f"{FIRST}", "--to", f"{HOURS[6]}"]) == 0
    put_folder(landing.stragglers, tmp_path / "raw")
    assert main([*run, "--from", f"{HOURS[6]}", "--to", f"{END}"]) == 0
    assert "(unchanged)" not in capsys.readouterr().out

    texts: dict[str, dict[str, bytes]] = defaultdict(dict)
    for entry in landing.objects:
        if not entry.key.endswith("/") and entry.key.startswith("20"):
            texts[entry.folder][entry.key] = text_of(entry.content)
    for entry in landing.stragglers:  # claimed by the first run after they landed
        texts[HOURS[6].landing_prefix][entry.key] = text_of(entry.content)

    state = State()
    totals = defaultdict(int)
    for hour in HOURS:
        expected = oracle.play(state, texts[hour.landing_prefix], hour, config.session)
        state, played = expected.played.state, expected.played

        def rows(dataset: str, columns: str, hour: Hour = hour) -> list[tuple[object, ...]]:
            path = tmp_path / "lake" / dataset / hour.partition / "*.parquet"
            query = f"SELECT {columns} FROM read_parquet('{path}', hive_partitioning = false)"
            connection = duckdb.connect()
            connection.execute("SET TimeZone = 'UTC'")
            return sorted(connection.execute(query).fetchall(), key=repr)

        event = "event_id, machine_id, epoch_us(event_time), user_id, build_id, action"
        place = "object_key, position"

        def key(e: oracle.Event) -> tuple[object, ...]:
            microseconds = int(
                (e.event_time - oracle.datetime(1970, 1, 1, tzinfo=oracle.UTC))
                / oracle.timedelta(microseconds=1)
            )
            return (e.event_id, e.machine_id, microseconds, e.user_id, e.build_id, e.action)

        assert rows("events", f"{event}, {place}") == sorted(
            [(*key(e), e.object_key, e.position) for e in expected.valid], key=repr
        )
        assert rows("sessionized_events", f"{event}, session_id") == sorted(
            [(*key(e), session) for e, session in played.settled], key=repr
        )
        assert rows("late_events", event) == sorted([key(e) for e, _ in played.late], key=repr)
        names = list(played.closed[0].row()) if played.closed else ["session_id"]
        for dataset, sessions in (
            ("sessions", played.closed),
            ("open_sessions", list(played.state.open_sessions.values())),
        ):
            assert rows(dataset, ", ".join(names)) == sorted(
                [tuple(session.row()[name] for name in names) for session in sessions], key=repr
            )
        quarantined = [raw for (raw,) in rows("quarantine", "raw") if raw and raw[:7] != "base64:"]
        readable = [raw for raw in expected.invalid if raw.isprintable()]
        assert set(readable) <= set(quarantined)
        assert len(rows("quarantine", "raw")) == len(expected.invalid)
        totals["late"] += len(played.late)
        totals["duplicates"] += len(played.duplicates)
        totals["closed"] += len(played.closed)
        totals["invalid"] += len(expected.invalid)
    assert all(totals[what] > 0 for what in ("duplicates", "closed", "invalid")), totals
    if "out of order" not in settings:
        assert totals["late"] > 0
