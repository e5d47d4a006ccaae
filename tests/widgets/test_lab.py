"""The widgets in JupyterLab and Notebook 7, on the kernels that they are used with."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page

from tests.parts.drift import RunningDrift
from tests.serving import hanging_server
from tests.widgets.lab import KERNELS, START_SECONDS, Lab, OpenNotebook, opened, running_lab

CODE = """
import threading
from pathlib import Path
import ghostnb, ipykernel
from ghostnb.widgets import Dashboard

fleet = ghostnb.Fleet([
    ghostnb.RegistryConfig("local-drift", "{url}"), *{more}
])
dashboard = Dashboard(fleet, ghostnb.Engine("unix:///nowhere/docker.sock"))
threads = set()
for name in ("registry", "repository", "tags"):
    dashboard.browser.observe(lambda _: threads.add(threading.current_thread().name), name)
dashboard
"""
ASK = "print(ipykernel.__version__, *sorted(name.partition('-')[0] for name in threads))"
# Until the test lets it go; meanwhile the I/O loop reads an image.
BUSY = """
import time
dashboard.details.show("local-drift", "team/shop/api:1.3")
while not Path("go").exists():
    time.sleep(0.05)
"""
TASKS = """
import asyncio
async def panels():
    return [task for task in asyncio.all_tasks() if "_guarded" in repr(task)]
print(len(ghostnb.run(panels())), "tasks")
"""
CLOSE = """
import time
dashboard.close()
deadline = time.monotonic() + 5
while ghostnb.run(panels()) and time.monotonic() < deadline:
    time.sleep(0.05)
print(len(ghostnb.run(panels())), "tasks")
"""
# Of each repository a tag that the other does not have.
TAG_OF = {"ml/features": "0.3", "team/shop/api": "1.3"}
SECRET = "nb-s3cret-pa55"
Open = Callable[..., OpenNotebook]
each_kernel = pytest.mark.parametrize("kernel", KERNELS)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Keep what the first page has loaded for the others."""
    with contextlib.closing(browser.new_context(viewport={"width": 1280, "height": 900})) as made:
        made.set_default_timeout(START_SECONDS * 1000)
        yield made


@pytest.fixture
def notebook(
    lab: Lab, context: BrowserContext, demo_drift: RunningDrift, request: pytest.FixtureRequest
) -> Iterator[Open]:
    """Give what opens a notebook: a dashboard in its first cell, and others below."""
    name = "".join(letter for letter in request.node.name if letter.isalnum())
    with contextlib.ExitStack() as stack:

        def made(
            *cells: str, kernel: str = "7", app: str = "lab", more: str = "[]"
        ) -> OpenNotebook:
            code = CODE.format(url=demo_drift.url, more=more)
            path = lab.write(name, [code, *cells], kernel=kernel)
            return stack.enter_context(opened(context, lab, path, app=app))

        yield made


def registries(page: Page | Locator) -> Locator:
    return page.get_by_role("grid", name="Registries")


def repositories(page: Page | Locator) -> Locator:
    return page.get_by_role("grid", name="Repositories")


def tags(page: Page | Locator) -> Locator:
    return page.get_by_role("grid", name="Tags")


def browse(page: Page | Locator, repository: str) -> None:
    registries(page).get_by_text("local-drift").click()
    repositories(page).get_by_text(repository, exact=True).click()


def inspect(page: Page, repository: str, tag: str) -> None:
    browse(page, repository)
    row = tags(page).locator("[data-place]").filter(has=page.get_by_text(tag, exact=True))
    row.get_by_role("button", name="Inspect").click()
    page.get_by_role("heading", name=f"{repository}:{tag}").wait_for()


def search(page: Page, query: str) -> None:
    page.get_by_role("tab", name="Images").click()
    page.get_by_label("Search images").fill(query)
    page.keyboard.press("Enter")


@each_kernel
def test_from_a_registry_to_a_layer_in_lab(notebook, kernel, api_size):
    opened = notebook(ASK, kernel=kernel)
    page = opened.page
    opened.run(0)
    inspect(page, "team/shop/api", "1.3")
    page.get_by_role("tab", name="Layers").click()
    page.get_by_text(f"6 layers, {api_size}; 5 shared with other tags").wait_for()
    search(page, "shop/web")
    page.get_by_text("1 found").wait_for()
    page.get_by_role("tab", name="Registries").click()
    browse(page, "team/shop/worker")
    tags(page).locator("[data-place]").first.click()

    # Lab's comms went where they were meant to go, and what they ask for works from there.
    opened.run(1)
    version, *threads = opened.output(1).inner_text().split()
    assert version.startswith(f"{kernel}.")
    assert ("subshell" in threads) == (kernel != "6.31")


@each_kernel
def test_a_busy_kernel_loses_nothing(notebook, lab, kernel):
    opened = notebook(BUSY, kernel=kernel)
    page, go = opened.page, lab.root / "go"
    opened.run(0)
    browse(page, "library/hello")
    tags(page).locator("[data-place]").first.wait_for()

    opened.start(1)
    page.get_by_role("heading", name="team/shop/api:1.3").wait_for()
    for repository in TAG_OF:
        repositories(page).get_by_text(repository, exact=True).click()
    found = tags(page).get_by_text(TAG_OF[repository], exact=True)
    if kernel != "6.31":
        found.wait_for()
    assert opened.is_busy(1)
    # Without subshells what was clicked waits for the cell.
    assert found.is_visible() == (kernel != "6.31")
    go.touch()
    found.wait_for()
    go.unlink()


