"""What the pages name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PAGES = (
    *("README.md", "CONTRIBUTING.md", "SECURITY.md", "docs/configuration.md", "docs/examples.md"),
    "docs/containers.md",
    *("docs/guarantees.md", "docs/machine-learning.md", "docs/new-source.md", "docs/daily.md"),
    *("docs/scale.md", "docs/deploy.md", "docs/operate.md", "docs/analyse.md"),
)

_FOLDERS = "|".join(
    ("sessionize", "tests", "local", "bench", "docs", "examples", "dags", "deploy", "plugins")
)
_PATH = re.compile(rf"`((?:{_FOLDERS})/[\w./-]*)`")
_LINK = re.compile(r"\]\(([^)#:]+)\)")


@pytest.mark.parametrize("page", PAGES)
def test_files_and_folders_that_are_named_are_there(page: str) -> None:
    text = (REPOSITORY / page).read_text()
    named = {REPOSITORY / path for path in _PATH.findall(text)}
    named |= {(REPOSITORY / page).parent / path for path in _LINK.findall(text)}
    assert named
    assert not {str(path.relative_to(REPOSITORY)) for path in named if not path.exists()}
