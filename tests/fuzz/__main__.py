"""``python -m tests.fuzz``: fuzz for ``SECONDS`` (180) from ``SEED`` (drawn, and printed).

``CASE=objects/17`` with the same seed tries one case again. Exit code 1 if a promise was broken;
the input of the case then lies in the folder ``.fuzz``.
"""

from __future__ import annotations

import itertools
import os
import random
import secrets
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.fuzz.targets import TARGETS

FOLDER = Path(".fuzz")


def tried(seed: str, name: str, number: int) -> bool:
    """Try a case; say what went wrong, and where its input lies."""
    inputs: list[bytes] = []
    try:
        TARGETS[name][0](random.Random(f"{seed}/{name}/{number}"), inputs.append)
    except Exception:
        traceback.print_exc()
        FOLDER.mkdir(exist_ok=True)
        place = FOLDER / f"{seed}-{name}-{number}"
        place.write_bytes(inputs[-1] if inputs else b"")
        print(f"fuzz: broken. Its input is {place}; SEED={seed} CASE={name}/{number} make fuzz")
        return False
    return True


def main() -> int:
    """Fuzz until the time is up or a promise is broken."""
    seed = os.environ.get("SEED") or secrets.token_hex(4)
    if case := os.environ.get("CASE"):
        name, _, number = case.partition("/")
        return 0 if tried(seed, name, int(number)) else 1
    seconds = float(os.environ.get("SECONDS") or 180)
    print(f"fuzz: SEED={seed}, for {seconds:.0f} seconds", flush=True)
    end = time.monotonic() + seconds
    cases: Counter[str] = Counter()
    for _ in itertools.count():
        for name, (_, times) in TARGETS.items():
            for _ in range(times):
                if time.monotonic() > end:
                    print(
                        "fuzz: all is well after", ", ".join(f"{n} {c}" for n, c in cases.items())
                    )
                    return 0
                if not tried(seed, name, cases[name]):
                    return 1
                cases[name] += 1
    raise AssertionError("time goes on")


if __name__ == "__main__":
    sys.exit(main())
