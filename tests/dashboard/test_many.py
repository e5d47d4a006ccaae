"""A thousand repositories, and twenty thousand tags in one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import expect

from tests.dashboard.running import RunningDashboard, running_dashboard, write_config
from tests.dashboard.tables import grid, row
from tests.parts.drift import RunningDrift, running_drift
from tests.parts.images import plain_image
from tests.parts.pushes import write_layout

REPOSITORIES, TAGS = 1_000, 20_000
# As many as stand in sight, and some more on both sides.
IN_SIGHT = 30
SIZE = re.compile(r"^\d+ B$")


@pytest.fixture(scope="module")
def crowded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDrift]:
    root = tmp_path_factory.mktemp("many")
    image = plain_image("many", layers=1)
    names = [f"team/service-{number:04}:1.0" for number in range(1, REPOSITORIES)]
    names += [f"team/monorepo:build-{number:05}" for number in range(TAGS)]
    # As files of a docker-registry they would take minutes to remove.
    write_layout(root, dict.fromkeys(names, image))
    with running_drift(root) as running:
        yield running


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory, crowded) -> Iterator[RunningDashboard]:
    folder = tmp_path_factory.mktemp("many-dashboard")
    config = write_config(folder, crowded=crowded.url)
    with running_dashboard(folder, config) as running:
        yield running


def asked(registry: RunningDrift) -> int:
    """Count the manifests that were asked for."""
    figures = httpx2.get(f"{registry.url}/metrics", trust_env=False).text
    counts = re.findall(r'requests_total\{.*route="manifests".*\} (\S+)', figures)
    return sum(int(float(count)) for count in counts)


def count(page, name):
    table = page.locator(".ghostnb-table").filter(has=grid(page, name))
    return table.locator(".ghostnb-count")


def test_what_is_in_sight_is_asked_for_and_nothing_else(dashboard, page, crowded):
    page.goto(dashboard.link)
    row(page, "Registries", "crowded").click()
    expect(count(page, "Repositories")).to_have_text("1,000")
    page.get_by_label("Filter repositories").fill("mono")
    expect(count(page, "Repositories")).to_have_text("1 of 1,000")
    row(page, "Repositories", "team/monorepo").click()
    expect(count(page, "Tags")).to_have_text("20,000")
    tags = grid(page, "Tags")
    tags.locator("[data-place='0']").get_by_text(SIZE).wait_for()
    tags.get_by_role("button", name="Tag").click()
    row(page, "Tags", "build-00000").get_by_text(SIZE).wait_for()
    tags.focus()
    page.keyboard.press("End")
    row(page, "Tags", "build-19999").get_by_text(SIZE).wait_for()
    assert tags.get_by_role("row").count() <= IN_SIGHT
    assert 3 <= asked(crowded) <= 3 * IN_SIGHT

    page.get_by_label("Filter tags").fill("12345")
    expect(count(page, "Tags")).to_have_text("1 of 20,000")
    row(page, "Tags", "build-12345").get_by_text(SIZE).wait_for()
    page.get_by_label("Filter tags").fill("build-1234")
    expect(count(page, "Tags")).to_have_text("10 of 20,000")
    tags.get_by_label("Select all matching").click()
    bar = page.get_by_role("group", name="Selected tags")
    bar.get_by_text("10 selected").wait_for()

    page.get_by_label("Filter tags").fill("")
    tags.get_by_role("button", name="Tag").click()
    expect(tags.locator("[data-place='0']")).to_contain_text("build-19999")
    tags.focus()
    page.keyboard.press("Control+a")
    bar.get_by_text("20,000 selected").wait_for()
    assert asked(crowded) <= 5 * IN_SIGHT
