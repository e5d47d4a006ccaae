"""The Activity tab in a browser, with a real agent and a registry that tells it what happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.dashboard.contrast import faults
from tests.dashboard.keyboard import kept_focus, press, tab_to
from tests.dashboard.tables import grid, row
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.images import plain_image
from tests.parts.processes import free_port
from tests.parts.pushes import Pusher
from tests.parts.registries import RunningRegistry, docker_registry

CODE = """
import ghostnb
from ghostnb.agent_feed import AgentFeed
from ghostnb.widgets import Dashboard

fleet = ghostnb.Fleet([ghostnb.RegistryConfig(*one) for one in {registries}])
Dashboard(fleet, ghostnb.Engine("unix:///nowhere/docker.sock"), feed={feed})
"""
SECRET = "the-registrys-secret"
SETTINGS = f"c.AgentExtension.webhook_secrets = {{'distribution': {SECRET!r}}}"
# The ground of the dashboard's own page, which this one of Voilà's is not.
DARK = """
[data-jp-theme-light="false"], [data-jp-theme-light="false"] :not(.ghostnb, .ghostnb *) {
  background: #16191e !important;
}
"""
EMPTY = "Nothing has happened yet."
# So many do not fit into the table.
MANY = 40


@pytest.fixture
def start(tmp_path):
    """Give what runs an agent, again and again on the same port."""
    port = str(free_port())
    names = iter("abc")

    @contextmanager
    def started() -> Iterator[RunningAgent]:
        place = tmp_path / next(names)
        with running_agent(place, {}, "--port", port, settings=SETTINGS) as agent:
            yield agent

    return started


@pytest.fixture
def agent(start) -> Iterator[RunningAgent]:
    with start() as running:
        yield running


@contextmanager
def telling(agent: RunningAgent) -> Iterator[RunningRegistry]:
    """Run a registry that tells the agent, which knows it as ``told``."""
    url = f"{agent.url}/api/v1/webhooks/distribution"
    with docker_registry(notifications={url: {"Authorization": f"Bearer {SECRET}"}}) as registry:
        body = {"name": "told", "url": registry.url}
        assert agent.ask("POST", "/registries", json=body).status_code == 201
        yield registry


@pytest.fixture
def opened(show):
    def open_page(agent: RunningAgent | None, token: str = TOKEN, **urls: str) -> Page:
        feed = f"AgentFeed({agent.url!r}, {token!r})" if agent else None
        page = show(CODE.format(registries=[*urls.items()], feed=feed))
        page.add_style_tag(content=DARK)
        page.get_by_role("tab", name="Activity").click()
        return page

    return open_page


def add(agent: RunningAgent, *names: str) -> None:
    for name in names:
        body = {"name": name, "url": "http://localhost:1"}
        assert agent.ask("POST", "/registries", json=body).status_code == 201


def events(page: Page) -> Locator:
    return grid(page, "Activity").locator("[data-place]")


def first(page: Page) -> Locator:
    return grid(page, "Activity").locator("[data-place='0']")


def event(page: Page, text: str) -> Locator:
    return row(page, "Activity", text)


def top(one: Locator) -> float:
    box = one.bounding_box()
    assert box is not None
    return box["y"]


def test_what_a_registry_tells_comes_first_at_once_and_is_gone_to(agent, opened):
    with telling(agent) as registry, Pusher(registry.url) as pusher:
        page = opened(agent, told=registry.url)
        event(page, "registry-add").get_by_text("owner").wait_for()
        pusher.push("team/app", "1.0", plain_image("one"))
        pushed = first(page).filter(has_text="team/app:1.0")
        for text in ("push", "told", "distribution", "✓ success", "just now"):
            pushed.get_by_text(text, exact=True).wait_for()
        page.get_by_text(f"Told by the agent at {agent.url}, and by this page.").wait_for()

        show_it = page.get_by_role("button", name="Show it")
        expect(show_it).to_be_disabled()
        pushed.click()
        page.get_by_role("heading", name="push team/app:1.0").wait_for()
        show_it.click()
        page.get_by_role("heading", name="team/app:1.0", exact=True).wait_for()
        expect(page.get_by_role("tab", name="Registries")).to_have_attribute(
            "aria-selected", "true"
        )
        expect(row(page, "Tags", "1.0")).to_be_visible()

        # The same without a mouse, and of what no tag is known.
        press(page, page.get_by_role("tab", name="Registries"), "ArrowLeft")
        press(page, grid(page, "Activity"), "Home")
        page.keyboard.press("End")
        expect(event(page, "registry-add")).to_have_class("ghostnb-row ghostnb-active")
        page.keyboard.press("Enter")
        expect(grid(page, "Tags")).to_be_focused()
        expect(row(page, "Registries", "told")).to_have_attribute("aria-selected", "true")
        expect(page.get_by_role("heading", name="team/app:1.0", exact=True)).to_be_hidden()


def test_who_looks_further_down_is_not_disturbed(agent, opened):
    add(agent, *(f"old-{number}" for number in range(MANY)))
    page = opened(agent)
    table = grid(page, "Activity")
    first(page).get_by_text(f"old-{MANY - 1}").wait_for()
    news = page.get_by_role("button", name="new ▴")
    expect(news).to_be_hidden()
    # Who is at the top sees what comes.
    add(agent, "seen")
    first(page).get_by_text("seen").wait_for()
    expect(news).to_be_hidden()

    chosen = event(page, f"old-{MANY - 6}")
    chosen.click()
    page.keyboard.press("ArrowDown")
    table.hover()
    page.mouse.wheel(0, 100)
    page.wait_for_function("() => document.querySelector('[aria-label=Activity]').scrollTop >= 100")
    lower = event(page, f"old-{MANY - 9}")
    before = top(lower)
    add(agent, "new-1")
    page.get_by_role("button", name="1 new ▴").wait_for()
    add(agent, "new-2", "new-3")
    page.get_by_role("button", name="3 new ▴").wait_for()
    assert top(lower) == before
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(table).to_be_focused()
    expect(event(page, f"old-{MANY - 7}")).to_have_class("ghostnb-row ghostnb-active")

    press(page, page.get_by_role("button", name="3 new ▴"), "Enter")
    first(page).get_by_text("new-3").wait_for()
    expect(news).to_be_hidden()
    expect(table).to_be_focused()
    expect(chosen).to_have_attribute("aria-selected", "true")


def test_what_comes_is_filtered_and_sorted_like_what_is_there(agent, opened):
    page = opened(agent)
    page.get_by_text(EMPTY).wait_for()
    page.get_by_text("Pulls, saves, pushes, copies and deletions").wait_for()
    add(agent, "apple", "cherry")
    field = page.get_by_label("Filter activity")
    field.fill("apple")
    page.get_by_text("1 of 2", exact=True).wait_for()
    add(agent, "pineapple", "plum")
    page.get_by_text("2 of 4", exact=True).wait_for()
    first(page).get_by_text("pineapple").wait_for()
    expect(field).to_be_focused()
    # Who comes back to the tab sees why there are so few.
    page.get_by_role("tab", name="Images").click()
    page.get_by_role("tab", name="Activity").click()
    page.get_by_text("2 of 4", exact=True).wait_for()
    expect(field).to_have_value("apple")
    field.fill("")
    page.get_by_role("button", name="Registry").click()
    first(page).get_by_text("apple", exact=True).wait_for()
    add(agent, "banana")
    expect(events(page).nth(0)).to_contain_text("apple")
    grid(page, "Activity").locator("[data-place='1']").get_by_text("banana").wait_for()


def test_an_agent_that_goes_and_comes_again(start, opened):
    with start() as agent:
        add(agent, "before")
        page = opened(agent)
        event(page, "before").click()
        agent.stop()
        page.get_by_text(f"The agent at {agent.url} does not answer; trying again").wait_for()
        page.get_by_text("(connection refused). Is the agent running?").wait_for()
        assert faults(page) == []
        expect(event(page, "before")).to_have_attribute("aria-selected", "true")
        tab_to(page, page.get_by_role("button", name="Retry"), "Shift+Tab")
    with start() as agent:
        add(agent, "after-1", "after-2")
        # Pressed, the button is gone, and the keyboard stays in the table.
        page.keyboard.press("Enter")
        first(page).get_by_text("after-2").wait_for()
        page.get_by_text("does not answer").wait_for(state="hidden")
        assert "Activity" in kept_focus(page)
        expect(events(page)).to_have_count(3)
        page.get_by_text("Some of what happened may be missing here.").wait_for()
        add(agent, "later")
        first(page).get_by_text("later").wait_for()
        expect(event(page, "before")).to_have_attribute("aria-selected", "true")
        assert faults(page) == []


def test_a_token_that_is_refused_is_said_and_nothing_of_it_shown(agent, opened):
    page = opened(agent, token="nb-s3cret")
    page.get_by_text("refused its events (UNAUTHENTICATED: Nobody has this token").wait_for()
    assert faults(page) == []
    page.get_by_role("button", name="Retry").click()
    page.get_by_text("refused its events").wait_for()
    assert "s3cret" not in page.content()


def test_without_an_agent_it_has_what_the_page_does(opened, registry):
    page = opened(None, here=registry.url)
    page.get_by_text(EMPTY).wait_for()
    page.get_by_text("To see what others do, too, start an agent (ghostnb agent)").wait_for()
    page.get_by_role("tab", name="Images").click()
    page.get_by_label("Search images").fill("app")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pull", exact=False).first.click()
    page.get_by_text("No container daemon answers at").wait_for()
    page.get_by_role("tab", name="Activity").click()
    failed = first(page)
    for text in ("pull", "here", "this page", "✕ failure"):
        failed.get_by_text(text, exact=True).wait_for()
    failed.click()
    page.get_by_text("UTC: No container daemon answers at").wait_for()
    assert faults(page) == []
