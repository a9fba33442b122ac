"""``make docs``: write the tables of the documentation anew, from the declared columns."""

from __future__ import annotations

from local.environment import REPOSITORY
from sessionize.model.describe import blocks, rewritten

PAGES = ("README.md", "docs/configuration.md", "docs/daily.md")


def main() -> None:
    """Rewrite the marked blocks of the pages."""
    for page in PAGES:
        path = REPOSITORY / page
        path.write_text(rewritten(path.read_text(), blocks()))


if __name__ == "__main__":
    main()
