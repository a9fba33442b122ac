"""Where a value stands in a raw record: ``context.page.url`` (contract §2)."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:[^.\\]|\\[.\\])+")


def parse_path(path: str) -> tuple[str, ...]:
    r"""Return the names on a path into nested objects, from the outermost on.

    A dot that belongs to a name is written ``\.``, and a backslash ``\\``.

    Raises
    ------
    ValueError
        If there is no name before, between or behind dots, or a backslash stands elsewhere.
    """
    names, at = [], 0
    while match := _NAME.match(path, at):
        names.append(re.sub(r"\\(.)", r"\1", match[0]))
        at = match.end()
        if at == len(path):
            return tuple(names)
        if path[at] != ".":
            break
        at += 1
    raise ValueError(
        f"{path!r} is no path to a field: write names with dots between them, such as "
        r"`context.page.url`, and a dot that belongs to a name as `\.`"
    )


def shown_path(names: tuple[str, ...]) -> str:
    """Write names as a path."""
    return ".".join(re.sub(r"([.\\])", r"\\\1", name) for name in names)
