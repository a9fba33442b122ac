"""The values for Airflow's chart: what can be said of them without Helm; rendered, where it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "deploy" / "helm"
FILES = ("values.yaml", "values-celery.yaml")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]

#: The names that the chart's documentation has for version 1.22, of those that are used.
#: What stands below `config` is Airflow's own configuration.
KNOWN = {
    "": {
        *("airflowVersion", "images", "executor", "postgresql", "data", "fernetKeySecretName"),
        *("apiSecretKeySecretName", "jwtSecretName", "config", "securityContexts", "workers"),
        *("triggerer", "apiServer", "dagProcessor", "scheduler", "createUserJob", "redis"),
        "networkPolicies",
    },
    # Since 1.21 what stood below `workers` itself is deprecated.
    "workers": {"celery", "kubernetes"},
    "workers.kubernetes": {"serviceAccount", "resources", "terminationGracePeriodSeconds"},
    "workers.celery": {
        *("serviceAccount", "resources", "terminationGracePeriodSeconds", "replicas"),
        "persistence",
    },
    "images.airflow": {"repository", "tag", "pullPolicy"},
    "createUserJob": {"defaultUser"},
    "securityContexts": {"pod", "containers"},
}


def values(file: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / file).read_text())


def settings(tree: dict[str, Any], above: str = "") -> Iterator[tuple[str, set[str]]]:
    yield above, {*tree}
    for name, below in tree.items():
        if isinstance(below, dict):
            yield from settings(below, f"{above}.{name}" if above else name)


@pytest.mark.parametrize("file", FILES)
def test_the_names_of_settings_are_the_charts(file: str):
    for place, names in settings(values(file)):
        assert names <= KNOWN.get(place, names), place


def test_versions_are_those_of_this_release():
    given = values("values.yaml")
    assert given["images"]["airflow"]["tag"] == PROJECT["version"]
    lock = (REPOSITORY / "requirements.txt").read_text()
    assert re.search(r"^apache-airflow==(\S+)", lock, re.M)[1] == given["airflowVersion"]


def test_whoever_touches_the_lake_has_the_role():
    given, celery = values("values.yaml"), values("values-celery.yaml")
    accounts = [
        given["workers"]["kubernetes"],
        given["triggerer"],
        given["apiServer"],
        celery["workers"]["celery"],
    ]
    roles = {
        account["serviceAccount"]["annotations"]["eks.amazonaws.com/role-arn"]
        for account in accounts
    }
    assert len(roles) == 1
    assert roles.pop().endswith(":role/sessionize-nitro-pipeline")


@pytest.mark.parametrize("file", FILES)
def test_it_holds_no_secret(file: str):
    text = (FOLDER / file).read_text()
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert not re.search(r"password|Key: |secret: |connection: ", code)


@pytest.mark.parametrize("more", [(), ("--values", str(FOLDER / "values-celery.yaml"))])
def test_it_is_rendered(more: tuple[str, ...]):
    chart = os.environ.get("HELM_CHART")
    if not (chart and shutil.which("helm")):
        why = "helm, and HELM_CHART with the folder of the chart, are needed"
        warnings.warn(f"deploy/helm IS NOT RENDERED: {why}", stacklevel=1)
        pytest.skip(why)
    command = ("helm", "template", "t", chart, "--values", str(FOLDER / "values.yaml"), *more)
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {item["kind"] for item in yaml.safe_load_all(done.stdout) if item} >= {"Deployment"}
