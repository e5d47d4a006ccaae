"""Selected tags deleted and copied: planned, looked at, confirmed, and applied as jobs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

import ghostnb
from ghostnb import RegistryClient
from ghostnb.errors import NotFoundError
from tests.engine.proxies import proxy
from tests.parts.images import Settings, Step, image, plain_image
from tests.parts.layers import layer_of
from tests.parts.pushes import Pusher
from tests.parts.registries import RunningRegistry, docker_registry
from tests.serving import wait_until

CODE = """
import json
import ghostnb, ipywidgets
from ghostnb.widgets import Dashboard

fleet = ghostnb.Fleet([ghostnb.RegistryConfig(*one) for one in {registries}])
dashboard = Dashboard(fleet, ghostnb.Engine("unix:///nowhere/docker.sock"), downloads="{folder}")
said = ipywidgets.Label("")
look = ipywidgets.Button(description="Look")
def tell(_):
    state = json.dumps(ipywidgets.Widget.get_manager_state())
    said.value = "in the state" if "2 tags" in state else "clean"
look.on_click(tell)
ipywidgets.VBox([dashboard, look, said])
"""
APP = "team/app"


def aged(name: str):
    steps = [Step("ADD base", layer_of("base", size_bytes=20_000)), Step("RUN", layer_of(name))]
    return image(steps, Settings(created="2024-01-01T00:00:00Z"))


@pytest.fixture
def one() -> Iterator[RunningRegistry]:
    """A registry that deletes; 1.0 and stable are the same image."""
    with docker_registry(delete=True) as running:
        fill(running.url, {f"{APP}:{tag}": aged(f"app {tag}") for tag in ("1.0", "1.1", "1.2")})
        fill(running.url, {f"{APP}:stable": aged("app 1.0"), "team/other:1": aged("other")})
        yield running


@pytest.fixture
def other() -> Iterator[RunningRegistry]:
    with docker_registry(delete=True) as running:
        yield running


def fill(url, images):
    with Pusher(url) as pusher:
        for name, document in images.items():
            pusher.push(*name.split(":"), document)


def tags(url, repository=APP):
    """Give the tags of a repository, with their digests."""
    try:
        frame = ghostnb.run(RegistryClient(url).tags(repository, details=True))
    except NotFoundError:
        return {}
    return {row.tag: row.digest for row in frame.itertuples()}


@pytest.fixture
def opened(show, tmp_path):
    def open_page(**urls):
        page = show(CODE.format(registries=repr(list(urls.items())), folder=tmp_path))
        page.get_by_text("Select a registry to view repositories.").wait_for()
        return page

    return open_page


def choose(page: Page, registry: str, repository: str, *names: str) -> None:
    page.get_by_role("grid", name="Registries").get_by_text(registry, exact=True).click()
    page.get_by_text("Select a repository to view tags.").wait_for()
    page.get_by_role("grid", name="Repositories").get_by_text(repository, exact=True).click()
    rows = page.get_by_role("grid", name="Tags")
    for position, name in enumerate(names):
        modifiers = ["Control"] if position else []
        rows.get_by_text(name, exact=True).click(modifiers=modifiers)


def in_bar(page: Page, name: str):
    return page.get_by_role("group", name="Selected tags").get_by_role("button", name=name)


def job(page: Page, name: str):
    return page.get_by_role("article", name=name)


def test_tags_go_when_the_repository_is_typed_and_not_before(opened, one):
    page = opened(one=one.url)
    choose(page, "one", APP, "1.0", "1.1")
    in_bar(page, "Delete…").click()
    page.get_by_role("heading", name="Delete 2 tags of team/app from one").wait_for()
    plan = page.get_by_role("grid", name="Plan")
    plan.get_by_text("untag").wait_for()
    # The sibling that keeps the manifest is told.
    row = plan.locator("[data-place]").filter(has=page.get_by_text("untag"))
    assert row.get_by_text("stable").first.is_visible()
    page.get_by_text("Frees", exact=False).first.wait_for()
    button = page.get_by_role("button", name="Delete 2 tags")
    expect(button).to_be_disabled()
    field = page.get_by_label("Type team/app to confirm")
    field.fill("team/ap")
    expect(button).to_be_disabled()
    field.press("Enter")
    field.fill(APP)
    expect(button).to_be_enabled()
    page.get_by_role("button", name="Look").click()
    page.get_by_text("clean", exact=True).wait_for()
    assert sorted(tags(one.url)) == ["1.0", "1.1", "1.2", "stable"]
    before = tags(one.url)["stable"]

    button.click()
    done = job(page, "Delete 2 tags of team/app from one")
    done.get_by_text("2 of 2 deleted.").wait_for()
    done.get_by_text("collected its garbage").wait_for()
    assert tags(one.url) == {"1.2": tags(one.url)["1.2"], "stable": before}
    page.get_by_role("tab", name="Registries").click()
    rows = page.get_by_role("grid", name="Tags")
    expect(rows.locator("[data-place]")).to_have_count(2)
    expect(page.get_by_role("button", name="Delete 2 tags")).to_be_hidden()


def test_what_is_cancelled_stays(opened, one):
    page = opened(one=one.url)
    choose(page, "one", APP, "1.0")
    in_bar(page, "Delete…").click()
    page.get_by_label("Type team/app to confirm").fill(APP)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("heading", name="Delete team/app:1.0 from one").wait_for(state="hidden")
    expect(page.get_by_role("grid", name="Tags")).to_be_focused()
    # What was typed is forgotten.
    in_bar(page, "Delete…").click()
    expect(page.get_by_label("Type team/app to confirm")).to_have_value("")
    assert len(tags(one.url)) == 4


def test_what_can_be_done_stands_in_one_line(opened, one):
    page = opened(one=one.url)
    choose(page, "one", APP, "1.0", "1.1")
    bar = page.get_by_role("group", name="Selected tags")
    bar.get_by_text("2 selected").wait_for()
    for width in (1280, 1024):
        page.set_viewport_size({"width": width, "height": 800})
        tops = bar.evaluate(
            "bar => [...bar.querySelectorAll('button')].filter((one) => one.offsetParent)"
            ".map((one) => Math.round(one.getBoundingClientRect().top))"
        )
        assert len(tops) == 6
        assert len(set(tops)) == 1
        assert bar.bounding_box()["height"] < 45
    # What is behind More is within the table, and the keyboard goes along it and back.
    more = in_bar(page, "More")
    more.focus()
    page.keyboard.press("ArrowDown")
    expect(more).to_have_attribute("aria-expanded", "true")
    expect(in_bar(page, "Save")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(in_bar(page, "Copy pull command")).to_be_focused()
    page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(bar).to_be_visible()
    more.click()
    in_bar(page, "Clear").focus()
    expect(in_bar(page, "Save")).to_be_hidden()


def test_many_are_copied_to_another_registry(opened, one, other):
    page = opened(one=one.url, other=other.url)
    choose(page, "one", APP, "1.0", "1.2", "stable")
    in_bar(page, "Copy to…").click()
    form = page.get_by_role("form", name="Copy 3 tags of team/app")
    expect(form.get_by_label("To registry")).to_have_value("other")
    form.get_by_label("Repository there").fill("not: a name")
    form.get_by_role("button", name="Show plan").click()
    expect(form.get_by_label("Repository there")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Repository there").fill("mirror/app")
    form.get_by_label("Platforms").fill("linux/amd64/x/y/z")
    form.get_by_role("button", name="Show plan").click()
    expect(form.get_by_label("Platforms")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Platforms").fill("")
    form.get_by_role("button", name="Show plan").click()
    page.get_by_role("heading", name="Copy 3 tags of team/app from one to other").wait_for()
    plan = page.get_by_role("grid", name="Plan")
    plan.get_by_text("mirror/app").first.wait_for()
    page.get_by_text("3 copy", exact=True).wait_for()
    assert tags(other.url, "mirror/app") == {}
    page.get_by_role("button", name="Copy 3 tags", exact=True).click()
    job(page, "from one to other").get_by_text("3 of 3 copied.").wait_for()
    wanted = {tag: digest for tag, digest in tags(one.url).items() if tag != "1.1"}
    assert tags(other.url, "mirror/app") == wanted


def test_one_platform_is_copied_from_drift(opened, demo_drift, other):
    page = opened(drift=demo_drift.url, other=other.url)
    choose(page, "drift", "team/shop/api", "2.0")
    in_bar(page, "Copy to…").click()
    form = page.get_by_role("form", name="Copy team/shop/api:2.0")
    form.get_by_label("Platforms").fill("linux/arm64/v8")
    form.get_by_role("button", name="Show plan").click()
    page.get_by_role("button", name="Copy 1 tag", exact=True).click()
    job(page, "from drift to other").get_by_text("1 of 1 copied.").wait_for()
    client = RegistryClient(demo_drift.url)
    child = ghostnb.run(client.image("team/shop/api:2.0", platform="linux/arm64/v8"))
    assert tags(other.url, "team/shop/api") == {"2.0": str(child.digest)}


def test_one_image_gets_a_new_name_from_its_details(opened, one):
    page = opened(one=one.url)
    choose(page, "one", APP)
    row = page.get_by_role("grid", name="Tags").locator("[data-place]").filter(has_text="1.1")
    row.get_by_role("button", name="Inspect").click()
    details = page.get_by_role("region", name="Image details")
    details.get_by_role("button", name="Copy to…").click()
    form = page.get_by_role("form", name="Copy team/app:1.1")
    form.get_by_role("button", name="Show plan").click()
    form.get_by_text("It is there already").wait_for()
    form.get_by_label("Name there").fill("team/app:newest")
    form.get_by_role("button", name="Show plan").click()
    page.get_by_role("button", name="Copy 1 tag", exact=True).click()
    job(page, "Copy team/app:1.1 from one to one").get_by_text("1 of 1 copied.").wait_for()
    assert tags(one.url)["newest"] == tags(one.url)["1.1"]
    page.get_by_role("tab", name="Registries").click()
    page.get_by_role("grid", name="Tags").get_by_text("newest").wait_for()

    details.get_by_role("button", name="Delete…").click()
    page.get_by_label("Type team/app to confirm").fill(APP)
    page.keyboard.press("Enter")
    job(page, "Delete team/app:1.1").get_by_text("1 of 1 deleted.").wait_for()
    page.get_by_role("tab", name="Registries").click()
    # What is gone is not looked at any more.
    page.get_by_text("Select a tag and inspect it.").wait_for()
    assert "1.1" not in tags(one.url)


def test_a_registry_that_deletes_nothing_says_so_before_any_button(opened, other):
    with docker_registry(delete=False) as locked:
        fill(locked.url, {f"{APP}:1": aged("one")})
        page = opened(locked=locked.url)
        choose(page, "locked", APP, "1")
        in_bar(page, "Delete…").click()
        page.get_by_role("heading", name="Delete team/app:1 from locked").wait_for()
        page.get_by_role("button", name="Retry").wait_for()
        page.get_by_text("deletion", exact=False).first.wait_for()
        assert page.get_by_label("to confirm").is_hidden()
        page.get_by_role("button", name="Retry").click()
        page.get_by_role("button", name="Retry").wait_for()
        page.get_by_role("button", name="Cancel").click()
        assert list(tags(locked.url)) == ["1"]


def test_what_failed_is_told_and_done_again(opened, one, other):
    page = opened(one=one.url, other=other.url)
    choose(page, "one", APP, "1.0", "1.1", "1.2")
    in_bar(page, "Copy to…").click()
    page.get_by_role("button", name="Show plan").click()
    page.get_by_role("button", name="Copy 3 tags", exact=True).wait_for()
    with unreadable(one, last_layer(one, "1.1")):
        page.get_by_role("button", name="Copy 3 tags", exact=True).click()
        row = job(page, "from one to other")
        row.get_by_text("2 of 3 copied, 1 failed.").wait_for()
        row.get_by_role("listitem").filter(has_text="team/app:1.1:").wait_for()
        assert sorted(tags(other.url)) == ["1.0", "1.2"]
    row.get_by_role("button", name="Retry").click()
    row.get_by_text("3 of 3 copied.").wait_for()
    expect(row.get_by_role("listitem")).to_have_count(0)
    assert tags(other.url)["1.1"] == tags(one.url)["1.1"]


def last_layer(registry, tag):
    manifest = ghostnb.run(RegistryClient(registry.url).image(f"{APP}:{tag}")).raw_manifest
    return json.loads(manifest)["layers"][-1]["digest"]


@contextlib.contextmanager
def unreadable(registry, digest):
    """Take a blob's data out of a registry's storage for a time."""
    hexes = digest.partition(":")[2]
    blobs = registry.storage_dir / "docker/registry/v2/blobs/sha256"
    data = blobs / hexes[:2] / hexes / "data"
    aside = data.with_name("aside")
    data.rename(aside)
    try:
        yield
    finally:
        aside.rename(data)


@pytest.fixture
def slow() -> Iterator[str]:
    """A registry at the end of a slow line, with images that share nothing."""
    with docker_registry() as far:
        fill(far.url, {f"{APP}:{tag}": plain_image(tag, size_bytes=1_500_000) for tag in "abcd"})
        with proxy(far.port, pause_seconds=0.05) as line:
            yield f"http://{line.host}"


def test_a_copy_is_cancelled_midway_and_goes_on(slow, other, opened):
    page = opened(far=slow, other=other.url)
    choose(page, "far", APP, "a", "b", "c", "d")
    in_bar(page, "Copy to…").click()
    page.get_by_role("button", name="Show plan").click()
    page.get_by_role("button", name="Copy 4 tags", exact=True).click()
    row = job(page, "from far to other")
    row.get_by_text("MB of 18.0 MB").wait_for()
    row.get_by_role("button", name="Cancel").click()
    row.get_by_text("Cancelled: ").wait_for()
    assert len(tags(other.url)) < 4
    row.get_by_role("button", name="Retry").click()
    row.get_by_text("4 of 4 copied.").wait_for()
    assert sorted(tags(other.url)) == ["a", "b", "c", "d"]


def test_by_the_keyboard_alone(opened, one):
    page = opened(one=one.url)
    page.get_by_role("grid", name="Registries").get_by_text("one", exact=True).wait_for()
    page.get_by_role("grid", name="Registries").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.get_by_role("grid", name="Repositories").get_by_text(APP).wait_for()
    reach(page, page.get_by_role("grid", name="Repositories"))
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    rows = page.get_by_role("grid", name="Tags")
    rows.get_by_text("1.0", exact=True).wait_for()
    reach(page, rows)
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    reach(page, in_bar(page, "Delete…"))
    page.keyboard.press("Enter")
    field = page.get_by_label("Type team/app to confirm")
    field.wait_for()
    heading = page.get_by_role("heading", name="Delete team/app:")
    expect(heading).to_be_focused()
    # The registry lists its tags in its own order.
    first = heading.inner_text().removeprefix("Delete team/app:").removesuffix(" from one")
    reach(page, field)
    page.keyboard.type(APP)
    page.keyboard.press("Enter")
    job(page, f"Delete team/app:{first}").get_by_text("1 of 1 deleted.").wait_for()
    assert {"1.0", "1.1", "1.2", "stable"} - tags(one.url).keys() == {first}


def reach(page, target):
    for _ in range(30):
        page.keyboard.press("Tab")
        if target.evaluate("one => one === document.activeElement"):
            return
    raise AssertionError("Tab does not lead there.")


def test_many_are_saved(opened, one, tmp_path):
    page = opened(one=one.url)
    choose(page, "one", APP, "1.0", "1.1")
    in_bar(page, "More").click()
    in_bar(page, "Save").click()
    for tag in ("1.0", "1.1"):
        job(page, f"one/team/app:{tag}").get_by_text("Saved as").wait_for()
    wait_until(lambda: len(list(tmp_path.glob("*.tar"))) == 2)
