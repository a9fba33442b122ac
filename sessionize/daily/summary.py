"""The summary of a day: counted part by part, each of other machines; then medians over all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pandas.arrays import ArrowExtensionArray

from sessionize.events.enrich import version_of
from sessionize.model.columns import SUMMARY_COLUMNS
from sessionize.model.frames import as_categorical, map_values

#: Scope, product and version of a row.
_Key = tuple[str, str | None, str | None]
_TOTAL: _Key = ("total", None, None)
_PARTS_OF_VERSION = 2


@dataclass
class _Count:
    """What a row of the summary counts, and the durations that its quantiles are of."""

    sessions: int = 0
    machines: int = 0
    new_machines: int = 0
    events: int = 0
    durations: list[npt.NDArray[np.float64]] = field(default_factory=list)


class Tally:
    """A summary under way; 16 bytes a session are kept until it is asked for.

    Parameters
    ----------
    by_version : bool
        Whether there are rows of products and versions; sessions have both then.
    """

    def __init__(self, *, by_version: bool) -> None:
        self._counts: dict[_Key, _Count] = {_TOTAL: _Count()}
        self._by_version = by_version

    def add(self, sessions: pd.DataFrame) -> None:
        """Count sessions in.

        Parameters
        ----------
        sessions : DataFrame
            The columns of ``daily_sessions``, by machine: all of a machine's sessions of the day.
        """
        machine = _runs(sessions["machine_id"])
        number = sessions["session_number"].to_numpy()
        is_new = np.zeros(machine[-1] + 1 if len(machine) else 0, np.bool_)
        is_new[machine[number == 1]] = True
        events = sessions["event_count"].to_numpy(np.int64)
        durations = sessions["duration_s"].to_numpy(np.float64)
        parts = [(_TOTAL, np.arange(len(sessions)))]
        if self._by_version:
            parts += _versions(sessions)
        for key, rows in parts:
            count = self._counts.setdefault(key, _Count())
            machines = np.unique(machine[rows])
            count.sessions += len(rows)
            count.machines += len(machines)
            count.new_machines += int(is_new[machines].sum())
            count.events += int(events[rows].sum())
            count.durations.append(durations[rows])

    def summary(self) -> pd.DataFrame:
        """Return the columns of ``daily_summary``: the total, then by product and version.

        Quantiles are exact, by linear interpolation between the two nearest sessions, as
        ``quantile_cont`` of SQL has them.
        """
        keys = sorted(self._counts, key=lambda key: [(text is None, text or "") for text in key])
        rows = [self._row(key) for key in keys]
        columns = {
            column.name: _column(column.type, [row[column.name] for row in rows])
            for column in SUMMARY_COLUMNS
            if self._by_version or not column.of_profile
        }
        return pd.DataFrame(columns)

    def _row(self, key: _Key) -> dict[str, object]:
        count = self._counts[key]
        durations = np.concatenate([np.zeros(0), *count.durations])
        median, p95 = np.quantile(durations, [0.5, 0.95]) if len(durations) else (np.nan, np.nan)
        return {
            **dict(zip(("scope", "product", "minor_version"), key, strict=True)),
            "sessions": count.sessions,
            "machines": count.machines,
            "new_machines": count.new_machines,
            "returning_machines": count.machines - count.new_machines,
            "events": count.events,
            "median_duration_s": median,
            "p95_duration_s": p95,
            "events_per_session": count.events / count.sessions if count.sessions else np.nan,
        }


def _runs(machine_ids: pd.Series) -> npt.NDArray[np.int64]:
    """Return the number of each row's machine, from 0; rows stand by machine."""
    codes = as_categorical(machine_ids).cat.codes.to_numpy()
    return np.cumsum(np.append(0, codes[1:] != codes[:-1])[: len(codes)])


def _versions(sessions: pd.DataFrame) -> Iterator[tuple[_Key, npt.NDArray[np.int64]]]:
    """Yield product and version, and the rows that have them."""
    product = as_categorical(sessions["product"]).cat
    version = map_values(sessions["build_id"], version_of(_PARTS_OF_VERSION)).cat
    products, versions = [*product.categories, None], [*version.categories, None]
    # The code of a null is -1: the last of each list.
    code = (product.codes.to_numpy(np.int64) % len(products)) * len(versions)
    code += version.codes.to_numpy(np.int64) % len(versions)
    order = np.argsort(code, kind="stable")
    begins = np.flatnonzero(np.append(True, np.diff(code[order]) != 0)[: len(order)])
    for rows in np.split(order, begins[1:]) if len(order) else ():
        of_product, of_version = divmod(int(code[rows[0]]), len(versions))
        yield ("version", products[of_product], versions[of_version]), rows


def _column(kind: str, values: list[object]) -> object:
    if kind == "string":
        return ArrowExtensionArray(pa.array(values, pa.string()))
    return np.array(values, np.int64 if kind == "int64" else np.float64)
