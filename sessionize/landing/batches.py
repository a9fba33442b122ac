"""The interface before `read_records`, until nothing uses it any more."""

# ruff: noqa: D101, D102, D103
# mypy: disable-error-code="valid-type,attr-defined"

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sessionize.config import FieldNames, Landing
from sessionize.landing.reader import BATCH_BYTES, read_records
from sessionize.landing.records import Problem, raw_bytes
from sessionize.model.frames import text
from sessionize.model.reasons import Reason


@dataclass(frozen=True, eq=False)
class RawColumn:
    kind: npt.NDArray[np.uint8]
    text: pa.Array

    def take(self, rows: npt.NDArray[np.int64]) -> pa.Array:
        return self.text.take(pa.array(rows))


@dataclass(frozen=True, eq=False)
class RawBatch:
    first_position: int
    columns: dict[str, RawColumn]
    extended: pa.StringArray
    problems: dict[int, Problem]
    raw: pd.Series

    def __len__(self) -> int:
        return len(self.raw)

    def raw_bytes(self, rows: npt.NDArray[np.int64]) -> list[bytes]:
        return raw_bytes(self.raw.iloc[rows])


def read_batches(
    chunks: Iterable[bytes], fields: FieldNames, landing: Landing, batch_bytes: int = BATCH_BYTES
) -> Iterator[RawBatch]:
    names = fields.by_column()
    for records in read_records([("", chunks)], names, landing, batch_bytes=batch_bytes):
        frame = records.frame
        bad = frame[frame["reason"].notna()]
        problems = zip(bad.index, bad["reason"], bad["detail"], strict=True)
        yield RawBatch(
            int(frame["position"].iloc[0]),
            {
                name: RawColumn(records.kinds[name].to_numpy(), text(frame[name]).combine_chunks())
                for name in names
            },
            text(frame["extended"]).combine_chunks(),
            {row: Problem(Reason(reason), detail) for row, reason, detail in problems},
            frame["raw"],
        )
