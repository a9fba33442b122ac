"""The sums of docs/deploy.md; its commands are run by tests/deploy/test_terraform.py."""

from __future__ import annotations

import re

import pytest

from local.environment import REPOSITORY

PAGE = (REPOSITORY / "docs/deploy.md").read_text()

#: Of each row of the table of costs, how its last column comes from the one before.
SUMS = {
    "Firehose": 1 * 5 * 30 * 0.029,
    "requests of Firehose": 4 * 24 * 30 * 0.005 / 1000,
    "requests of the pipeline": 60 * 24 * 30 * 0.005 / 1000,
    "storage that grows": (0.1 + 0.2) * 30 * 0.023,
    "a query over a month of `sessions`": 100_000 * 100 * 30 / 1e9 * 5 / 1000,
    "a query over a month of `events`, one column of twenty": 3 / 20 * 5 / 1000,
    'SQS, with `trigger = "sqs"`': (2_592_000 / 11 + 4 * 24 * 30 * 3) * 0.40 / 1e6,
    "MWAA, smallest class": 0.49 * 720,
}


def rows() -> dict[str, str]:
    table = PAGE[PAGE.index("| what | arithmetic |") :].partition("\n\n")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return {what: cost for what, _, cost in lines}


def test_every_row_has_its_sum():
    assert rows().keys() == SUMS.keys()


@pytest.mark.parametrize("what", SUMS)
def test_the_sum_is_right(what: str):
    said = re.match(r"\$([\d.]+)", rows()[what])
    assert said is not None
    places = len(said[1].partition(".")[2])
    assert float(said[1]) == pytest.approx(SUMS[what], abs=0.501 * 10**-places)
