"""Pulls and saves on a page: bars, buttons, and what is said."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from tests.engine.proxies import Proxy, proxy
from tests.parts.daemons import RunningDaemon, dockerd
from tests.parts.drift import RunningDrift
from tests.parts.processes import find_program

CODE = """
import ghostnb, ipywidgets
from ghostnb.widgets import PullQueue

fleet = ghostnb.Fleet([
    ghostnb.RegistryConfig("local-drift", "{url}"),
    ghostnb.RegistryConfig("far", "http://{far}"),
])
queue = PullQueue(fleet, {engine}, directory="{directory}")
def button(registry, reference):
    made = ipywidgets.Button(description=f"Pull {{reference}} from {{registry}}")
    made.layout.width = "auto"
    made.on_click(lambda _: queue.pull(registry, reference))
    return made
wanted = [
    ("local-drift", "team/shop/api:1.3"),
    ("far", "team/shop/web:latest"),
    ("far", "team/shop/api:1.2"),
]
ipywidgets.VBox([*(button(*one) for one in wanted), queue])
"""


@pytest.fixture(scope="module")
def far(demo_drift: RunningDrift) -> Iterator[Proxy]:
    """Put the sample registry at the end of a slow line."""
    with proxy(int(demo_drift.url.rpartition(":")[2]), pause_seconds=0.12) as running:
        yield running


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


def code(drift: RunningDrift, far: Proxy, engine: str, directory: Path) -> str:
    return CODE.format(url=drift.url, far=far.host, engine=engine, directory=directory)


def job(page: Page, name: str) -> Locator:
    return page.get_by_role("article", name=name)


def test_bars_to_the_end_and_a_cancelled_one(show, demo_drift, far, daemon, tmp_path) -> None:
    page = show(code(demo_drift, far, f"ghostnb.Engine('{daemon.url}')", tmp_path))
    page.get_by_text(
        "No jobs yet: pulls, saves, pushes, copies and deletions are listed here."
    ).wait_for()
    page.get_by_role("button", name="Pull team/shop/web:latest from far").click()
    page.get_by_role("button", name="Pull team/shop/api:1.2 from far").click()
    page.get_by_role("button", name="Pull team/shop/api:1.3 from local-drift").click()

    moving = job(page, "far/team/shop/web:latest")
    moving.get_by_text(re.compile(r"of .*B at .*B/s")).wait_for()
    assert moving.get_by_role("progressbar", name=re.compile("^Layer ")).count() > 1
    whole = moving.get_by_role("progressbar", name="far/team/shop/web:latest, all layers")
    assert 0 < float(whole.get_attribute("value")) <= float(whole.get_attribute("max"))

    # The keyboard's place is kept: Cancel goes, Retry comes.
    stopped = job(page, "far/team/shop/api:1.2")
    stopped.get_by_role("button", name="Cancel").focus()
    page.keyboard.press("Enter")
    stopped.get_by_text("Cancelled.").wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Retry"

    fast = job(page, "local-drift/team/shop/api:1.3")
    host = demo_drift.url.removeprefix("http://")
    fast.get_by_text(f"The daemon has it as {host}/team/shop/api:1.3.").wait_for()
    moving.get_by_text(f"The daemon has it as {far.host}/team/shop/web:latest.").wait_for()
    assert moving.get_by_role("progressbar").count() == 1
    page.keyboard.press("Enter")
    stopped.get_by_text(f"The daemon has it as {far.host}/team/shop/api:1.2.").wait_for()
    fast.get_by_role("button", name="Dismiss").click()
    fast.wait_for(state="detached")


def test_without_a_daemon_an_image_is_saved(show, demo_drift, far, tmp_path) -> None:
    page = show(code(demo_drift, far, "None", tmp_path / "archives"))
    page.get_by_role("button", name="Pull team/shop/api:1.2 from far").click()
    row = job(page, "far/team/shop/api:1.2")
    row.get_by_text("No container daemon answers. These were tried:").wait_for()
    tried = row.get_by_role("list", name="Addresses that were tried")
    tried.get_by_text("unix:///var/run/docker.sock (no such file)").wait_for()
    row.get_by_text("Start one (systemctl start docker").wait_for()
    row.get_by_role("button", name="Save as OCI archive").click()
    row.get_by_text(re.compile(r"of .*B at .*B/s")).wait_for()
    assert row.get_by_role("progressbar", name=re.compile("^Layer ")).count() > 1
    row.get_by_role("button", name="Cancel").click()
    row.get_by_text("Cancelled.").wait_for()
    row.get_by_role("button", name="Retry").click()

    path = tmp_path / "archives" / "team-shop-api_1.2.tar"
    row.get_by_text(f"Saved as {path}").wait_for()
    row.get_by_text(f"docker load -i {path}").wait_for()
    row.get_by_text(f"podman load -i {path}", exact=True).wait_for()
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    command = [find_program("skopeo", "skopeo"), "inspect", "--raw", f"oci-archive:{path}"]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    assert json.loads(raw)["schemaVersion"] == 2


HASTY = """
import ghostnb, ipywidgets
from ghostnb.widgets import PullQueue

class Hasty(PullQueue):
    # A page that opens hears of what has just changed before it is told all.
    async def _greet(self):
        news = self._jobs.news(whole=True)
        self.send({"kind": "heads", **news, "heads": news["heads"][-1:], "whole": False})
        await super()._greet()

queue = Hasty(ghostnb.Fleet([]))
for name in ("first", "second", "third"):
    queue.pull("nowhere", name)
box = ipywidgets.VBox([])
show = ipywidgets.Button(description="Show")
show.on_click(lambda _: setattr(box, "children", [queue]))
ipywidgets.VBox([show, box])
"""


def test_the_newest_job_comes_first_whatever_is_heard_first(show) -> None:
    page = show(HASTY)
    page.get_by_role("button", name="Show").click()
    jobs = page.get_by_role("article")
    jobs.nth(2).wait_for()
    assert [
        name.split("/")[-1]
        for name in jobs.evaluate_all("found => found.map((one) => one.getAttribute('aria-label'))")
    ] == ["third", "second", "first"]
