"""One TOML file a pipeline: read once, checked whole."""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import msgspec

from sessionize.config.alerts import NOTIFY_KINDS
from sessionize.config.bulk import ENGINES
from sessionize.config.own_columns import OwnType
from sessionize.config.section import Section
from sessionize.config.settings import PROFILES, PipelineConfig
from sessionize.config.units import Duration, Size
from sessionize.model.columns import Aggregate
from sessionize.model.errors import ConfigError, IntervalError
from sessionize.model.hours import Hour
from sessionize.model.landing_prefix import LandingPrefix

_CHOICES = {
    "aggregate": get_args(Aggregate),
    "engine": ENGINES,
    "kind": NOTIFY_KINDS,
    "profile": PROFILES,
    "type": get_args(OwnType),
}


def load_config(path: str | Path) -> PipelineConfig:
    """Read and check a pipeline file.

    Relative folders in ``raw`` and ``lake`` are taken from the file's own folder.

    Raises
    ------
    ConfigError
        If the file cannot be read or a setting is unknown or wrong; it names the setting.
    """
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: the pipeline file cannot be read ({error})", "Give the path of a TOML file."
        ) from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}", "Mend the line it names.") from error
    return parse_config(document, source=str(path), folder=path.resolve().parent)


def parse_config(
    document: dict[str, Any], *, source: str = "configuration", folder: Path | None = None
) -> PipelineConfig:
    """Check the settings of a pipeline given as the mapping that TOML reads to.

    Raises
    ------
    ConfigError
        If a setting is unknown or wrong; it names the setting and, where it can, the mend.
    """
    _refuse_unknown(document, PipelineConfig, source, "")
    try:
        config = msgspec.convert(
            document, PipelineConfig, dec_hook=_decode, builtin_types=(datetime,)
        )
    except msgspec.ValidationError as error:
        match = re.fullmatch(r"(.*?)(?: - at `\$\.?([^`]*)`)?", str(error), re.DOTALL)
        assert match is not None
        fault, setting = match[1], match[2]
        where = f"setting `{setting}`: " if setting else ""
        if choices := _CHOICES.get(setting.rpartition(".")[2] if setting else ""):
            fault = f"{fault}; write one of {', '.join(choices)}"
        raise ConfigError(
            f"{source}: {where}{fault}", "docs/configuration.md describes every setting."
        ) from None
    if folder is not None:
        config = msgspec.structs.replace(
            config, raw=_anchored(config.raw, folder), lake=_anchored(config.lake, folder)
        )
    if _anchored(config.raw, Path()) == _anchored(config.lake, Path()):
        raise ConfigError(
            f"{source}: `raw` and `lake` are the same place, {config.lake}",
            "Give the lake a prefix or folder of its own.",
        )
    inside = _anchored(config.lake, Path()).removeprefix(f"{_anchored(config.raw, Path())}/")
    if inside != _anchored(config.lake, Path()) and config.landing.prefix.may_hold(inside):
        raise ConfigError(
            f"{source}: `lake` lies in {config.raw}/{inside}, where raw objects land",
            "Give the lake a prefix or folder beside `raw`: its files would be claimed as data.",
        )
    return config


def _anchored(url: str, folder: Path) -> str:
    if "://" in url:
        return url.rstrip("/")
    return os.path.normpath(folder / Path(url).expanduser())


def _refuse_unknown(
    table: dict[str, Any], section: type[Section], source: str, prefix: str
) -> None:
    known = {field.name: field.type for field in msgspec.structs.fields(section)}
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            raise ConfigError(
                f"{source}: there is no setting `{prefix}{key}`",
                f"Did you mean `{prefix}{near[0]}`?"
                if near
                else f"The settings here are: {', '.join(known)}.",
            )
        inner = known[key]
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, Section):
            _refuse_unknown(value, inner, source, f"{prefix}{key}.")


def _decode(kind: type, value: object) -> object:
    if kind is Duration:
        return Duration.parse(value)
    if kind is Size:
        return Size.parse(value)
    if kind is Hour:
        return _decode_hour(value)
    if kind is LandingPrefix:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a prefix: write it as a text")
        return LandingPrefix(value)
    if isinstance(value, str):  # what is left is a pattern
        try:
            return re.compile(value, re.ASCII)
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression: {error}") from None
    raise ValueError(f"{value!r} is not a regular expression: write it as a text")


def _decode_hour(value: object) -> Hour:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError(
            f"{value} is not a time in UTC: write it without quotes and with a Z, such as "
            "2017-02-04T22:00:00Z"
        )
    try:
        return Hour(value.astimezone(UTC))
    except IntervalError as error:
        raise ValueError(str(error)) from None
