"""The page in a real browser, inside a real Airflow, on a lake that is not whole."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local import ailing
from local.ailing import DAG_ID, Ailing
from local.browser import CHROMIUM, running_chromium
from local.s3 import running_s3
from local.screenshots import token_of
from local.stack import Stack, running_stack
from sessionize.model.hours import Hour

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which(CHROMIUM) is None,
        reason=f"THE PAGE IS NOT TRIED: there is no {CHROMIUM} here (apt-get install chromium)",
    ),
]

_PATIENCE_MS = 120_000  # on a machine that is busy with other work
#: Chromium drops all requests when some other program brings a network interface up or down.
_OF_THE_MACHINE = "net::ERR_NETWORK_CHANGED"
_WIDTHS = {"desktop": (1280, 900), "phone": (360, 740)}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Ailing]]:
    folder = tmp_path_factory.mktemp("page")
    with running_s3(folder, ailing.BUCKET) as server:
        lake = ailing.land_events(server, folder / "pipelines")
        ailing.run_most(lake, server)
        with running_stack(folder / "airflow", folder / "pipelines", s3=server) as stack:
            ailing.run_again(lake, stack)
            yield stack, lake


@pytest.fixture(scope="module")
def lake(stack: tuple[Stack, Ailing]) -> Ailing:
    return stack[1]


@pytest.fixture(scope="module")
def browser(stack: tuple[Stack, Ailing]) -> Iterator[sync_api.Browser]:
    with running_chromium() as browser:
        yield browser


@dataclass
class Visit:
    """A browser's page on Airflow, and what has gone wrong on it."""

    page: sync_api.Page
    url: str
    faults: list[str] = field(default_factory=list)

    @property
    def frame(self) -> sync_api.Frame:
        """Our page, in Airflow's frame or by itself."""
        if "/sessionize/" in self.page.url.split("/plugin/")[0]:
            return self.page.main_frame
        element = self.page.wait_for_selector("iframe[src*='sessionize/']")
        frame = element.content_frame()
        assert frame is not None
        return frame

    def open(self, path: str) -> sync_api.Frame:
        self.page.goto(self.url + path)
        return self.settle()

    def settle(self) -> sync_api.Frame:
        """Wait until a view is shown."""
        frame = self.frame
        frame.wait_for_selector("main:not([aria-busy]) > *")
        return frame

    def click(self, selector: str) -> sync_api.Frame:
        frame = self.frame
        before = frame.evaluate("location.hash")
        frame.click(selector)
        frame.wait_for_function("before => location.hash !== before", arg=before)
        return self.settle()

    def check(self) -> None:
        """Look for what is amiss with the view that is shown."""
        frame = self.frame
        wide = frame.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{frame.url} is {wide} pixels too wide"
        serious = [
            f"{violation['id']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in axe.Axe().run(frame).response["violations"]
            if violation["impact"] in ("serious", "critical")
            for node in violation["nodes"]
        ]
        assert not serious, f"{frame.url}: " + "\n".join(serious)
        assert frame.evaluate("window.hostile") is None


@pytest.fixture
def visit(request, stack: tuple[Stack, Ailing], browser: sync_api.Browser) -> Iterator[Visit]:
    """A logged-in visit; parametrised with a width and a colour scheme."""
    width, scheme = getattr(request, "param", ("desktop", "light"))
    running, _ = stack
    wide, high = _WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, color_scheme=scheme)
    context.set_default_timeout(_PATIENCE_MS)
    context.add_cookies([{"name": "_token", "value": token_of(running.url), "url": running.url}])
    found = Visit(context.new_page(), running.url)
    page = found.page
    page.on("pageerror", lambda error: found.faults.append(f"error: {error}"))
    page.on(
        "console",
        lambda said: (
            said.type == "error"
            and _OF_THE_MACHINE not in said.text
            and found.faults.append(f"console: {said.text}")
        ),
    )
    page.on(
        "request",
        lambda asked: (
            asked.url.startswith((running.url, "data:", "blob:", "about:"))
            or found.faults.append(f"request: {asked.url}")
        ),
    )
    yield found
    context.close()
    assert not found.faults


def cell(hour: Hour) -> str:
    return f"[data-hour='{hour}']"


every_look = pytest.mark.parametrize(
    "visit", [("desktop", "light"), ("desktop", "dark"), ("phone", "light")], indirect=True
)


@every_look
def test_hours_and_their_ledgers(visit: Visit, lake: Ailing):
    frame = visit.open("/plugin/sessionize")
    states = {
        lake.gap: "missing",
        lake.again[0]: "done",
        lake.again[-1].next: "outdated",
        lake.interrupted: "interrupted",
        lake.hours[-1]: "waiting",
    }
    for hour, state in states.items():
        label = frame.get_attribute(cell(hour), "aria-label") or ""
        assert label.startswith(f"{hour}: {state}"), label
    assert "chain of state is broken" in (
        frame.get_attribute(cell(lake.again[-1].next), "aria-label") or ""
    )
    assert f"-s {lake.gap}:00 -e {lake.gap}:00" in frame.inner_text("main")
    visit.check()
    frame = visit.click(cell(lake.again[0]))
    text = frame.inner_text("main")
    assert "Records read" in text
    assert "publish" in text
    assert "nitro-events-1" in text
    visit.check()
    frame = visit.click(f"text={lake.again[0].next} →")
    assert str(lake.again[0].next) in frame.inner_text("h2")
    visit.click("text=all hours")
    frame = visit.click(cell(lake.gap))
    assert "missing" in frame.inner_text("h2")
    visit.check()


