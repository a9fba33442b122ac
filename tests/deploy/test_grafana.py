"""The dashboard shows what the mapping makes of the metrics that are sent, and nothing else."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from sessionize.airflow.metrics import counters_of, gauges_of
from sessionize.lake.commit import Published
from tests.alerts.looks import at, status

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "sessionize.json").read_text())
MAPPINGS = yaml.safe_load((FOLDER / "statsd_mapping.yml").read_text())["mappings"]
_KINDS = ("_bucket", "_sum", "_count")


def mapped(name: str) -> tuple[str, dict[str, str]] | None:
    """What the exporter makes of a metric: the first mapping that matches counts."""
    for mapping in MAPPINGS:
        pattern = mapping["match"]
        if mapping.get("match_type") != "regex":
            pattern = "^" + re.escape(pattern).replace(r"\*", "([^.]+)") + "$"
        if match := re.search(pattern, name):
            labels = {key: match[int(text[1:])] for key, text in mapping["labels"].items()}
            return mapping["name"], labels
    return None


def sent() -> dict[str, str]:
    """The metrics of an hour, and `c` or `g`."""
    ledger = status(0, reasons={"not_json": 1}).ledger
    assert ledger is not None
    published = Published(replace(ledger, closed_by_reason={"timeout": 1}), True, ())
    kinds = {"c": counters_of(published), "g": gauges_of(published, at(0))}
    return {
        f"airflow.sessionize.nitro.{name}": kind for kind, names in kinds.items() for name in names
    }


def test_every_metric_is_mapped_as_what_it_is_and_none_more():
    names = {}
    for name, kind in sent().items():
        found = mapped(name)
        assert found is not None, name
        names[found[0]] = kind
        assert found[1]["pipeline"] == "nitro"
    assert {name.endswith("_total"): kind for name, kind in names.items()} == {
        True: "c",
        False: "g",
    }
    assert {mapping["name"] for mapping in MAPPINGS} == {*names, "sessionize_stage_seconds"}


def test_the_duration_of_a_task_is_that_of_a_stage():
    assert mapped("airflow.dag.sessionize_nitro.claim.duration") == (
        "sessionize_stage_seconds",
        {"pipeline": "nitro", "stage": "claim"},
    )
    assert mapped("airflow.dag.other.claim.duration") is None


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: panel["title"])
def test_a_panel_asks_for_mapped_metrics_of_the_pipelines_that_are_chosen(panel: dict[str, Any]):
    known = {mapping["name"] for mapping in MAPPINGS}
    assert panel["targets"]
    for target in panel["targets"]:
        asked = re.findall(r"sessionize_\w+", target["expr"])
        assert asked
        bare = {re.sub(f"({'|'.join(_KINDS)})$", "", name) for name in asked}
        assert bare <= known
        assert target["expr"].count('{pipeline=~"$pipeline"}') == len(asked)


def test_panels_do_not_lie_on_one_another():
    cells = []
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        columns = range(place["x"], place["x"] + place["w"])
        cells += itertools.product(columns, range(place["y"], place["y"] + place["h"]))
    assert len({*cells}) == len(cells)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len({*ids}) == len(ids)
