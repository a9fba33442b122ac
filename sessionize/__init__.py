"""Exact sessions from raw product events, hour by hour.

The steps of an hour are functions of DataFrames::

    from sessionize import Hour, State, enrich, load_config, read_records, sessionize, validate

    config = load_config("nitro.toml")
    hour, state = Hour.parse("2017-02-04T23"), State.empty()
    landed = read_records([("name", [content])], config.raw_fields, config.landing)
    divided = [validate(records.frame, hour, config, records.kinds) for records in landed]
    events = pd.concat([enrich(part.valid, config) for part in divided])
    run = sessionize(state, events, hour, config.session)  # all of the hour's events at once
    state = run.state

Each is imported when it is asked for: importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sessionize.config import PipelineConfig, SessionRules, load_config, parse_config
    from sessionize.events.enrich import enrich
    from sessionize.events.validate import Validated, validate
    from sessionize.landing import Kind, Records, read_records
    from sessionize.learning.split import Part, TimeSplit, split_by_time
    from sessionize.model.columns import EventColumn, SessionColumn
    from sessionize.model.errors import SessionizeError
    from sessionize.model.hours import Hour
    from sessionize.model.reasons import Reason
    from sessionize.sessions.hour import SessionizedHour, sessionize
    from sessionize.sessions.state import State

__all__ = [
    "EventColumn",
    "Hour",
    "Kind",
    "Part",
    "PipelineConfig",
    "Reason",
    "Records",
    "SessionColumn",
    "SessionRules",
    "SessionizeError",
    "SessionizedHour",
    "State",
    "TimeSplit",
    "Validated",
    "enrich",
    "load_config",
    "parse_config",
    "read_records",
    "sessionize",
    "split_by_time",
    "validate",
]

_MODULES = {
    "sessionize.config": ("PipelineConfig", "SessionRules", "load_config", "parse_config"),
    "sessionize.events.enrich": ("enrich",),
    "sessionize.events.validate": ("Validated", "validate"),
    "sessionize.landing": ("Kind", "Records", "read_records"),
    "sessionize.learning.split": ("Part", "TimeSplit", "split_by_time"),
    "sessionize.model.columns": ("EventColumn", "SessionColumn"),
    "sessionize.model.errors": ("SessionizeError",),
    "sessionize.model.hours": ("Hour",),
    "sessionize.model.reasons": ("Reason",),
    "sessionize.sessions.hour": ("SessionizedHour", "sessionize"),
    "sessionize.sessions.state": ("State",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
