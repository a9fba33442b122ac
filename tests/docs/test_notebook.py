"""The notebook runs from top to bottom; it checks itself that hours and one pass agree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebook.ipynb"


def cells(kind: str) -> list[dict[str, Any]]:
    document = json.loads(NOTEBOOK.read_text())
    assert document["nbformat"] == 4
    return [cell for cell in document["cells"] if cell["cell_type"] == kind]


def test_its_cells_run_one_after_the_other(capsys):
    names: dict[str, Any] = {}
    for cell in cells("code"):
        exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    assert capsys.readouterr().out.splitlines() == [
        "2017-02-04T22: 0 closed, 2 open, 0 late",
        "2017-02-04T23: 0 closed, 2 open, 0 late",
        "2017-02-05T00: 2 closed, 2 open, 0 late",
    ]
    assert names["quarantine"]["reason"].tolist() == ["bad_action"]
    reasons = names["at_once"]["end_reason"].dropna().tolist()
    assert sorted(reasons) == ["opening_event", "timeout"]


def test_it_is_kept_without_results():
    for cell in cells("code"):
        assert (cell["outputs"], cell["execution_count"]) == ([], None)
