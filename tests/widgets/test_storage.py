"""The Storage tab: a registry read, entered part by part, and what would be freed of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

import ghostnb
from ghostnb import RegistryClient
from tests.parts.images import Settings, Step, image
from tests.parts.layers import layer_of
from tests.parts.processes import free_port
from tests.parts.pushes import Pusher
from tests.parts.registries import RunningRegistry, docker_registry

CODE = """
import json
import ghostnb, ipywidgets
from ghostnb.widgets import Dashboard

fleet = ghostnb.Fleet([ghostnb.RegistryConfig(*one) for one in {registries}])
dashboard = Dashboard(fleet, ghostnb.Engine("unix:///nowhere/docker.sock"))
said = ipywidgets.Label("")
look = ipywidgets.Button(description="Look")
def tell(_):
    state = json.dumps(ipywidgets.Widget.get_manager_state())
    said.value = "in the state" if "team/other" in state else "clean"
look.on_click(tell)
ipywidgets.VBox([dashboard, look, said])
"""


def aged(name: str, day: int):
    steps = [Step("ADD base", layer_of("base", size_bytes=20_000)), Step("RUN", layer_of(name))]
    return image(steps, Settings(created=f"2024-01-{day:02}T00:00:00Z"))


def filled(**options) -> Iterator[RunningRegistry]:
    with docker_registry(**options) as running:
        with Pusher(running.url) as pusher:
            for day, tag in enumerate(("1.0", "1.1", "1.2"), 1):
                pusher.push("team/app", tag, aged(f"app {tag}", day))
            pusher.push("team/other", "1", aged("other", 9))
        yield running


@pytest.fixture
def one() -> Iterator[RunningRegistry]:
    yield from filled(delete=True)


@pytest.fixture
def kept() -> Iterator[RunningRegistry]:
    """A registry that deletes nothing."""
    yield from filled()


@pytest.fixture
def opened(show):
    def open_page(**urls):
        page = show(CODE.format(registries=repr(list(urls.items()))))
        page.get_by_role("tab", name="Storage").click()
        page.get_by_text("Select a registry: its images are read then").wait_for()
        return page

    return open_page


def choose(page: Page, registry: str) -> None:
    # Hidden pages have grids of the same name.
    page.get_by_role("grid", name="Registries").get_by_text(registry, exact=True).last.click()


def area(page: Page, name: str):
    return page.get_by_role("button", name=f"{name}: ")


def tags(url):
    return sorted(ghostnb.run(RegistryClient(url).tags("team/app"))["tag"])


def test_from_all_registries_to_a_layer_and_back(opened, one, kept):
    page = opened(one=one.url, kept=kept.url)
    choose(page, "one")
    area(page, "team/app").wait_for()
    page.get_by_text("2 repositories, 4 tags, 4 images, 5 layers").wait_for()
    largest = page.get_by_role("grid", name="Largest layers")
    largest.get_by_text("and 1 more").wait_for()
    expect(largest.locator("[data-place]")).to_have_count(5)
    shared = page.get_by_role("grid", name="Most shared layers")
    expect(shared.locator("[data-place]")).to_have_count(1)

    inside = page.get_by_role("grid", name="Inside")
    inside.get_by_text("team/app", exact=True).dblclick()
    page.get_by_role("heading", name="team/app", exact=True).wait_for()
    page.get_by_text("3 tags, 3 images, 4 layers").wait_for()
    # By the keyboard from here.
    area(page, "1.1").focus()
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="team/app:1.1").wait_for()
    page.get_by_text("2 layers", exact=True).wait_for()
    # A layer has nothing in it.
    expect(page.locator(".ghostnb-room [data-key][role=button]")).to_have_count(0)
    back = page.get_by_role("button", name="Back", exact=True)
    back.click()
    back.click()
    page.get_by_text("2 repositories, 4 tags").wait_for()

    choose(page, "kept")
    page.get_by_role("heading", name="kept", exact=True).wait_for()
    area(page, "team/app").wait_for()
    back.click()
    page.get_by_role("heading", name="All registries that were read").wait_for()
    page.get_by_text("2 registries", exact=True).wait_for()
    expect(back).to_be_disabled()
    area(page, "one").click()
    page.get_by_role("heading", name="one", exact=True).wait_for()
    page.get_by_role("button", name="Look").click()
    page.get_by_text("clean", exact=True).wait_for()


def test_some_repositories_alone_and_a_link(opened, one):
    page = opened(one=one.url)
    choose(page, "one")
    area(page, "team/other").wait_for()
    field = page.get_by_role("textbox", name="Repositories to read")
    field.fill("team/o*")
    field.press("Enter")
    page.get_by_text("Only team/o* was read: what others share with it is not known.").wait_for()
    page.get_by_text("1 repository, 1 tag, 1 image, 2 layers").wait_for()
    page.get_by_role("button", name="Read all").click()
    page.get_by_text("2 repositories, 4 tags").wait_for()
    page.wait_for_url(re.compile("tab=Storage.*registry=one"))
    page.goto(page.url)
    page.get_by_text("2 repositories, 4 tags").wait_for()


def test_what_cannot_be_read_is_said_in_its_place(opened, one):
    port = free_port()
    page = opened(one=one.url, down=f"http://127.0.0.1:{port}")
    choose(page, "down")
    page.get_by_text("Cannot reach down at").wait_for()
    with docker_registry(port=port):
        page.get_by_role("button", name="Retry").click()
        page.get_by_text("0 repositories, 0 tags").wait_for()
    choose(page, "one")
    area(page, "team/app").wait_for()
    expect(page.get_by_text("Cannot reach down at")).to_be_hidden()


def test_tags_go_by_a_rule_and_the_registry_is_read_anew(opened, one):
    page = opened(one=one.url)
    choose(page, "one")
    area(page, "team/app").click()
    page.get_by_role("button", name="What would be freed…").click()
    form = page.get_by_role("form", name="Clean up one")
    repositories = form.get_by_label("Only of these repositories")
    expect(repositories).to_have_value("team/app")
    newest = form.get_by_label("Keep the newest")
    newest.fill("many")
    form.get_by_role("button", name="Show plan").click()
    form.get_by_text("A whole number from 1 is wanted, not many.").wait_for()
    newest.fill("2")
    newest.press("Enter")
    page.get_by_text("2 keep, 1 delete").wait_for()
    page.get_by_label("Type team/app to confirm").fill("team/app")
    page.get_by_role("button", name="Delete 1 tag", exact=True).click()
    page.get_by_role("article", name="Clean up one").get_by_text("1 of 1 deleted.").wait_for()
    assert tags(one.url) == ["1.1", "1.2"]
    page.get_by_role("tab", name="Storage").click()
    # Where somebody was, and what is so there now.
    page.get_by_role("heading", name="team/app", exact=True).wait_for()
    page.get_by_text("2 tags, 2 images, 3 layers").wait_for()


def test_where_nothing_can_be_deleted_it_is_counted(opened, kept):
    page = opened(kept=kept.url)
    choose(page, "kept")
    page.get_by_role("button", name="What would be freed…").click()
    form = page.get_by_role("form", name="Clean up kept")
    for label in ("Keep the newest", "Keep tags named"):
        form.get_by_label(label).fill("")
    form.get_by_role("button", name="Show plan").click()
    form.get_by_text("Say what is to be kept").wait_for()
    form.get_by_label("Keep tags named").fill("1.2, 1")
    form.get_by_role("button", name="Show plan").click()
    page.get_by_text("2 delete, 2 keep").wait_for()
    page.get_by_text("It is only counted, and cannot be applied.").wait_for()
    expect(page.get_by_role("button", name="Delete 2 tags")).to_be_hidden()
    assert tags(kept.url) == ["1.0", "1.1", "1.2"]
