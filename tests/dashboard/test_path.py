"""The whole path, from the link to a container's log, on real registries and a real daemon."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

import docker
import pytest
from playwright.sync_api import expect

from tests.dashboard.keyboard import fill, has_focus, kept_focus, press, tab_to
from tests.dashboard.running import RunningDashboard, running_dashboard, write_config
from tests.dashboard.tables import grid, row
from tests.engine import images
from tests.parts.daemons import RunningDaemon, dockerd
from tests.parts.registries import docker_registry
from tests.parts.storage import write_storage

MOST_ROWS = 40
HELLO = "hello from ghostnb"


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


@pytest.fixture(scope="module")
def distribution(tmp_path_factory):
    """Run a docker-registry with an image that runs."""
    storage = tmp_path_factory.mktemp("path-storage")
    write_storage(storage, {"team/box": {"1.0": images.box()}})
    with docker_registry(storage_dir=storage, hostname="localhost") as running:
        yield running


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory, demo_drift, distribution, daemon) -> Iterator[RunningDashboard]:
    """Serve the dashboard on both registries and the daemon."""
    folder = tmp_path_factory.mktemp("path")
    config = write_config(folder, local_drift=demo_drift.url, distribution=distribution.url)
    environment = {"DOCKER_HOST": daemon.url}
    with running_dashboard(folder, config, environment=environment) as running:
        yield running


@pytest.fixture
def client(daemon) -> Iterator[docker.APIClient]:
    with contextlib.closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
        yield client


@pytest.fixture(scope="module")
def hosts(demo_drift, distribution) -> dict[str, str]:
    return {"local-drift": demo_drift.host, "distribution": distribution.host}


def state_of(client, container):
    found = client.containers(all=True, filters={"name": f"^/{container}$"})
    return found[0]["State"] if found else "gone"


# What is run: the image's own command, and one that goes on until it is stopped.
WAITING = f"sh -c 'trap \"exit 0\" TERM; echo {HELLO}; while :; do sleep 0.1; done'"
CASES = {
    "local-drift": ("library/hello", "latest", ""),
    "distribution": ("team/box", "1.0", WAITING),
}


@pytest.mark.parametrize("registry", CASES)
def test_from_the_link_to_a_containers_end(dashboard, page, client, hosts, registry):
    repository, tag, command = CASES[registry]
    image, name = f"{hosts[registry]}/{repository}:{tag}", f"from-{registry}"
    page.goto(dashboard.link)
    row(page, "Registries", registry).click()
    row(page, "Repositories", repository).click()
    row(page, "Tags", tag).get_by_role("button", name="Inspect").click()
    details = page.get_by_role("region", name="Image details")
    details.get_by_role("heading", name=f"{repository}:{tag}").wait_for()
    details.get_by_role("tab", name="Layers").click()
    details.get_by_text(re.compile(r"^\d+ layers?, ")).wait_for()

    page.get_by_role("tab", name="Images").click()
    page.get_by_label("Search images").fill(repository)
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("button", name=f"Pull {repository}:{tag} from {registry}").click()
    job = page.get_by_role("article", name=f"{registry}/{repository}:{tag}")
    job.get_by_text(f"The daemon has it as {image}.").wait_for()
    assert image in client.inspect_image(image)["RepoTags"]
    bar = job.get_by_role("progressbar", name=re.compile("all layers$"))
    assert bar.get_attribute("value") == bar.get_attribute("max") == "1"

    page.get_by_role("button", name=f"Create container {repository}:{tag} from {registry}").click()
    form = page.get_by_role("form", name="Create container")
    expect(form.get_by_label("Image")).to_have_value(image)
    form.get_by_label("Name").fill(name)
    form.get_by_label("Command").fill(command)
    form.get_by_label("Network").fill("host")
    form.get_by_role("button", name="Create", exact=True).click()
    mine = row(page, "Containers", name)
    page.get_by_role("log").get_by_text(HELLO).wait_for()
    if command:
        mine.get_by_text("running", exact=True).wait_for()
        assert state_of(client, name) == "running"
        mine.get_by_role("button", name="Stop").click()
    mine.get_by_text("exited", exact=True).wait_for()
    assert state_of(client, name) == "exited"
    mine.get_by_role("button", name="Remove").click()
    mine.wait_for(state="hidden")
    assert state_of(client, name) == "gone"
    expect(page.get_by_role("log")).to_have_text("")


def go_to_row(page, name, text):
    """Walk down a table, to the row with a text."""
    table = grid(page, name)
    row(page, name, text).wait_for()
    tab_to(page, table)
    page.keyboard.press("Home")
    here = table.locator(".ghostnb-active", has=page.get_by_text(text, exact=True))
    for _ in range(MOST_ROWS):
        if here.count():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"No row {text} in {name}.")


def turn_to(page, name):
    tab_to(
        page,
        page.get_by_role("tablist", name="Dashboard").get_by_role("tab", selected=True),
        "Shift+Tab",
    )
    tab = page.get_by_role("tab", name=name)
    for _ in range(5):
        if has_focus(tab):
            return
        page.keyboard.press("ArrowRight")
        kept_focus(page)
    raise AssertionError(f"No tab {name}.")


def test_the_same_by_the_keyboard_alone(dashboard, page, client, hosts):
    image = f"{hosts['local-drift']}/library/hello:latest"
    page.goto(dashboard.link)
    go_to_row(page, "Registries", "local-drift")
    page.keyboard.press("Enter")
    go_to_row(page, "Repositories", "library/hello")
    page.keyboard.press("Enter")
    go_to_row(page, "Tags", "latest")
    page.keyboard.press("Enter")
    details = page.get_by_role("region", name="Image details")
    details.get_by_role("heading", name="library/hello:latest").wait_for()
    press(page, details.get_by_role("tab", name="Overview"), "ArrowRight")
    details.get_by_text(re.compile(r"^\d+ layers?, ")).wait_for()
    assert "Layers" in kept_focus(page)

    turn_to(page, "Images")
    fill(page, page.get_by_label("Search images"), "library/hello")
    page.keyboard.press("Enter")
    pull = page.get_by_role("button", name="Pull library/hello:latest from local-drift")
    pull.wait_for()
    press(page, pull)
    page.get_by_text(f"The daemon has it as {image}.").first.wait_for()
    assert "Pull" in kept_focus(page)
    press(page, page.get_by_role("button", name="Create container library/hello:latest"))
    form = page.get_by_role("form", name="Create container")
    expect(form.get_by_label("Image")).to_be_focused()
    fill(page, form.get_by_label("Name"), "by-keys")
    fill(page, form.get_by_label("Network"), "host")
    press(page, form.get_by_role("button", name="Create", exact=True))
    page.get_by_role("log").get_by_text(HELLO).wait_for()
    form.wait_for(state="hidden")
    expect(grid(page, "Containers")).to_be_focused()
    assert state_of(client, "by-keys") in ("running", "exited")

    mine = row(page, "Containers", "by-keys")
    mine.get_by_text("exited", exact=True).wait_for()
    go_to_row(page, "Containers", "by-keys")
    for action in ("Start", "Stop", "Remove"):
        page.keyboard.press("ArrowRight")
        expect(mine.get_by_role("button", name=action)).to_be_focused()
    page.keyboard.press("Enter")
    mine.wait_for(state="hidden")
    assert state_of(client, "by-keys") == "gone"
    expect(grid(page, "Containers")).to_be_focused()


def test_the_focus_is_never_lost(dashboard, page):
    page.goto(f"{dashboard.link}&registry=local-drift&repository=library/hello&tag=latest")
    details = page.get_by_role("region", name="Image details")
    details.get_by_role("heading", name="library/hello:latest").wait_for()
    add = page.get_by_role("button", name="Add registry")
    press(page, add)
    form = page.get_by_role("form", name="Add registry")
    expect(form.get_by_label("Kind", exact=True)).to_be_focused()
    press(page, form.get_by_role("button", name="Cancel"))
    expect(add).to_be_focused()

    sort = grid(page, "Repositories").get_by_role("button", name="Repository")
    press(page, sort)
    assert "Repository" in kept_focus(page)
    press(page, details.get_by_role("button", name="Create container"))
    form = page.get_by_role("form", name="Create container")
    expect(form.get_by_label("Image")).to_be_focused()
    press(page, form.get_by_role("button", name="Cancel"))
    expect(grid(page, "Containers")).to_be_focused()
    turn_to(page, "Registries")
    press(page, details.get_by_role("button", name="Pull", exact=True))
    page.get_by_text("The daemon has it as").wait_for()
    assert "Images" in kept_focus(page)
    press(page, page.get_by_role("button", name="Dismiss"))
    page.get_by_text("No jobs yet: pulls, saves, pushes, copies and deletions").wait_for()
    kept_focus(page)

    turn_to(page, "Registries")
    # What is selected is where the keyboard begins.
    tab_to(page, grid(page, "Registries"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    row(page, "Repositories", "team/box").wait_for()
    kept_focus(page)