def test_two_views_and_a_restart(notebook):
    opened = notebook("dashboard")
    see_both(opened)
    opened.restart()
    see_both(opened)


def see_both(opened: OpenNotebook) -> None:
    """Use one dashboard in two cells, in turns."""
    views = [opened.cell(0), opened.cell(1)]
    opened.run(0)
    opened.run(1)
    for view, (repository, tag) in zip(views, TAG_OF.items(), strict=True):
        browse(view, repository)
        for either in views:
            tags(either).get_by_text(tag, exact=True).wait_for()


def test_a_closed_dashboard_leaves_nothing_that_goes_on(notebook):
    with hanging_server() as server:
        more = f'[ghostnb.RegistryConfig("hangs", "http://localhost:{server.port}")]'
        opened = notebook(TASKS, CLOSE, more=more)
        page = opened.page
        opened.run(0)
        page.get_by_role("button", name="Add registry").click()
        form = page.get_by_role("form", name="Add registry")
        form.get_by_label("Name", exact=True).fill("slow")
        form.get_by_label("URL").fill(f"http://localhost:{server.port}")
        form.get_by_role("button", name="Test connection").click()
        form.get_by_text("Asking http").wait_for()
        registries(page).get_by_text("hangs").click()
        page.get_by_text("Asking hangs").wait_for()
        opened.run(1)
        # The ping, the repositories, and the form's attempt.
        assert opened.output(1).inner_text().strip() == "3 tasks"
        opened.run(2)
        assert opened.output(2).inner_text().strip() == "0 tasks"
        registries(page).wait_for(state="detached")


def test_what_is_typed_is_not_for_the_notebook(notebook):
    opened = notebook("1 + 1")
    page = opened.page
    opened.run(0)
    browse(page, "team/shop/api")
    tags(page).get_by_text("1.3", exact=True).wait_for()
    places = [
        page.get_by_role("tab", name="Registries"),
        tags(page),
        tags(page).get_by_role("button", name="Inspect").first,
        page.get_by_label("Filter tags"),
        # The last, since Escape selects no registry.
        registries(page),
    ]
    for place in places:
        place.focus()
        # Of the notebook: add, cut, delete, to Markdown, run. None of it is meant.
        for key in ("a", "b", "x", "d", "d", "m", "Escape", "Enter", "Shift+Enter"):
            page.keyboard.press(key)
        assert page.evaluate("document.activeElement.closest('.ghostnb') !== null")
    assert opened.count_cells() == 2
    assert opened.prompt(0).inner_text() == "[1]:"
    # What is pressed with Ctrl still is the notebook's.
    page.get_by_label("Filter tags").focus()
    assert opened.save()["metadata"]["widgets"]


def test_a_saved_notebook_holds_the_widgets_and_no_password(notebook, demo_drift):
    opened = notebook()
    page = opened.page
    opened.run(0)
    page.get_by_role("button", name="Add registry").click()
    form = page.get_by_role("form", name="Add registry")
    form.get_by_label("Name", exact=True).fill("mine")
    form.get_by_label("URL").fill(demo_drift.url)
    form.get_by_label("Username").fill("ghost")
    form.get_by_label("Password", exact=True).fill(SECRET)
    assert secrets_in(opened.save()) == []
    form.get_by_role("button", name="Test connection").click()
    form.get_by_text("its kind is drift").wait_for()
    assert secrets_in(opened.save()) == []
    form.get_by_role("button", name="Add", exact=True).click()
    registries(page).get_by_text("AUTH").wait_for()
    repositories(page).get_by_text("team/shop/api", exact=True).click()
    tags(page).get_by_text("1.3", exact=True).wait_for()
    saved = opened.save()
    assert secrets_in(saved) == []
    # There is something that could hold it.
    assert {"Add registry", "Repositories"} <= {one.get("label") for one in models_of(saved)}
    assert "team/shop/api" in [one.get("repository") for one in models_of(saved)]

    # Opened again, it shows what it has, and says that nobody is behind it.
    opened.reopen()
    repositories(page).wait_for()
    assert "run the cell again" in page.locator(".ghostnb-dashboard").evaluate(
        "dashboard => getComputedStyle(dashboard, '::before').content"
    )
    opened.run(0)
    inspect(page, "team/shop/api", "1.3")


def models_of(saved: dict[str, Any]) -> list[dict[str, Any]]:
    states = saved["metadata"]["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    return [one["state"] for one in states.values()]


def secrets_in(saved: dict[str, Any]) -> list[str]:
    """Find the password as it is, and as it travels."""
    forms = (SECRET.encode(), f"ghost:{SECRET}".encode())
    told = [SECRET, *(base64.b64encode(form).decode() for form in forms)]
    return [form for form in told if form in json.dumps(saved)]


def test_the_same_in_notebook_7(notebook, api_size):
    opened = notebook(ASK, app="notebook")
    opened.run(0)
    inspect(opened.page, "team/shop/api", "1.3")
    opened.page.get_by_role("tab", name="Layers").click()
    opened.page.get_by_text(f"6 layers, {api_size}; 5 shared with other tags").wait_for()
