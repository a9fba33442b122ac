"""Settings that name nothing: fields that no record has."""

from __future__ import annotations

from sessionize.config import PipelineConfig
from sessionize.config.settings import FieldNames
from sessionize.landing.records import Kind, Records
from sessionize.model.columns import DEFAULT_FIELDS

#: So many records must have been read before a field counts as absent.
ENOUGH = 1000


def declared_fields(config: PipelineConfig) -> dict[str, str]:
    """Return the paths that the file names, by `EventColumn.key`, and those that must be there."""
    defaults = FieldNames()
    own = {column.key for column in config.event_columns if column.is_own}
    needed = {"timestamp", "action", "inst_id" if config.profile == "desktop" else "machine_id"}
    return {
        key: path
        for key, path in config.raw_fields.items()
        if key in own
        or key in needed
        or key not in DEFAULT_FIELDS
        or getattr(config.fields, key) != getattr(defaults, key)
    }


def setting_of(key: str) -> str:
    """Name the setting from which a field has its path."""
    return f"[[column]] {key.partition('.')[2]}" if "." in key else f"[fields] {key}"


class AbsentFields:
    """Tells which of the declared fields no record has had so far.

    Attributes
    ----------
    records : int
        How many readable records have been looked at.
    """

    def __init__(self, config: PipelineConfig) -> None:
        self.records = 0
        self._absent = declared_fields(config)

    def add(self, records: Records) -> None:
        """Look at the records of a frame."""
        self.records += int(records.frame["reason"].isna().sum())
        self._absent = {
            key: path
            for key, path in self._absent.items()
            if not (records.kinds[key] != Kind.ABSENT).to_numpy().any()
        }

    @property
    def warnings(self) -> list[str]:
        """A sentence for each field that is absent."""
        return [
            f"{setting_of(key)} names `{path}`, which none of the first {self.records:,} records "
            "has: mend the path, or take it out"
            for key, path in self._absent.items()
        ]
