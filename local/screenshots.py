"""``make screenshots``: the pictures of the operator's page in the documentation."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

from rich.console import Console
from rich.markup import escape

from local import ailing
from local.browser import running_chromium
from local.environment import PASSWORD, REPOSITORY, USER
from local.errors import LocalError
from local.processes import interruptible
from local.s3 import running_s3
from local.screen import Steps
from local.stack import Stack, running_stack

if TYPE_CHECKING:
    from playwright.sync_api import Browser

_FOLDER = REPOSITORY / "docs" / "images"
_CHARTS = "() => document.querySelectorAll('figure .main-svg').length >= 20"
_SETTLED = "main:not([aria-busy]) > *"


def main() -> int:
    """Make the pictures; return the exit code."""
    console = Console(highlight=False)
    try:
        with interruptible(), tempfile.TemporaryDirectory() as folder, Steps(console) as step:
            _make(Path(folder), step)
    except LocalError as error:
        console.print("\n[bold red]No pictures:[/]", escape(error.fault))
        console.print(error.evidence, style="dim", markup=False)
        return 1
    return 0


def _make(folder: Path, step: Steps) -> None:
    with running_s3(folder, ailing.BUCKET) as server:
        step("Making a lake that is not whole")
        lake = ailing.land_events(server, folder / "pipelines")
        ailing.run_most(lake, server)
        with running_stack(folder / "airflow", folder / "pipelines", s3=server, tell=step) as stack:
            step("Running some hours again, in Airflow")
            ailing.run_again(lake, stack)
            step(f"Taking pictures into {_FOLDER.relative_to(REPOSITORY)}")
            with running_chromium() as browser:
                take(stack, lake, browser, _FOLDER)


def take(stack: Stack, lake: ailing.Ailing, browser: Browser, folder: Path) -> None:
    """Take the pictures of a running Airflow."""
    folder.mkdir(parents=True, exist_ok=True)
    token = token_of(stack.url)
    views = {
        "page-hours": ("light", "/plugin/sessionize", ""),
        "page-find": ("light", "/sessionize/", f"#find?dag={ailing.DAG_ID}"),
        "page-plan": (
            "light",
            "/sessionize/",
            f"#plan?dag={ailing.DAG_ID}&first={lake.gap}&end={lake.gap.next}&later=168",
        ),
        "page-trends": ("dark", "/sessionize/", f"#trends?dag={ailing.DAG_ID}"),
    }
    for name, (scheme, path, view) in views.items():
        context = browser.new_context(
            viewport={"width": 1100, "height": 960 if name == "page-plan" else 680},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        context.set_default_timeout(120_000)
        context.add_cookies([{"name": "_token", "value": token, "url": stack.url}])
        page = context.new_page()
        page.goto(f"{stack.url}{path}{view}")
        frame = page.main_frame
        if path.startswith("/plugin/"):
            found = page.wait_for_selector("iframe")
            frame = (found.content_frame() if found else None) or frame
        frame.wait_for_selector(_SETTLED)
        if name == "page-find":
            frame.fill("input[name=id]", lake.machine)
            frame.click("main form button")
            frame.wait_for_selector("section.session")
        if name == "page-trends":
            frame.wait_for_function(_CHARTS)
        page.screenshot(path=folder / f"{name}.png")
        context.close()


def token_of(url: str) -> str:
    """Log in to Airflow; return what its cookie ``_token`` holds."""
    login = json.dumps({"username": USER, "password": PASSWORD}).encode()
    request = Request(f"{url}/auth/token", login, {"Content-Type": "application/json"})
    with urlopen(request) as answer:
        return str(json.load(answer)["access_token"])


if __name__ == "__main__":
    sys.exit(main())