@every_look
def test_trends(visit: Visit):
    visit.open("/plugin/sessionize")
    frame = visit.click("#tabs >> text=Trends")
    frame.wait_for_function("() => document.querySelectorAll('figure .main-svg').length >= 20")
    assert frame.locator("figure").count() == 10
    frame.click("summary >> text='Table: Events'")
    frame.wait_for_selector("figure table")
    assert re.search(r"2017-02-04T10\s+\d+", frame.inner_text("figure table"))
    frame.click("summary >> text=Table: Time per stage")
    visit.check()
    frame = visit.click(".switch >> text=day")
    assert "Trends by day" in frame.inner_text("h2")


@every_look
def test_quarantine(visit: Visit, lake: Ailing):
    visit.open("/plugin/sessionize")
    visit.click("#tabs >> text=Quarantine")
    visit.frame.wait_for_selector("figure .main-svg")
    visit.check()
    visit.click(f"td.hours >> text={lake.hostile}")
    visit.check()
    frame = visit.frame
    frame.select_option("select >> nth=1", "not_json")
    frame.wait_for_function("() => location.hash.includes('reason=not_json')")
    visit.settle()
    raw = frame.inner_text("pre.raw >> text=window.hostile")
    assert "<script>window.hostile = 1</script>" in raw
    assert r"\x01\x1b[31mred \u202etxt" in raw
    assert "stream-1-hostile" in frame.inner_text("main")
    visit.check()


@every_look
def test_find_a_machine_and_its_events(visit: Visit, lake: Ailing):
    visit.open("/plugin/sessionize")
    frame = visit.click("#tabs >> text=Find")
    visit.check()
    frame.fill("input[name=id]", lake.machine)
    visit.click("main form button")
    frame.wait_for_selector("section.session")
    text = frame.inner_text("main")
    assert "Began because" in text
    assert "Ended because" in text
    assert re.search(r"\d+ files? of \d+ published hours read, [\d.]+ .?B", text)
    frame.click("section.session details >> nth=0")
    visit.check()
    frame = visit.click("section.session details[open] a >> nth=0")
    frame.wait_for_selector("h3 >> text=settled")
    visit.check()
    frame.fill("input[name=id]", "nobody's \"<b>id</b>?#&")
    visit.click("main form button")
    assert "No record with this id" in frame.inner_text("main")


@every_look
def test_plan_a_replay(visit: Visit, lake: Ailing):
    frame = visit.open("/plugin/sessionize")
    visit.click(f"tr:has-text('{lake.gap}') >> text=Plan it")
    frame = visit.frame
    frame.wait_for_selector("section.plan")
    text = frame.inner_text("main")
    for said in (
        f"{lake.gap}: runs {lake.gap} to",
        "Asked for",
        "a gap in the chain: never run, though later hours have been",
        "run: it never has been",
        "Behind them, for it stands on what is run",
        "run again, unless the state of the hour before comes out as it was",
        f"airflow dags backfill {DAG_ID} -s {lake.gap}:00Z -e {lake.gap}:00Z --replay",
        "not done in the API server",
    ):
        assert said.lower() in text.lower(), said
    frame.click("summary >> nth=0")
    frame.wait_for_selector("section.plan details table")
    visit.check()
    visit.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=visit.url)
    frame.click(".commandline button >> nth=0")
    frame.wait_for_selector("button >> text=Copied")
    copied = visit.page.evaluate("navigator.clipboard.readText()")
    assert copied == frame.inner_text(".commandline code >> nth=0")
    # Another range keeps the options.
    frame.fill("#end", f"{lake.again[0]}:00")
    visit.click("#range button[type=submit]")
    frame.wait_for_selector("section.plan")
    assert f"{lake.gap} to {lake.again[0]}: runs" in frame.inner_text("main")
    visit.click("td.hours a >> nth=0")
    assert str(lake.gap) in frame.inner_text("h2")


def test_a_range_that_cannot_be_planned_says_why(visit: Visit, lake: Ailing):
    early = f"first=2016-02-04T00&end=2016-02-05T00&dag={DAG_ID}&later=24"
    frame = visit.open(f"/sessionize/#plan?{early}")
    assert "no hour from 2016-02-04T00" in frame.inner_text("[role=alert]")
    assert frame.is_visible("form select[name=later]")
    visit.check()
    assert all("422" in said for said in visit.faults)
    visit.faults.clear()


