"""From a URL to a pipeline file: the steps of ``python -m sessionize init``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from sessionize.config import parse_config
from sessionize.discovery.browse import find_prefixes
from sessionize.discovery.pipeline_file import (
    default_lake,
    default_name,
    explained,
    pipeline_file,
)
from sessionize.discovery.proposal import Proposal, propose
from sessionize.discovery.sample import read_sample
from sessionize.lake.storage import open_storage
from sessionize.model.errors import ConfigError


@dataclass(frozen=True)
class Initial:
    """A proposed pipeline file, and what it stands on."""

    name: str
    text: str
    explained: str
    proposal: Proposal


def look(raw: str, lake: str | None = None, name: str | None = None) -> Initial:
    """Look at what has landed below a URL, and propose a pipeline file.

    Raises
    ------
    NothingFoundError
        If there is nothing that a pipeline could read.
    StorageError
        If the bucket or folder cannot be reached.
    """
    raw = raw.rstrip("/") if "://" in raw else str(Path(raw).expanduser().resolve())
    if lake is not None and "://" not in lake:
        lake = str(Path(lake).expanduser().resolve())
    storage = open_storage(raw)
    storage.check()
    prefixes = find_prefixes(storage)
    proposal = propose(read_sample(storage, prefixes[0].prefix), prefixes)
    name = name or default_name(raw, prefixes[0].prefix)
    lake = lake or default_lake(raw, name)
    text = pipeline_file(proposal, name=name, raw=raw, lake=lake)
    return Initial(name, text, explained(proposal), proposal)


def checked(text: str, path: Path) -> str:
    """Return the text of a pipeline file as it is, once it is known that it would be accepted.

    Raises
    ------
    ConfigError
        If its settings do not go together: a name or a lake that was given, for instance.
    """
    parse_config(tomllib.loads(text), source=str(path), folder=path.resolve().parent)
    return text


def write_file(path: Path, text: str, *, force: bool) -> None:
    """Write a pipeline file; one that is there stays, unless forced.

    Raises
    ------
    ConfigError
        If there is such a file, it cannot be written, or its settings do not go together.
    """
    text = checked(text, path)
    refuse_existing(path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written ({error.strerror or error})",
            "Give another file with --out.",
        ) from error


def refuse_existing(path: Path, *, force: bool) -> None:
    """Make sure that no file would be overwritten that should not be.

    Raises
    ------
    ConfigError
    """
    if not force and path.exists():
        raise ConfigError(
            f"{path} is there already", "Give another file with --out, or --force to replace it."
        )
