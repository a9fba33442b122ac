"""The smallest pipeline file, as the mapping that TOML reads to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sessionize.config import PipelineConfig, parse_config

START = datetime(2017, 2, 4, 22, tzinfo=UTC)


def document(**settings: Any) -> dict[str, Any]:
    """The mapping of a minimal pipeline file, and the given settings."""
    required = {"name": "nitro", "raw": "s3://e/raw", "lake": "s3://e/lake", "start": START}
    return required | settings


def configured(**settings: Any) -> PipelineConfig:
    return parse_config(document(**settings))
