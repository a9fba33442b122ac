"""A short name for the settings that can change what a run publishes."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

#: Where the data lies, when hours end, how the work is cut, what is too much, how Airflow runs
#: it, where a history is run and who is told change nothing published. Whatever is not named here
#: counts.
_NOT_COUNTED = ("name", "raw", "lake", "end", "limits", "run", "airflow", "alerts", "bulk")


def fingerprint(config: msgspec.Struct) -> str:
    """Hash the settings of a `PipelineConfig` that count and are not at their default.

    A release that adds a setting changes no pipeline's fingerprint by it.
    """
    changed = {name: value for name, value in _changes(config).items() if name not in _NOT_COUNTED}
    return hashlib.sha256(msgspec.json.encode(changed, enc_hook=_plain)).hexdigest()[:16]


def _changes(section: msgspec.Struct) -> dict[str, Any]:
    """Return what a section, or a section inside it, sets otherwise than by default."""
    changes = {}
    for field in msgspec.structs.fields(section):
        value = getattr(section, field.name)
        if field.default is not msgspec.NODEFAULT and value == field.default:
            continue
        changes[field.name] = _changes(value) if _is_section(value, field.default) else value
    return changes


def _is_section(value: object, default: object) -> bool:
    return isinstance(value, msgspec.Struct) and isinstance(default, msgspec.Struct)


def _plain(value: object) -> str:
    return value.pattern if isinstance(value, re.Pattern) else str(value)
