"""Everything that can be wrong with a record (the data contract's reasons for quarantine)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

_Event = dict[str, Any]


def _without(field: str) -> Callable[[_Event], _Event]:
    return lambda event: {name: value for name, value in event.items() if name != field}


def _with(**fields: object) -> Callable[[_Event], _Event]:
    return lambda event: event | fields


def _broken_json(event: _Event) -> bytes:
    text = json.dumps(event).encode()
    return text[: len(text) * 2 // 3]


def _not_text(event: _Event) -> bytes:
    return json.dumps(event | {"language": "?"}).encode().replace(b'"?"', b'"\xff\xfe"')


#: What turns a good event into a bad record, by the name of the fault.
INVALID: dict[str, Callable[[_Event], _Event | bytes]] = {
    "missing_timestamp": _without("timestamp"),
    "missing_action": _without("action"),
    "missing_inst_id": _without("inst_id"),
    "missing_build_id": _without("build_id"),
    "missing_trialstate": lambda event: _without("trialstate")(event) | {"action": "proedit"},
    "bad_timestamp": _with(timestamp="yesterday"),
    "bad_action": _with(action="updaterchecked"),
    "bad_inst_id": _with(inst_id="4fgh0000aaaa"),
    "bad_build_id": _with(build_id="11.0.0.1"),
    "bad_trialstate": _with(action="proedit", trialstate="Borrowed"),
    "in_the_future": _with(timestamp=datetime(2100, 1, 1, tzinfo=UTC).isoformat()),
    "too_old": _with(timestamp=1_000_000_000),
    "broken_json": _broken_json,
    "not_text": _not_text,
    "not_an_object": lambda event: json.dumps([event["inst_id"], event["action"]]).encode(),
}
