"""The map of the code has every module, and imports go by it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
PACKAGE = REPOSITORY / "sessionize"
ROW = re.compile(r"^\| (.*?) ?\| (`.*`) \| .* \|$", re.MULTILINE)


def mapped() -> list[str]:
    """The modules of the map, as `sessionize.model.errors`, in its order."""
    text = (REPOSITORY / "CONTRIBUTING.md").read_text()
    text = text[text.index("| package |") : text.index("## Rules")]
    modules, package = [], ""
    for cell, names in ROW.findall(text):
        if cell:
            path = cell.split("`")[1].removeprefix("sessionize").replace("/", ".")
            package = f"sessionize.{path}" if path else "sessionize"
        modules += [f"{package}.{name}" for name in re.findall("`([a-z_0-9]+)`", names)]
    return modules


def path_of(module: str) -> Path:
    return (REPOSITORY / module.replace(".", "/")).with_suffix(".py")


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(REPOSITORY).with_suffix("").parts)


def imported(path: Path) -> Iterator[str]:
    """The modules, and packages as such, that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sessionize."):
            assert node.module is not None
            for alias in node.names:
                name = f"{node.module}.{alias.name}"
                yield name if path_of(name).exists() else node.module


def test_it_has_every_module_once():
    paths = [path for path in PACKAGE.rglob("*.py") if not path.stem.startswith("_")]
    assert sorted(mapped()) == sorted(map(module_of, paths))


def test_a_module_imports_only_what_stands_above_it():
    above: set[str] = set()
    for module in mapped():
        packages = {name.rpartition(".")[0] for name in above}
        found = set(imported(path_of(module)))
        assert not {name for name in found if name not in above | packages}, module
        above.add(module)
