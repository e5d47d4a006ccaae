"""What the dashboard says when something is not there, refuses, hangs or dies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.dashboard.contrast import faults
from tests.dashboard.keyboard import kept_focus
from tests.dashboard.running import RunningDashboard, running_dashboard
from tests.dashboard.tables import grid, row
from tests.engine.proxies import proxy
from tests.parts.daemons import RunningDaemon, dockerd
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.registries import Htpasswd, RunningRegistry, docker_registry
from tests.parts.replies import hang
from tests.parts.storage import write_storage

CONFIG = """
[[registries]]
name = "local-drift"
url = "{drift}"
[[registries]]
name = "silent"
url = "{silent}"
[[registries]]
name = "locked"
url = "{locked}"
username = "ghost"
password = "not-it"
[[registries]]
name = "mortal"
url = "{mortal}"
[[registries]]
name = "far"
url = "http://{far}"
"""
LAYER_BYTES = 300_000


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("outages-storage")
    large = plain_image("outages", layers=2, size_bytes=LAYER_BYTES)
    write_storage(
        directory, {"team/app": {"1.0": plain_image("app")}, "team/large": {"1.0": large}}
    )
    return directory


@pytest.fixture(scope="module")
def locked(storage: Path) -> Iterator[RunningRegistry]:
    with docker_registry(auth=Htpasswd(), storage_dir=storage, hostname="localhost") as running:
        yield running


@pytest.fixture(scope="module")
def mortal(storage: Path) -> Iterator[RunningRegistry]:
    with docker_registry(storage_dir=storage, hostname="localhost") as running:
        yield running


@pytest.fixture(scope="module")
def far(storage: Path) -> Iterator[str]:
    """Give a registry at the end of a slow line."""
    with docker_registry(storage_dir=storage) as origin:
        with proxy(origin.port, pause_seconds=0.1) as way:
            yield way.host


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


@pytest.fixture(scope="module")
def dashboard(
    tmp_path_factory, demo_drift, locked, mortal, far, daemon
) -> Iterator[RunningDashboard]:
    folder = tmp_path_factory.mktemp("outages")
    config = folder / "registries.toml"
    with faulty_server({"/*": hang()}) as silent:
        config.write_text(
            CONFIG.format(
                drift=demo_drift.url,
                silent=silent.url,
                locked=locked.url,
                mortal=mortal.url,
                far=far,
            )
        )
        environment = {"DOCKER_HOST": daemon.url}
        with running_dashboard(folder, config, environment=environment) as running:
            yield running


def test_a_registry_that_hangs_holds_nobody_up(dashboard, page):
    page.goto(dashboard.link)
    row(page, "Registries", "silent").click()
    page.get_by_text("Asking silent …").wait_for()
    row(page, "Registries", "local-drift").click()
    row(page, "Repositories", "team/shop/api").click()
    row(page, "Tags", "1.3").get_by_role("button", name="Inspect").click()
    page.get_by_role("heading", name="team/shop/api:1.3").wait_for()
    row(page, "Registries", "silent").get_by_label("unknown").wait_for()
    page.get_by_role("tab", name="Images").click()
    page.get_by_label("Search images").fill("shop/web")
    page.keyboard.press("Enter")
    answers = page.get_by_role("list", name="Registries")
    answers.get_by_text("1 found").wait_for()
    answers.get_by_role("listitem").filter(has_text="silent").get_by_text("searching …").wait_for()
    page.get_by_role("button", name="Inspect team/shop/web:latest").click()
    page.get_by_role("heading", name="team/shop/web:latest").wait_for()


def test_a_wrong_password_is_said_where_it_is_met(dashboard, page, locked):
    page.goto(dashboard.link)
    row(page, "Registries", "locked").get_by_text("AUTH", exact=True).wait_for()
    row(page, "Registries", "locked").get_by_label("refused").wait_for()
    row(page, "Registries", "locked").click()
    said = page.get_by_role("status").filter(has_text="locked at")
    said.get_by_text("Check the username and password").wait_for()
    assert f"docker login {locked.host}" in said.inner_text()
    assert "not-it" not in page.content()
    said.get_by_role("button", name="Retry").press("Enter")
    said.get_by_text("Check the username and password").wait_for()
    kept_focus(page)
    assert faults(page) == []


def test_a_registry_dies_between_its_tags_and_an_image(dashboard, page, mortal, storage):
    page.goto(dashboard.link)
    row(page, "Registries", "mortal").click()
    row(page, "Repositories", "team/app").click()
    row(page, "Tags", "1.0").wait_for()
    mortal.stop()
    row(page, "Tags", "1.0").get_by_role("button", name="Inspect").click()
    details = page.get_by_role("region", name="Image details")
    details.get_by_text(f"Cannot reach mortal at {mortal.url}").wait_for()
    details.get_by_text("Is the registry running?").wait_for()
    # What was listed is still there.
    row(page, "Tags", "1.0").wait_for()
    with docker_registry(storage_dir=storage, port=mortal.port):
        details.get_by_role("button", name="Retry").press("Enter")
        details.get_by_role("heading", name="team/app:1.0").wait_for()
        kept_focus(page)


def test_the_daemon_dies_and_comes_back(dashboard, page, daemon):
    page.goto(dashboard.link)
    row(page, "Registries", "far").click()
    row(page, "Repositories", "team/large").click()
    row(page, "Tags", "1.0").get_by_role("button", name="Inspect").click()
    page.get_by_role("button", name="Pull", exact=True).last.click()
    job = page.get_by_role("article", name="far/team/large:1.0")
    job.get_by_text(re.compile(r"of .*B at .*B/s")).wait_for()
    daemon.kill()
    job.get_by_text(f"docker at {daemon.url} was lost while it should pull").wait_for()
    job.get_by_text("Is the daemon still running?").wait_for()
    retry = job.get_by_role("button", name="Retry")
    retry.press("Enter")
    job.get_by_text("(connection refused)").wait_for()
    kept_focus(page)
    job.get_by_role("button", name="Save as OCI archive").wait_for()
    with dockerd(where=daemon):
        retry.press("Enter")
        job.get_by_text("The daemon has it as").wait_for()
        kept_focus(page)


def test_there_is_no_daemon_until_there_is_one(dashboard, page, daemon):
    if daemon.process.poll() is None:
        daemon.kill()
    page.goto(f"{dashboard.link}&registry=far&repository=team/app&tag=1.0&tab=Containers")
    nobody = f"No container daemon answers at {daemon.url}"
    # The containers and the images, both.
    retry = page.get_by_role("button", name="Retry")
    told = page.get_by_role("status").filter(has_text=nobody).filter(has=retry)
    expect(told).to_have_count(2)
    said = told.first
    said.get_by_text("systemctl start docker").wait_for()
    page.get_by_role("tab", name="Registries").click()
    page.get_by_role("button", name="Create container").click()
    form = page.get_by_role("form", name="Create container")
    expect(form.get_by_label("Image")).to_have_value(re.compile("team/app:1.0$"))
    form.get_by_role("button", name="Create", exact=True).click()
    form.get_by_text(nobody).wait_for()
    with dockerd(where=daemon):
        said.get_by_role("button", name="Retry").press("Enter")
        page.get_by_text("No containers yet").wait_for()
        expect(grid(page, "Containers")).to_be_focused()
        expect(told).to_have_count(0)
