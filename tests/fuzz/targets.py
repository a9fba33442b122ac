"""What is tried: each target makes an input, and raises `AssertionError` if a promise is broken."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from local.events import generate
from local.landing import land, put_folder
from sessionize.config import PipelineConfig, load_config, parse_config
from sessionize.events.validate import validate
from sessionize.lake.storage import LocalStorage
from sessionize.landing import Kind, read_records
from sessionize.model.errors import ConfigError
from sessionize.model.hours import Hour, hours_between
from tests.events.test_timestamps import parsed
from tests.fuzz import mutations
from tests.kernels import naive
from tests.landing.reading import Record, assert_covers, chunks_of, landing, read, without_scan
from tests.pipeline import scenario

#: Takes what a case is about, so that it can be written down if the case fails.
Note = Callable[[bytes], None]
Target = Callable[[random.Random, Note], None]


def objects(rng: random.Random, note: Note) -> None:
    """Any text: each byte in one record, the same however it is cut, whoever reads it."""
    text = mutations.text(rng)
    note(text)
    most = rng.choice([1 << 30, 1 << 30, 3, 1])
    limits = landing(max_record_size=rng.choice([1 << 24, 100, 7]), max_object_records=most)
    records = read(text, limits=limits)
    assert_covers(text, records)
    cut, batch = rng.choice([1, 3, 40]), rng.choice([1, 5, 200])
    assert read(chunks_of(text, cut), limits=limits, batch_bytes=batch) == records
    with without_scan():
        assert read(text, limits=limits, batch_bytes=batch) == records
    _is_divided(text, read(text))


def compressions(rng: random.Random, note: Note) -> None:
    """Any object: nothing raises, and its cuts do not count."""
    content = mutations.packed(mutations.text(rng), rng)
    note(content)
    records = read(content)
    assert read(chunks_of(content, rng.choice([1, 3, 1000])), batch_bytes=5) == records
    _is_divided(content, records)


def times(rng: random.Random, note: Note) -> None:
    """Time stamps: each read by itself as among others, and as the plain reader reads it."""
    values = [(rng.choice([Kind.STRING, Kind.NUMBER]), mutations.time(rng)) for _ in range(20)]
    note(repr(values).encode())
    together = parsed(*values)
    assert together == [parsed(value)[0] for value in values]
    for (kind, text), found in zip(values, together, strict=True):
        plain = naive.read_timestamp(text, is_string=kind is Kind.STRING)
        assert plain is None or plain == found, (kind, text, plain, found)


def settings(rng: random.Random, note: Note) -> None:
    """Any pipeline file: it is read, or refused with an error that says why."""
    document = {
        "name": "n", "raw": "raw", "lake": "lake", "start": datetime(2017, 2, 4, 22, tzinfo=UTC)
    }  # fmt: skip
    sections = {
        field.name: field.default
        for field in msgspec.structs.fields(PipelineConfig)
        if isinstance(field.default, msgspec.Struct)
    }
    for _ in range(rng.randint(1, 3)):
        name = rng.choice([*sections, *document, "product", "fix", "column", "profile"])
        section = sections.get(name)
        document[name] = mutations.value(rng)
        if section is not None and rng.random() < 0.9:
            keys = [*section.__struct_fields__, "unknown"]
            document[name] = {rng.choice(keys): mutations.value(rng) for _ in range(2)}
        elif name in ("product", "fix", "column"):
            keys = ["name", "action", "trialstate", "column", "pattern", "replace", "type", "field"]
            document[name] = [{rng.choice(keys): mutations.value(rng) for _ in range(3)}]
    note(repr(document).encode())
    with contextlib.suppress(ConfigError):
        parse_config(document).fingerprint()
    content = mutations.spoiled(_FILE, rng, rng.randint(1, 4))
    note(content)
    with tempfile.NamedTemporaryFile(suffix=".toml") as file:
        file.write(content)
        file.flush()
        with contextlib.suppress(ConfigError):
            load_config(file.name).fingerprint()


def kills(rng: random.Random, note: Note) -> None:
    """A run that is killed at any moment, and run again, leaves what an undisturbed one leaves."""
    seed, in_memory = rng.randrange(1000), rng.choice(["1B", "1GiB"])
    note(f"events of seed {seed}, in_memory = {in_memory}".encode())
    begin, end = Hour.parse("2017-02-04T20"), Hour.parse("2017-02-04T22")
    hours = list(hours_between(begin, end))
    with tempfile.TemporaryDirectory(prefix="sessionize-fuzz-") as name:
        folder = Path(name)
        put_folder(
            land(generate(hours, seed=seed, installations=20), seed=seed).objects, folder / "raw"
        )
        commands = {}
        for lake in ("undisturbed", "killed"):
            config = folder / f"{lake}.toml"
            config.write_text(
                f'name = "t"\nraw = "raw"\nlake = "{lake}"\nstart = {begin}:00:00Z\n'
                f'[run]\nshards = 2\nbatch_size = "4KiB"\nin_memory = "{in_memory}"\n'
            )
            commands[lake] = [sys.executable, "-m", "sessionize", "run", "--config", str(config)]
            commands[lake] += ["--from", str(begin), "--to", str(end)]
        environment = {**os.environ, "TMPDIR": str(folder)}
        began = datetime.now(UTC)
        subprocess.run(commands["undisturbed"], env=environment, check=True, capture_output=True)
        took = (datetime.now(UTC) - began).total_seconds()
        for _ in range(4):
            process = subprocess.Popen(
                commands["killed"],
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(rng.uniform(0.3, 1) * took)
            process.send_signal(signal.SIGKILL)
            _, error = process.communicate()
            assert process.returncode in (0, -signal.SIGKILL), error.decode()
        done = subprocess.run(commands["killed"], env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        lakes = [scenario.content(LocalStorage(folder / lake)) for lake in commands]
        assert lakes[0].keys() == lakes[1].keys(), lakes[0].keys() ^ lakes[1].keys()
        assert not [key for key in lakes[0] if lakes[0][key] != lakes[1][key]]


def _is_divided(content: bytes, records: list[Record]) -> None:
    """Check that every record is valid or in quarantine."""
    config = scenario.config("raw", "lake")
    divided = 0
    for frame in read_records([("key", [content])], config.fields.by_column(), config.landing):
        found = validate(frame.frame, scenario.START, config, frame.kinds)
        assert len(frame) == len(found.valid) + len(found.quarantine)
        divided += len(frame)
    assert divided == len(records)


def _sections() -> Iterator[str]:
    yield 'name = "n"\nraw = "raw"\nlake = "lake"\nstart = 2017-02-04T22:00:00Z\n'
    yield '[session]\ntimeout = "30m"\nopening = "start|firstrun"\n[run]\nin_memory = "1GiB"\n'
    yield '[landing]\nmax_object_records = 10\n[limits]\nfail_late = 0.5\n[fields]\nnid = "n"\n'
    yield '[[product]]\nname = "a"\naction = "b"\n[[fix]]\ncolumn = "nid"\npattern = "^f"\n'


_FILE = "".join(_sections()).encode()
#: Each target, and how often it is tried for one time of the dearest.
TARGETS: dict[str, tuple[Target, int]] = {
    "objects": (objects, 200),
    "compressions": (compressions, 100),
    "times": (times, 50),
    "settings": (settings, 200),
    "kills": (kills, 1),
}
