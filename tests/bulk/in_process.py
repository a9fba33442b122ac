"""The engine without Spark: the same stages, their rows sorted by Python, each task on its own.

What it shuffles, it shuffles: tasks are done in another order than Spark would, and some twice.
"""

from __future__ import annotations

import itertools
import pickle
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

from sessionize.bulk.assembling import AssembledHour, assemble_hours, assembled
from sessionize.bulk.publishing import Placement, place_hour
from sessionize.bulk.reading import read
from sessionize.bulk.rows import ORDER, Row, from_batches, to_batches
from sessionize.bulk.stretch import Stretch
from sessionize.bulk.walking import walk


class InProcess:
    """Works in this process."""

    processors = 2

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)

    def keys_of(self, count: int) -> tuple[int, ...]:
        return tuple(range(7, 7 + count))

    def assembled(self, stretch: Stretch, tasks: int) -> list[AssembledHour]:
        units = range(stretch.shards + len(stretch.batches))
        landed = self._each([[unit] for unit in units], read, stretch)
        settled = self._each(_by_key(landed), walk, stretch)
        done = self._each(_by_key(settled), assemble_hours, stretch)
        of_hour = {row.hour: assembled(row.payload) for row in done}
        assert len(done) == len(of_hour)
        return [of_hour[place] for place in range(len(stretch.hours))]

    def place(self, stretch: Stretch, placements: Sequence[Placement]) -> None:
        for placement in self._random.sample(placements, len(placements)):
            place_hour(_shipped(stretch), _shipped(placement))

    def _each(
        self,
        tasks: Iterable[Sequence[Any]],
        work: Callable[[Iterable[Any], Stretch], Iterator[Row]],
        stretch: Stretch,
    ) -> list[Row]:
        tasks = list(tasks)
        rows: list[Row] = []
        for task in self._random.sample(tasks, len(tasks)):
            made = list(from_batches(to_batches(work(iter(task), _shipped(stretch)))))
            if self._random.random() < 0.2:
                again = list(work(iter(task), _shipped(stretch)))
                assert again == made
            rows += made
        return rows


def _by_key(rows: list[Row]) -> list[list[Row]]:
    in_order = sorted(rows, key=attrgetter(*ORDER))
    return [[*of_key] for _, of_key in itertools.groupby(in_order, attrgetter("key"))]


def _shipped(thing: Any) -> Any:
    """A thing as another process gets it."""
    return pickle.loads(pickle.dumps(thing))
