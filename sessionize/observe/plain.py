"""Values of the lake as plain ones: fit for JSON, and safe to print."""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime
from typing import Any

from sessionize.observe.views import MOST_TEXT

#: How `landing.records.raw_text` begins what is no UTF-8; `events.validate` ends its detail so.
_BASE64, _IS_BASE64 = "base64:", "(raw is base64)"
#: Blank characters that are shown as they are.
_BLANK = "\n\t"


def instant(time: datetime) -> str:
    """Write an aware instant in ISO 8601, in UTC, with microseconds only where there are some."""
    return time.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def plain(value: Any) -> Any:
    """Return a value of a column as JSON has it: instants, and numbers that are none, as texts."""
    if isinstance(value, datetime):
        return instant(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def printable(text: str, most: int = MOST_TEXT) -> str:
    r"""Return the beginning of a text, with escapes (``\x1b``) for what cannot be printed.

    Among them marks that turn the direction of writing: what is shown is what is there.
    """
    beginning = text[:most]
    if beginning.isprintable():
        return beginning
    return "".join(it if it.isprintable() or it in _BLANK else _escaped(it) for it in beginning)


def raw_shown(raw: str, detail: str) -> tuple[str, int, bool]:
    """Return a refused record to be shown, its whole length, and whether it is no UTF-8.

    Its length is that in characters; in bytes, where it is no UTF-8.
    """
    encoded = raw.removeprefix(_BASE64)
    if detail.endswith(_IS_BASE64) and encoded != raw:
        # Four characters are three bytes, and as many are shown at most.
        content = base64.b64decode(encoded[: 4 * MOST_TEXT])
        length = len(encoded) // 4 * 3 - encoded[-2:].count("=")
        return printable(content.decode(errors="backslashreplace")), length, True
    return printable(raw), len(raw), False


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode()
