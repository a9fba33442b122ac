"""Inputs that are nearly right: made of what the readers know, then spoiled."""

from __future__ import annotations

import json
import random

from tests.landing.encoders import ENCODERS
from tests.landing.test_robustness import TOKENS
from tests.pipeline import scenario

_SEPARATORS = (b"\n", b"", b"\r\n", b"\n\n", b" ", b"\n  ", b"\xef\xbb\xbf", b",\n")
_TIMES = (
    "2017-02-04T22:10:00Z", "2017-02-04T22:10:00.123456+01:00", "20170204T221000Z", "2017-02-04",
    "1486249379", "1486249379.5", "1486249379123", "1.486e9", "99999999999", "100000000000000000",
    "2016-12-31T23:59:60Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "-1", "NaN",
)  # fmt: skip
_ALPHABET = "0123456789-:TZ.+ eEz/_,\u0661\x00"
_TEXTS = (
    "30m", "0s", "1h30m", "999999d", "1B", "16GiB", "99999999GiB", "a+", "(", "^$", "", "s3://b/p",
    "proedit", "build_id", "inst_id", "timestamp", "\ud7ff", "x" * 300, "%Y/%m/%d/%H/",
)  # fmt: skip


def text(rng: random.Random) -> bytes:
    """Records of all sorts, and what stands between them, spoiled here and there."""
    parts = []
    for number in range(rng.randrange(12)):
        kind = rng.random()
        if kind < 0.5:
            clock = f"22:{rng.randrange(60):02}:{rng.randrange(60):02}"
            event = scenario.event(rng.choice(["a1", "b2", "c3"]), clock, extra=number)
            if rng.random() < 0.3:
                event[rng.choice(list(event))] = value(rng)
            parts.append(json.dumps(event, indent=rng.choice([None, None, 2])).encode())
        else:
            parts += [rng.choice(TOKENS) for _ in range(rng.randrange(8))]
        parts.append(rng.choice(_SEPARATORS))
    return b"\n" + spoiled(b"".join(parts), rng, rng.choice([0, 0, 1, 3]))


def packed(content: bytes, rng: random.Random) -> bytes:
    """A text in some compression, which may be damaged or cut off."""
    encode = rng.choice(ENCODERS)
    content = encode(content)
    if rng.random() < 0.5:
        content = spoiled(content, rng, rng.randrange(4))
        content = content[: rng.randint(len(content) // 2, len(content))]
    return content


def spoiled(content: bytes, rng: random.Random, times: int) -> bytes:
    """Change, repeat, move or take out some bytes."""
    for _ in range(times):
        place = rng.randint(0, len(content))
        end = min(len(content), place + rng.choice([1, 1, 1, 4, 40]))
        piece = content[place:end]
        new = rng.choice(
            [b"", piece * 2, bytes([rng.randrange(256)]), rng.choice(TOKENS), piece[::-1]]
        )
        content = content[:place] + new + content[end:]
    return content


def time(rng: random.Random) -> str:
    """A time stamp, or what was one."""
    given = list(rng.choice(_TIMES))
    for _ in range(rng.randrange(3)):
        place = rng.randint(0, len(given))
        given[place : place + rng.randrange(2)] = rng.choice(["", *_ALPHABET])
    return "".join(given)


def value(rng: random.Random, depth: int = 2) -> object:
    """A value as a file or a record may hold it."""
    plain = (
        lambda: rng.choice(_TEXTS),
        lambda: time(rng),
        lambda: rng.choice([0, 1, -1, 255, 1 << 31, 1 << 63, 10**30]),
        lambda: rng.choice([0.5, 1.0, -0.0, 1e308]),
        lambda: rng.choice([True, False]),
    )
    nested = (
        lambda: [value(rng, depth - 1) for _ in range(rng.randrange(3))],
        lambda: {rng.choice(_TEXTS): value(rng, depth - 1) for _ in range(rng.randrange(3))},
    )
    return rng.choice(plain + nested if depth else plain)()
