"""How much text a reading passes, counted: time would hang on what else the machine does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from unittest import mock

from sessionize.landing import read_records, reader
from sessionize.landing.batch import Batch
from sessionize.landing.json import framing, scan
from sessionize.landing.json.framing import Framer
from sessionize.landing.json.scan import Scan
from sessionize.landing.json.strict import StrictScan, Taken
from sessionize.landing.json.window import Window
from sessionize.model.columns import DEFAULT_FIELDS
from tests.landing.reading import landing

_PATTERNS = {
    framing: ("match_between", "_find_landmark", "_match_indent", "_match_json_scalar"),
    scan: (
        "_match_members",
        "_match_items",
        "_match_space",
        "_match_string_body",
        "_match_word",
    ),
}


class Work:
    """The bytes that every step of reading has passed, or copied, and its calls."""

    def __init__(self) -> None:
        self.bytes = 0
        self.calls = 0
        self._is_counted = True

    def note(self, size: int) -> None:
        if self._is_counted:
            self.bytes += size
            self.calls += 1

    def of_pattern(self, match: Callable[..., re.Match[bytes] | None]) -> Callable[..., Any]:
        def counted(text: bytes, at: int = 0, *end: int) -> re.Match[bytes] | None:
            found = match(text, at, *end)
            self.note((found.end() if found else len(text)) - at)
            return found

        return counted

    def of_scan(self, taken: Taken, text: bytes, at: int) -> None:
        """Count what the compiled scan has passed: its records, and the one that it has left.

        Of that it passes no more than the other scan, which takes it for a record if it can.
        """
        self.note(taken.at - at)
        if text[taken.at : taken.at + 1] in (b"{", b"["):
            self._is_counted = False
            other = Scan(taken.at)
            other.resume(text)
            self._is_counted = True
            self.note(other.at - taken.at)


def work_of(objects: Iterable[tuple[str, list[bytes]]], **options: int) -> Work:
    """Read objects, and count."""
    work = Work()

    def wrapped(function: Callable[..., Any], size: Callable[..., int]) -> Callable[..., Any]:
        def counted(*arguments: Any) -> Any:
            before = size(*arguments)
            done = function(*arguments)
            work.note(before)
            return done

        return counted

    def take(self: StrictScan, text: bytes, at: int, limit: int, base: int) -> Taken:
        taken = original_take(self, text, at, limit, base)
        work.of_scan(taken, text, at)
        return taken

    def last_before(self: Framer, place: int) -> int:
        found = original_last_before(self, place)
        work.note(place - found)
        return found

    original_take, original_last_before = StrictScan.take, Framer._last_before
    patches = [
        mock.patch.object(module, name, work.of_pattern(getattr(module, name)))
        for module, names in _PATTERNS.items()
        for name in names
    ]
    patches += [
        mock.patch.object(StrictScan, "take", take),
        mock.patch.object(Framer, "_last_before", last_before),
        mock.patch.object(reader, "parse", wrapped(reader.parse, len)),
        mock.patch.object(framing, "is_object", wrapped(framing.is_object, len)),
        mock.patch.object(
            Window, "drop", wrapped(Window.drop, lambda window, size: len(window.data) - size)
        ),
        mock.patch.object(Window, "more", wrapped(Window.more, lambda window: len(window.data))),
        mock.patch.object(Batch, "keep", wrapped(Batch.keep, lambda batch, text, at: at)),
    ]
    for patch in patches:
        patch.start()
    try:
        for _ in read_records(objects, DEFAULT_FIELDS, landing(), **options):
            work.note(0)
    finally:
        for patch in patches:
            patch.stop()
    return work
