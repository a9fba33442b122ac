"""A headless Chromium: the page is tried, and its screenshots are made, with it."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

from local.errors import LocalError

if TYPE_CHECKING:
    from playwright.sync_api import Browser

#: That of the system's packages: playwright's own would be downloaded.
CHROMIUM = "chromium"
_ARGUMENTS = [
    "--no-sandbox",  # as root, in a container, there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextlib.contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run a browser.

    Raises
    ------
    LocalError
        If there is no Chromium.
    """
    from playwright.sync_api import sync_playwright

    found = shutil.which(CHROMIUM)
    if found is None:
        raise LocalError(f"there is no {CHROMIUM} here; Debian, Ubuntu: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()
