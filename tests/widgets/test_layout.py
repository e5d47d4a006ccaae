"""How panels make room for what is in them, from a wide page to a narrow cell."""

from __future__ import annotations

import contextlib

import pytest

from ghostnb.widgets.sources import javascript
from tests.widgets.test_browser import code, open_repository

GAP_PX = 12
# Whether what is in the middle of an element is the element itself: not scrolled away, not covered.
IN_SIGHT = """one => {
    const { left, top, width, height } = one.getBoundingClientRect();
    return one.contains(document.elementFromPoint(left + width / 2, top + height / 2));
}"""


def box(page, name):
    return page.locator(".ghostnb-table", has=page.get_by_role("grid", name=name)).bounding_box()


def bottom(one):
    return one["y"] + one["height"]


def is_cut(cell):
    return cell.evaluate("cell => cell.scrollWidth > cell.clientWidth")


@pytest.fixture
def page(show, demo_drift, api_size):
    page = show(code(("local-drift", demo_drift.url), ("docker-hub", "https://192.0.2.1")))
    open_repository(page, "local-drift", "team/shop/api")
    page.get_by_role("grid", name="Tags").get_by_text(api_size).first.wait_for()
    return page


def test_tags_move_below_where_there_is_no_room_beside(page, demo_drift):
    registries, repositories, tags = ("Registries", "Repositories", "Tags")
    assert box(page, registries)["y"] == box(page, repositories)["y"] == box(page, tags)["y"]
    url = page.get_by_role("grid", name=registries).get_by_text(demo_drift.url)
    assert not is_cut(url)

    page.set_viewport_size({"width": 850, "height": 900})
    assert box(page, registries)["y"] == box(page, repositories)["y"]
    assert box(page, tags)["y"] > bottom(box(page, registries))
    assert not is_cut(url)

    for width in (500, 400):
        page.set_viewport_size({"width": width, "height": 900})
        assert box(page, repositories)["y"] > bottom(box(page, registries))
        assert box(page, tags)["y"] > bottom(box(page, repositories))
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [850, 400])
def test_a_tag_and_what_is_done_with_it_are_in_sight_together(page, width):
    page.set_viewport_size({"width": width, "height": 900})
    grid = page.get_by_role("grid", name="Tags")
    grid.scroll_into_view_if_needed()
    row = grid.locator("[data-place]").filter(has=page.get_by_text("1.3", exact=True))
    for to in (0, 1000):
        grid.evaluate("(grid, to) => { grid.scrollLeft = to; }", to)
        assert row.get_by_text("1.3", exact=True).evaluate(IN_SIGHT)
        assert row.get_by_role("button", name="Inspect").evaluate(IN_SIGHT)
        assert row.get_by_role("checkbox").evaluate(IN_SIGHT)
    assert row.get_by_text("linux/amd64").get_attribute("title") == "linux/amd64"


def test_what_nobody_knows_has_no_column(page):
    head = page.get_by_role("grid", name="Repositories").get_by_role("columnheader")
    assert head.all_inner_texts() == ["Repository"]
    # Neither registry has a badge.
    head = page.get_by_role("grid", name="Registries").get_by_role("columnheader")
    assert head.all_inner_texts() == ["", "Name", "URL", "Kind"]


def test_badges_and_the_url_beside_them_are_whole(show, demo_drift):
    page = show(code(("local-drift", demo_drift.url, "ghost", "nb-s3cret", True)))
    row = page.get_by_role("grid", name="Registries").locator("[data-place]")
    badges = row.locator(".ghostnb-cell-badges")
    page.get_by_text("INSECURE", exact=True).wait_for()
    assert not is_cut(badges)
    assert badges.evaluate("cell => cell.scrollHeight <= cell.clientHeight")
    assert badges.locator(".ghostnb-badge").first.bounding_box()["height"] < 20
    assert badges.get_attribute("title") == "AUTH, INSECURE"
    assert not is_cut(row.get_by_text("local-drift"))
    page.set_viewport_size({"width": 1920, "height": 900})
    assert not is_cut(row.get_by_text(demo_drift.url))


def test_the_form_stands_apart_and_takes_the_keyboard(page):
    page.get_by_role("button", name="Add registry").click()
    form = page.get_by_role("form", name="Add registry")
    form.wait_for()
    page.wait_for_function("document.activeElement.name === 'kind'")
    above = page.locator(".ghostnb-columns-box").bounding_box()
    assert form.bounding_box()["y"] - bottom(above) == GAP_PX


def test_a_panel_without_its_kernel_takes_no_keys(page):
    grid = page.get_by_role("grid", name="Tags")
    grid.focus()
    # As Jupyter marks a view whose kernel is gone.
    mark = """(grid, isGone) => grid.closest(".ghostnb").parentElement
        .classList.toggle("jupyter-widgets-disconnected", isGone)"""
    grid.evaluate(mark, True)
    page.wait_for_function("document.activeElement === document.body")
    inside = "grid => grid.closest('.ghostnb').contains(document.activeElement)"
    for _ in range(40):
        page.keyboard.press("Tab")
        assert not grid.evaluate(inside)
    grid.evaluate(mark, False)
    page.wait_for_function("!document.querySelector('.ghostnb[inert]')")
    grid.focus()
    assert grid.evaluate(inside)


def test_a_sorted_column_keeps_the_keyboard(page):
    size = page.get_by_role("button", name="Size")
    size.focus()
    page.keyboard.press("Enter")
    page.get_by_role("grid", name="Tags").locator("[aria-sort=ascending]").wait_for()
    assert size.evaluate("button => button === document.activeElement")


TIMES = """sources => {
    const formatTime = new Function(sources + "; return formatTime;")();
    const day = 86400000;
    return [0.5, 1.9, 40, 400, 700, 750].map((days) => formatTime(Date.now() - days * day));
}"""


def test_times_are_told_as_exactly_as_they_are_short(browser):
    with contextlib.closing(browser.new_page()) as page:
        said = page.evaluate(TIMES, javascript("format"))
    assert said == [
        "12 hours ago",
        "1 day ago",
        "1 month ago",
        "13 months ago",
        "22 months ago",
        "2 years ago",
    ]
