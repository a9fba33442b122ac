"""Why a record is refused, in words: the rule behind each reason, as of the settings in force."""

from __future__ import annotations

from collections.abc import Callable

from sessionize.config.settings import PipelineConfig
from sessionize.config.units import as_written
from sessionize.model.columns import EventColumn
from sessionize.model.reasons import Reason

_NOT_HERE = "A rule of the desktop profile, which this pipeline does not have now."
_UNKNOWN = "A reason that this release does not know."


def rule_of(reason: str, config: PipelineConfig) -> str:
    """Return the rule that a record with this reason breaks.

    Parameters
    ----------
    reason : str
        A `Reason`, or one that another release has written.
    config : PipelineConfig
        The settings that the rule is told from; an hour may have been run under others.
    """
    return _RULES[Reason(reason)](config) if reason in {*Reason} else _UNKNOWN


def _is_plain(config: PipelineConfig) -> bool:
    return bool(config.profile == "none")


def _missing_field(config: PipelineConfig) -> str:
    built_in = (
        ("timestamp", "action", "machine_id")
        if _is_plain(config)
        else ("timestamp", "action", "inst_id", *config.valid.required)
    )
    own = (column.key for column in _required(config))
    fields = dict.fromkeys(config.raw_fields[name] for name in (*built_in, *own))
    return f"Each of these fields must be there, and not null: {_listed(fields)}."


def _bad_timestamp(config: PipelineConfig) -> str:
    return (
        f"`{config.raw_fields['timestamp']}` must be seconds, milliseconds, microseconds or "
        "nanoseconds since 1970 (a number, or a text of one), or an ISO 8601 time."
    )


def _bad_action(config: PipelineConfig) -> str:
    field = config.raw_fields["action"]
    if _is_plain(config):
        return f"`{field}` must be a text that is not empty, or a number."
    products = (f"`{it.action.pattern}` ({it.name})" for it in config.product)
    return f"`{field}` must be a text that begins with one of {', '.join(products)}."


def _bad_inst_id(config: PipelineConfig) -> str:
    return _matches(config, "inst_id", config.valid.inst_id.pattern)


def _bad_build_id(config: PipelineConfig) -> str:
    return _matches(config, "build_id", config.valid.build_id.pattern)


def _matches(config: PipelineConfig, name: str, pattern: str) -> str:
    if _is_plain(config):
        return _NOT_HERE
    return f"`{config.raw_fields[name]}` must be a text that matches `{pattern}` as a whole."


def _bad_trialstate(config: PipelineConfig) -> str:
    states = [
        f"of {it.name}: {', '.join(f'`{state}`' for state in it.trialstate)}"
        for it in config.product
        if it.trialstate
    ]
    if _is_plain(config) or not states:
        return _NOT_HERE
    return (
        f"`{config.raw_fields['trialstate']}` must be what the action's product asks for "
        f"({'; '.join(states)})."
    )


def _bad_value(config: PipelineConfig) -> str:
    rules = [
        f"`{column.field}` must fit the column `{column.name}`: {_kind(column)}"
        for column in _required(config)
    ]
    if _is_plain(config):
        rules.insert(
            0, f"`{config.raw_fields['machine_id']}` must be a text that is not empty, or a number"
        )
    return "; ".join(rules) + "." if rules else "A column that this pipeline does not have now."


def _kind(column: EventColumn) -> str:
    pattern = f" that matches `{column.pattern.pattern}` as a whole" if column.pattern else ""
    return f"{column.type}{pattern}"


def _too_old(config: PipelineConfig) -> str:
    age = as_written(config.session.max_event_age)
    return (
        f"An event may be at most {age} (`max_event_age`) older than the start of the run's hour."
    )


def _in_the_future(config: PipelineConfig) -> str:
    skew = as_written(config.session.max_clock_skew)
    return f"An event may be at most {skew} (`max_clock_skew`) after the end of the run's hour."


def _required(config: PipelineConfig) -> list[EventColumn]:
    return [column for column in config.event_columns if column.required]


def _listed(fields: dict[str, None]) -> str:
    return ", ".join(f"`{field}`" for field in fields)


_RULES: dict[Reason, Callable[[PipelineConfig], str]] = {
    Reason.DAMAGED_OBJECT: lambda _: (
        "An object must be whole: what stands before the damage is used, and this is the rest."
    ),
    Reason.OBJECT_TOO_LARGE: lambda config: (
        f"An object's text may have at most {int(config.landing.max_object_size):,} bytes "
        "(`max_object_size`); what stands behind them is not read."
    ),
    Reason.TOO_MANY_RECORDS: lambda config: (
        f"An object may have at most {config.landing.max_object_records:,} records "
        "(`max_object_records`); the rest of it is this one."
    ),
    Reason.RECORD_TOO_LARGE: lambda config: (
        f"A record may have at most {int(config.landing.max_record_size):,} bytes "
        "(`max_record_size`); it is cut to this."
    ),
    Reason.NOT_TEXT: lambda _: "A record must be UTF-8.",
    Reason.NOT_JSON: lambda _: "A record must be JSON (RFC 8259), not nested too deep.",
    Reason.NOT_AN_OBJECT: lambda _: "A record must be a JSON object: `{…}`.",
    Reason.MISSING_FIELD: _missing_field,
    Reason.BAD_TIMESTAMP: _bad_timestamp,
    Reason.BAD_ACTION: _bad_action,
    Reason.BAD_INST_ID: _bad_inst_id,
    Reason.BAD_BUILD_ID: _bad_build_id,
    Reason.BAD_TRIALSTATE: _bad_trialstate,
    Reason.BAD_VALUE: _bad_value,
    Reason.TOO_OLD: _too_old,
    Reason.IN_THE_FUTURE: _in_the_future,
}
