"""Objects as Firehose lands them, and what else a real bucket holds."""

import contextlib
import gzip
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from local.encodings import COMPRESSIONS, FRAMINGS
from local.events import Sent, generate
from local.landing import buffered, land, put_folder
from sessionize.model.hours import Hour, hours_between
from tests.local.readers import decompress, records

START = datetime(2017, 2, 4, 20, tzinfo=UTC)
HOURS = list(hours_between(Hour(START), Hour.parse("2017-02-05T04")))
NAME = re.compile(
    r"(?P<folder>\d{4}/\d\d/\d\d/\d\d)/nitro-events-1-(?P<time>\d{4}(-\d\d){5})-[0-9a-f-]{36}"
    r"(\.\w+)?"
)


@pytest.fixture(scope="module")
def sent():
    return generate(HOURS, seed=1, installations=60)


@pytest.fixture(scope="module")
def landing(sent):
    return land(sent, seed=1, straggler_of=HOURS[6])


def text_of(content):
    """Read an object whose compression nobody tells; an empty text if it is damaged."""
    for compression in reversed(COMPRESSIONS):  # last the one that takes anything
        with contextlib.suppress(Exception):
            return decompress(compression, content).decode()
    return ""


def records_of(landed):
    return list(records(text_of(landed.content)))


def every(minutes, count):
    step = timedelta(minutes=minutes)
    return [Sent(START + step * n, {"n": n}, "ordinary") for n in range(count)]


def test_the_same_seed_lands_the_same_bytes(sent, landing):
    assert land(sent, seed=1, straggler_of=HOURS[6]) == landing
    assert land(sent, seed=2, straggler_of=HOURS[6]) != landing


def test_an_object_is_named_after_its_oldest_record():
    objects = buffered(every(7, 20))

    for landed in objects:
        match = NAME.fullmatch(landed.key)
        oldest = min(record["n"] for record in records_of(landed))
        arrived = START + timedelta(minutes=7 * oldest)
        assert match["folder"] == f"{arrived:%Y/%m/%d/%H}"
        assert match["time"] == f"{arrived:%Y-%m-%d-%H-%M-%S}"


def test_a_buffer_that_is_open_when_the_hour_ends_holds_records_of_two_hours():
    objects = buffered(every(7, 20))
    hours = [
        {(START + timedelta(minutes=7 * r["n"])).hour for r in records_of(landed)}
        for landed in objects
    ]

    assert {20, 21} in hours


def test_every_record_is_in_exactly_one_object():
    objects = buffered(every(1, 500))

    numbers = Counter(record["n"] for landed in objects for record in records_of(landed))

    assert numbers == Counter(range(500))


def test_every_pair_of_framing_and_compression_comes_up():
    objects = buffered(every(10, len(FRAMINGS) * len(COMPRESSIONS)))

    suffixes = Counter(landed.key.partition(".")[1:] for landed in objects)

    assert set(suffixes.values()) >= {len(FRAMINGS)}
    assert {landed.content[:2] for landed in objects} >= {b"\x1f\x8b", b"PK", b"\x82S", b"\xef\xbb"}


def test_records_that_are_no_json_stand_in_lines_of_their_own(landing):
    undelimited = [text for o in landing.objects if "}{" in (text := text_of(o.content))]

    assert undelimited
    assert all(all(isinstance(r, dict) for r in records(text)) for text in undelimited)


def test_one_gzip_object_breaks_off(landing):
    broken = []
    for landed in landing.objects:
        if landed.content[:2] == b"\x1f\x8b":
            try:
                gzip.decompress(landed.content)
            except EOFError:
                broken.append(landed)

    assert len(broken) == 1


def test_a_real_bucket_holds_more_than_data(landing):
    keys = [landed.key for landed in landing.objects]

    assert any(key.endswith("/") for key in keys)
    assert any(key.startswith("processing-failed/2017/") for key in keys)
    assert sum(1 for o in landing.objects if not o.content and not o.key.endswith("/")) == 1


def test_a_straggler_is_held_back(sent, landing):
    (straggler,) = landing.stragglers

    assert straggler.key.startswith(HOURS[6].landing_prefix)
    assert straggler.key not in {landed.key for landed in landing.objects}
    everything = buffered(sent, seed=1)
    assert straggler in everything


def test_a_local_folder_holds_the_objects(landing, tmp_path):
    put_folder(landing.objects, tmp_path)

    for landed in landing.objects:
        path = tmp_path / landed.key
        assert path.is_dir() if landed.key.endswith("/") else path.read_bytes() == landed.content
