"""The pipeline file: its settings, what they may be, and which of them change what is published."""

from sessionize.config.file import load_config, parse_config
from sessionize.config.settings import (
    MAX_BATCHES,
    MAX_SHARDS,
    AirflowSettings,
    FieldNames,
    Fix,
    Landing,
    Limits,
    PipelineConfig,
    Product,
    Run,
    SessionRules,
    ValidRules,
)

__all__ = [
    "MAX_BATCHES",
    "MAX_SHARDS",
    "AirflowSettings",
    "FieldNames",
    "Fix",
    "Landing",
    "Limits",
    "PipelineConfig",
    "Product",
    "Run",
    "SessionRules",
    "ValidRules",
    "load_config",
    "parse_config",
]
