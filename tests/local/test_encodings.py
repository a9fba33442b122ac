"""Every framing and compression is read back by readers that share no code with the writers."""

import gzip
import json
import random

import pytest

from local.encodings import COMPRESSIONS, FRAMINGS, LINE_FRAMINGS
from tests.local.readers import decompress, records

BODIES = [{"action": "proedit", "title": 'Vertrag "Müller"}{.pdf', "n": n} for n in range(40)]


@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_framing_keeps_every_record(framing):
    text = FRAMINGS[framing](BODIES).decode()

    assert list(records(text)) == BODIES


@pytest.mark.parametrize("framing", sorted(LINE_FRAMINGS))
def test_in_a_line_framing_a_broken_record_leaves_its_neighbours_alone(framing):
    content = FRAMINGS[framing]([BODIES[0], b'{"action": "pro', BODIES[1]])

    lines = [line for line in content.decode("utf-8-sig").splitlines() if line]

    assert [json.loads(lines[0]), lines[1], json.loads(lines[2])] == [
        BODIES[0],
        '{"action": "pro',
        BODIES[1],
    ]


def test_framings_differ_in_what_stands_between_records():
    assert FRAMINGS["lines"](BODIES).count(b"\n") == len(BODIES)
    assert b"\n" not in FRAMINGS["undelimited"](BODIES)
    assert b'{\n  "action"' in FRAMINGS["pretty"](BODIES)
    assert FRAMINGS["crlf"](BODIES).endswith(b"}\r\n")
    assert FRAMINGS["bom"](BODIES).startswith(b"\xef\xbb\xbf{")
    assert FRAMINGS["no_final_newline"](BODIES).endswith(b"}")


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("size", [1, 1000, 300_000])
def test_a_compression_is_read_back(compression, size):
    rng = random.Random(size)
    content = (b"sessions " * size + rng.randbytes(size))[-size:]
    _, compress = COMPRESSIONS[compression]

    assert decompress(compression, compress(content)) == content


def test_gzip_members_are_several():
    _, compress = COMPRESSIONS["gzip_members"]

    assert compress(b"a" * 1000).count(gzip.compress(b"")[:3]) == 3
