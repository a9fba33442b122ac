"""Landed hours to measure with: gzip objects as Firehose writes them, the same for the same seed.

Arrow joins the lines of a block of events column by column, at about a million a second; a block is
an object, and no more than one is in memory for each process.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from isal import igzip

from bench.job import HOUR

#: To be raised with every change of what is generated: older data is made anew.
VERSION = 1

EVENTS_PER_MACHINE = 12
INVALID_SHARE = 0.01
BROKEN_SHARE_OF_INVALID = 0.1
DUPLICATE_SHARE = 0.005
ISO_SHARE = 0.02
SECOND_USER_SHARE = 0.05

#: Events in an object: some 8 MB, compressed.
_PER_OBJECT = 80_000
_COMPRESSION_LEVEL = 2
_STREAM = "nitro-events"

#: The first two of each product open a session.
_ACTIONS = (
    *("prostarted", "profirstrun", "proedit", "proview", "proconvert", "prosave", "proprint"),
    *("readerstarted", "readerfirstrun", "readerview", "readersearch", "readerprint"),
)
_PRO_ACTIONS = 7
_OPENING_SHARE = 1 / 12
_BUILDS = tuple(f"10.{minor}.{maint}.{34 + maint}" for minor in range(6) for maint in range(8))
_BUILDS += tuple("f" + build for build in _BUILDS[:8])
_TRIAL_STATES = ("Activated", "Trial", "Expired")
_APP_TOKENS = tuple(f"{number:04x}" for number in range(997, 997 + 40))
_SOURCES = ("web", "store", "enterprise", "partner", "oem")
_LANGUAGES = ("en", "de", "fr", "ja", "es", "pt", "it", "nl", "zh", "ko")

#: What fields are turned into to break a rule; nothing: the field is missing.
_FAULTS: tuple[dict[str, str], ...] = (
    {"timestamp": ""},
    {"timestamp": ',"timestamp":"yesterday"'},
    {"timestamp": ',"timestamp":1000000000'},
    {"timestamp": ',"timestamp":"2100-01-01T00:00:00Z"'},
    {"action": ""},
    {"action": ',"action":"updaterchecked"'},
    {"inst_id": ',"inst_id":"4fgh0000aaaa"'},
    {"build_id": ""},
    {"build_id": ',"build_id":"11.0.0.1"'},
    {"action": ',"action":"prosave"', "trialstate": ',"trialstate":"Borrowed"'},
)

_HEX_PAIRS = np.array([list(f"{byte:02x}".encode()) for byte in range(256)], dtype=np.uint8)

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Landed:
    """A generated hour, or several.

    Attributes
    ----------
    raw : Path
        What a pipeline is given as ``raw``.
    records : int
        Lines in all objects.
    compressed, decompressed : int
        Bytes of all objects.
    objects : int
    """

    raw: Path
    records: int
    compressed: int
    decompressed: int
    objects: int


@dataclass(frozen=True)
class _Block:
    """One object to be made: a stretch of an hour."""

    seed: int
    number: int
    records: int
    machines: int
    begin: datetime
    length: timedelta
    hour: datetime
    path: Path


def landed_hour(
    folder: Path, records: int, *, objects: int | None = None, seed: int = 2017
) -> Landed:
    """Return a landed hour of so many records; what is there already is taken."""
    blocks = objects or -(-records // _PER_OBJECT)
    machines = max(1, records // EVENTS_PER_MACHINE)
    parameters = {"records": records, "seed": seed}
    if objects is not None:
        parameters["objects"] = objects
        folder = folder / f"in-{objects}"
    return _landed(folder / f"{records}", [HOUR], blocks, records, machines, parameters)


def in_small_objects(landed: Landed, folder: Path, records: int) -> Landed:
    """Return the same lines in the same order, in objects of so many records each."""
    shutil.rmtree(folder, ignore_errors=True)
    compressed = objects = 0
    for path in sorted(landed.raw.rglob("*.gz")):
        lines = igzip.decompress(path.read_bytes()).splitlines(keepends=True)
        under = folder / path.parent.relative_to(landed.raw)
        under.mkdir(parents=True, exist_ok=True)
        for begin in range(0, len(lines), records):
            content = igzip.compress(b"".join(lines[begin : begin + records]), _COMPRESSION_LEVEL)
            (under / f"{path.stem}-{begin:08}.gz").write_bytes(content)
            compressed += len(content)
            objects += 1
    return replace(landed, raw=folder, compressed=compressed, objects=objects)


def landed_hours(folder: Path, hours: int, records: int, *, seed: int = 2017) -> Landed:
    """Return hours in a row of so many records each, all of the same machines."""
    parameters = {"hours": hours, "records": records, "seed": seed}
    return _landed(
        folder / f"{hours}x{records}",
        [HOUR + timedelta(hours=number) for number in range(hours)],
        1,
        records,
        max(1, records // EVENTS_PER_MACHINE),
        parameters,
    )


def _landed(
    folder: Path,
    hours: Sequence[datetime],
    blocks: int,
    records: int,
    machines: int,
    parameters: dict[str, int],
) -> Landed:
    parameters = {"version": VERSION, **parameters}
    manifest = folder / "manifest.json"
    if manifest.exists():
        found = json.loads(manifest.read_text())
        if found["parameters"] == parameters:
            return Landed(raw=folder / "raw", **found["landed"])
    shutil.rmtree(folder, ignore_errors=True)
    length = timedelta(hours=1) / blocks
    bounds = [records * number // blocks for number in range(blocks + 1)]
    work = [
        _Block(
            seed=parameters["seed"],
            number=blocks * hour_number + number,
            records=bounds[number + 1] - bounds[number],
            machines=machines,
            begin=hour + number * length,
            length=length,
            hour=hour,
            path=folder / "raw" / f"{hour:%Y/%m/%d/%H}",
        )
        for hour_number, hour in enumerate(hours)
        for number in range(blocks)
    ]
    for hour in hours:
        (folder / "raw" / f"{hour:%Y/%m/%d/%H}").mkdir(parents=True)
    with ProcessPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        sizes = list(pool.map(_write_block, work))
    landed = Landed(
        raw=folder / "raw",
        records=sum(block.records for block in work),
        compressed=sum(compressed for compressed, _ in sizes),
        decompressed=sum(decompressed for _, decompressed in sizes),
        objects=len(work),
    )
    values = {name: value for name, value in asdict(landed).items() if name != "raw"}
    manifest.write_text(json.dumps({"parameters": parameters, "landed": values}, indent=1))
    return landed


def _write_block(block: _Block) -> tuple[int, int]:
    """Write one object; return its size, compressed and decompressed."""
    rng = np.random.default_rng([block.seed, block.number])
    lines = _lines(rng, block)
    # The values of a string array lie end to end: with a line feed in each, that is the text.
    text = memoryview(lines.buffers()[2])[: pc.sum(pc.binary_length(lines)).as_py()]
    content = igzip.compress(text, _COMPRESSION_LEVEL)
    name = uuid.UUID(bytes=rng.bytes(16), version=4)
    (block.path / f"{_STREAM}-1-{block.begin:%Y-%m-%d-%H-%M-%S}-{name}.gz").write_bytes(content)
    return len(content), len(text)


def _lines(rng: np.random.Generator, block: _Block) -> pa.StringArray:
    """Make the lines of an object, in the order in which they arrived."""
    copies = round(block.records * DUPLICATE_SHARE)
    rows = block.records - copies
    machine, milliseconds = _activity(rng, block, rows)
    fields = _fields(rng, machine, milliseconds)
    _spoil(rng, fields)
    lines = pc.binary_join_element_wise(*fields.values(), "}\n", "")
    lines = _break(rng, lines)
    # A copy arrives some seconds after the first.
    copied = rng.choice(rows, copies, replace=False)
    place = np.concatenate([np.arange(rows), copied + rng.exponential(rows / 50, copies)])
    order = np.concatenate([np.arange(rows), copied])[np.argsort(place, kind="stable")]
    return lines.take(pa.array(order))


def _activity(rng: np.random.Generator, block: _Block, rows: int) -> tuple[Ints, Ints]:
    """Choose who sends each event, and when it happened.

    The machines at work are half of all, and change through the hour: some are there at its
    beginning and its end only, and their sessions end by timeout.
    """
    share = np.sort(rng.random(rows))
    begin = (block.begin - block.hour) / timedelta(hours=1)
    through = begin + share * (block.length / timedelta(hours=1))
    ahead = rng.random(rows) ** 2 / 2
    machine = ((through + ahead) % 1 * block.machines).astype(np.int64)
    epoch = int(block.begin.timestamp() * 1000)
    arrived = epoch + (share * (block.length / timedelta(milliseconds=1))).astype(np.int64)
    return machine, arrived - rng.integers(0, 20_000, rows)


def _fields(
    rng: np.random.Generator, machine: Ints, milliseconds: Ints
) -> dict[str, pa.StringArray]:
    """Make the ``"name":value`` of each field, with the comma before it."""
    rows = len(machine)
    is_pro = _mixed(machine, 1) % 10 < 6
    user = machine * 2 + (rng.random(rows) < SECOND_USER_SHARE)
    pages = pa.array(rng.integers(1, 400, rows)).cast(pa.string())
    octets = [pa.array(_mixed(machine, 2 + place) % 256).cast(pa.string()) for place in range(4)]

    def choice(name: str, values: Sequence[str], salt: int) -> pa.StringArray:
        return _chosen(name, values, _mixed(machine, salt) % len(values))

    return {
        "event_id": _quoted("event_id", _uuids(rng, rows), first=True),
        "timestamp": _times(rng, milliseconds),
        "action": _chosen("action", _ACTIONS, _action_codes(rng, is_pro)),
        "inst_id": _quoted(
            "inst_id",
            _hexadecimal(machine, 10),
            _hexadecimal(machine, 11),
            _hexadecimal(user, 12),
            _hexadecimal(user, 13),
        ),
        "_l": _same(',"_l":32', rows),
        "build_id": choice("build_id", _BUILDS, 20),
        "trialstate": choice("trialstate", _TRIAL_STATES, 21),
        "apptoken": choice("apptoken", _APP_TOKENS, 22),
        "installsource": choice("installsource", _SOURCES, 23),
        "language": choice("language", _LANGUAGES, 24),
        "nid": _quoted("nid", pc.utf8_slice_codeunits(_hexadecimal(machine, 14), 0, 8)),
        "ip_address": _quoted("ip_address", pc.binary_join_element_wise(*octets, ".")),
        "_p2": choice("_p2", ("a", "b", "control"), 25),
        "pages": pc.binary_join_element_wise(',"pages":', pages, ""),
        "ui": _same(',"ui":{"zoom":1.5}', rows),
    }


def _spoil(rng: np.random.Generator, fields: dict[str, pa.StringArray]) -> None:
    """Make some rows break a rule of the contract."""
    rows = len(fields["action"])
    share = INVALID_SHARE * (1 - BROKEN_SHARE_OF_INVALID)
    bad = rng.choice(rows, round(rows * share), replace=False)
    for fault, some in zip(_FAULTS, np.array_split(bad, len(_FAULTS)), strict=True):
        for name, text in fault.items():
            fields[name] = _replaced(fields[name], some, [text] * len(some))


def _break(rng: np.random.Generator, lines: pa.StringArray) -> pa.StringArray:
    """Break some lines off, so that they are no JSON."""
    share = INVALID_SHARE * BROKEN_SHARE_OF_INVALID
    bad = rng.choice(len(lines), round(len(lines) * share), replace=False)
    texts = [text[: len(text) * 2 // 3] + "\n" for text in lines.take(pa.array(bad)).to_pylist()]
    return _replaced(lines, bad, texts)


def _replaced(values: pa.StringArray, rows: Ints, texts: Sequence[str]) -> pa.StringArray:
    mask = np.zeros(len(values), dtype=bool)
    mask[rows] = True
    order = np.argsort(rows)
    return pc.replace_with_mask(values, mask, pa.array([texts[i] for i in order], pa.string()))


def _action_codes(rng: np.random.Generator, is_pro: npt.NDArray[np.bool_]) -> Ints:
    """Choose actions: one in twelve opens a session, one in a hundred of those is a first run."""
    rows = len(is_pro)
    opens = rng.random(rows) < _OPENING_SHARE
    opening = (rng.random(rows) < 0.01).astype(np.int64)
    other = rng.integers(2, np.where(is_pro, _PRO_ACTIONS, len(_ACTIONS) - _PRO_ACTIONS))
    return np.where(opens, opening, other) + np.where(is_pro, 0, _PRO_ACTIONS)


def _times(rng: np.random.Generator, milliseconds: Ints) -> pa.StringArray:
    """Write time stamps: epoch milliseconds, or ISO 8601 where the client is one of the few."""
    instants = pa.array(milliseconds)
    numbers = pc.binary_join_element_wise(',"timestamp":', instants.cast(pa.string()), "")
    iso = pc.strftime(instants.cast(pa.timestamp("ms", "UTC")), "%Y-%m-%dT%H:%M:%SZ")
    return pc.if_else(
        pa.array(rng.random(len(milliseconds)) < ISO_SHARE), _quoted("timestamp", iso), numbers
    )


def _uuids(rng: np.random.Generator, rows: int) -> pa.StringArray:
    text = _hex_text(rng.integers(0, 2**64, (rows, 2), dtype=np.uint64))
    dashed = np.empty((rows, 36), dtype=np.uint8)
    for begin, end, place in ((0, 8, 0), (8, 12, 9), (12, 16, 14), (16, 20, 19), (20, 32, 24)):
        dashed[:, place : place + end - begin] = text[:, begin:end]
    dashed[:, [8, 13, 18, 23]] = ord("-")
    dashed[:, 14] = ord("4")
    dashed[:, 19] = ord("a")
    return _fixed_width(dashed)


def _hexadecimal(numbers: Ints, salt: int) -> pa.StringArray:
    """Return sixteen digits that seem random, and are the same for the same number."""
    return _fixed_width(_hex_text(_mixed(numbers, salt)[:, None]))


def _mixed(numbers: Ints, salt: int) -> Words:
    """Scatter numbers over 64 bits (SplitMix64)."""
    word = numbers.astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


def _hex_text(words: Words) -> npt.NDArray[np.uint8]:
    """Write each row of words as hexadecimal characters."""
    data = np.ascontiguousarray(words).view(np.uint8)
    return _HEX_PAIRS[data].reshape(len(data), -1)


def _fixed_width(text: npt.NDArray[np.uint8]) -> pa.StringArray:
    rows, width = text.shape
    offsets = np.arange(rows + 1, dtype=np.int32) * width
    return pa.StringArray.from_buffers(
        rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(text))
    )


def _chosen(name: str, values: Sequence[str], codes: Ints | Words) -> pa.StringArray:
    return _quoted(name, pa.array(values).take(pa.array(codes.astype(np.int64))))


def _quoted(name: str, *parts: pa.StringArray, first: bool = False) -> pa.StringArray:
    before = f'{"{" if first else ","}"{name}":"'
    return pc.binary_join_element_wise(before, *parts, '"', "")


def _same(text: str, rows: int) -> pa.StringArray:
    return pa.repeat(pa.scalar(text), rows)
