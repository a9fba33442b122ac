"""The page on machine learning runs from top to bottom, and its figures are what comes out."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sessionize.cli import main
from sessionize.model.columns import SESSION_COLUMNS

PAGE = Path(__file__).parents[2] / "docs" / "machine-learning.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FIGURE = re.compile(r"\d+\.\d\d")
#: Another version of scikit-learn, or another processor, may choose between equals otherwise.
TOLERANCE = 0.02


def blocks() -> list[tuple[str, str]]:
    """Return language and text of the page's blocks, in order."""
    return BLOCK.findall(PAGE.read_text())


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Run the page in a folder; return its names, and what it says is printed and what is."""
    names: dict[str, Any] = {}
    printed: list[tuple[str, str]] = []
    with contextlib.chdir(tmp_path_factory.mktemp("page")):
        out = ""
        for language, text in blocks():
            match language:
                case "toml":
                    Path("nitro.toml").write_text(text)
                case "sh":
                    python, _, package, *arguments = text.split()
                    assert (python, package) == ("python", "sessionize")
                    with contextlib.redirect_stdout(io.StringIO()):
                        assert main(arguments) == 0
                case "python":
                    with contextlib.redirect_stdout(io.StringIO()) as stream:
                        exec(compile(text, str(PAGE), "exec"), names)
                    out = stream.getvalue()
                case "text":
                    printed.append((text, out))
    return names, printed


def test_it_prints_what_it_says(ran):
    _, printed = ran
    assert len(printed) == 4
    for said, out in printed:
        assert FIGURE.sub("#", said) == FIGURE.sub("#", out)
        figures = [[float(each) for each in FIGURE.findall(text)] for text in (said, out)]
        assert figures[0] == pytest.approx(figures[1], abs=TOLERANCE)


def test_the_models_beat_their_baselines_and_leaks_inflate_the_scores(ran):
    names, _ = ran
    assert names["most_often"] + 0.1 < names["after_this"]
    assert names["after_this"] - 0.01 < names["fair"] < names["after_this"] + 0.04
    assert names["fair"] + 0.03 < names["leaky"]
    assert abs(names["fair"] - names["elsewhere"]) < 0.04
    assert names["silence"] + 0.1 < names["fair_churn"]
    assert names["fair_churn"] + 0.03 < names["leaky_churn"]
    assert names["in_use"] < names["fair_churn"] - 0.03


def test_a_column_is_known_when_the_page_says(ran):
    """Of sessions over the cut, what stands at the cut is held against what came of them."""
    names, _ = ran
    [first, moment, end] = re.findall(r"^\| (`.*`.*) \| .* \|$", PAGE.read_text(), re.MULTILINE)
    known, growing, last = (
        re.findall("`([a-z_]+)`", row.split(" | ")[0]) for row in (first, moment, end)
    )
    assert sorted([*known, *growing, *last[:1]]) == sorted(c.name for c in SESSION_COLUMNS)

    at_cut = names["split"].train.sessions.set_index("session_id")
    at_cut = at_cut[at_cut["censored"]]
    later = pd.concat([names["sessions"], names["open_sessions"]]).set_index("session_id")
    later = later.loc[at_cut.index]
    assert (later["ended_at"] >= names["cut"]).sum() > 20

    def differs(name: str) -> bool:
        one, other = at_cut[name].astype(object), later[name].astype(object)
        return not one.where(one.notna(), None).equals(other.where(other.notna(), None))

    assert not any(differs(name) for name in known if name != "session_id")
    assert all(differs(name) for name in [*growing, "end_reason"])


def test_the_events_of_machines_that_have_come_back_are_in_no_feature(ran):
    names, _ = ran
    assert names["test"]["silent_s"].min() > 0
    assert names["leaky_test"]["silent_s"].min() < 0
    assert len(names["unmet"].test.sessions)
    machines = [
        {*part.sessions["machine_id"]} for part in (names["unmet"].train, names["unmet"].test)
    ]
    assert not machines[0] & machines[1]