def test_by_keyboard_alone(visit: Visit, lake: Ailing):
    frame = visit.open(f"/sessionize/?dag={DAG_ID}")
    keys = visit.page.keyboard

    def focused() -> str:
        return str(
            frame.evaluate(
                "(({dataset, textContent, id}) => dataset.hour ?? (id || textContent))"
                "(document.activeElement)"
            )
        )

    keys.press("Tab")
    assert focused() == "skip"
    keys.press("Enter")
    assert focused() == "main"
    keys.press("Tab")
    last = focused()
    assert last == str(lake.hours[-1])
    for key, expected in (
        ("Home", lake.hours[0]),
        ("ArrowRight", lake.hours[1]),
        ("ArrowDown", lake.hours[25]),
        ("ArrowLeft", lake.hours[24]),
        ("ArrowUp", lake.hours[0]),
        ("End", lake.hours[-1]),
    ):
        keys.press(key)
        assert focused() == str(expected), key
    keys.press("ArrowUp")
    hour = focused()
    keys.press("Enter")
    frame.wait_for_selector(f"h2 >> text={hour}")
    assert focused() == "main" or "main" in frame.evaluate("document.activeElement.id")
    keys.press("Tab")
    keys.press("Tab")
    assert focused() == "all hours"
    keys.press("Enter")
    frame.wait_for_selector("[role=grid]")
    # Each tab of the page can be reached and opened, too.
    for name in ("Trends", "Quarantine", "Find", "Plan"):
        frame.focus(f"#tabs >> text={name}")
        keys.press("Enter")
        frame.wait_for_selector(f"#tabs [aria-current] >> text={name}")
        visit.settle()
    # A plan is made without a mouse, too.
    frame.focus("input[name=all]")
    keys.press("Space")
    keys.press("Tab")
    keys.press("Tab")
    assert focused() == "Plan"
    keys.press("Enter")
    frame.wait_for_selector("text=Commands")
    assert frame.is_checked("input[name=all]")
    assert "--replay --reset-dagruns" in frame.inner_text("main")


def test_the_tab_of_the_dag_keeps_what_is_shown(visit: Visit, lake: Ailing):
    page = visit.page
    page.goto(f"{visit.url}/dags/{DAG_ID}")
    page.click("a[href$='/plugin/sessionize-data']")
    frame = visit.settle()
    assert not frame.is_visible("#picker")
    visit.click(cell(lake.gap))
    assert f"hour={lake.gap}" in page.url
    page.reload()
    frame = visit.settle()
    assert str(lake.gap) in frame.inner_text("h2")
    page.go_back()
    visit.page.wait_for_load_state()


def test_links_lead_into_airflow(visit: Visit, lake: Ailing):
    visit.open(f"/dags/{DAG_ID}/plugin/sessionize-data")
    frame = visit.click(cell(lake.again[0]))
    frame.click("td a >> text=publish")
    visit.page.wait_for_url(re.compile(r"/dags/[^/]+/runs/[^/]+/tasks/publish"))
    assert "%2B" in visit.page.url  # of the run's id
    visit.page.wait_for_selector("text=is published")


def test_another_dag_is_told_that_it_is_not_ours(visit: Visit):
    frame = visit.open("/sessionize/?dag=somebody_elses")
    assert "somebody_elses is not a pipeline" in frame.inner_text("main")
    visit.check()
    visit.click("main a")
    assert frame.locator("[role=grid]").count() == 1


def test_it_follows_airflows_theme(visit: Visit):
    frame = visit.open("/plugin/sessionize")
    assert frame.evaluate("document.documentElement.dataset.theme") == "light"
    visit.page.evaluate("document.documentElement.classList.replace('light', 'dark')")
    frame.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
    visit.page.evaluate("document.documentElement.classList.replace('dark', 'light')")
    frame.wait_for_function("() => document.documentElement.dataset.theme === 'light'")


def test_a_fault_is_shown_with_its_remedy(visit: Visit):
    fault = {"fault": "the <b>bucket</b> is away", "remedy": "Bring it back."}
    visit.page.route("**/api/dags/*/trends*", lambda route: route.fulfill(status=503, json=fault))
    visit.open(f"/sessionize/?dag={DAG_ID}")
    frame = visit.click("#tabs >> text=Trends")
    assert "the <b>bucket</b> is away" in frame.inner_text("[role=alert]")
    assert "Bring it back." in frame.inner_text("[role=alert]")
    visit.check()
    visit.page.unroute("**/api/dags/*/trends*")
    frame.click("text=Try again")
    frame.wait_for_selector("figure")
    # The browser itself notes the answer.
    assert visit.faults
    assert all("503" in said for said in visit.faults)
    visit.faults.clear()


def test_an_answer_can_be_taken_along(visit: Visit, tmp_path: Path):
    frame = visit.open("/plugin/sessionize")
    with visit.page.expect_download() as download:
        frame.click("text=Download JSON")
    download.value.save_as(tmp_path / "hours.json")
    assert json.loads((tmp_path / "hours.json").read_text())["hours"]
