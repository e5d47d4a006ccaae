"""Both themes can be read: every text and mark of every tab, in each of its states."""

from __future__ import annotations

from tests.dashboard.contrast import faults
from tests.dashboard.tables import grid, row
from tests.parts.processes import free_port


def test_a_text_that_is_hard_to_read_is_found(page):
    text = "<p>{}</p>" * 6
    page.set_content(text.format(*"abcdef") + "<p style='color: #777'>grey</p>")
    assert [one.partition(":")[2] for one in faults(page)] == [
        " 4.48 < 4.5: grey (P), rgb(119, 119, 119) on 255,255,255"
    ] * 2


def test_the_registries_can_be_read(dashboard, page, api_size):
    page.goto(dashboard.link)
    page.get_by_text("Select a repository to view tags.").wait_for()
    page.get_by_role("button", name="Add registry").click()
    form = page.get_by_role("form", name="Add registry")
    form.get_by_role("button", name="Add", exact=True).click()
    form.get_by_text("This is needed.").first.wait_for()
    assert faults(page) == []
    form.get_by_label("Name", exact=True).fill("down")
    form.get_by_label("URL").fill(f"http://localhost:{free_port()}")
    form.get_by_label("Username").fill("ghost")
    form.get_by_label("Password", exact=True).fill("nb-s3cret")
    form.get_by_role("button", name="Add", exact=True).click()
    page.get_by_text("Cannot reach down at").wait_for()
    row(page, "Registries", "down").get_by_label("unreachable").wait_for()
    assert faults(page) == []

    page.get_by_role("button", name="Remove", exact=True).click()
    assert faults(page) == []
    page.get_by_role("button", name="Cancel").click()
    row(page, "Registries", "local-drift").click()
    row(page, "Repositories", "team/shop/api").click()
    row(page, "Tags", "1.3").get_by_text(api_size).wait_for()
    row(page, "Tags", "1.3").click()
    page.get_by_text(f"1 selected, {api_size}").wait_for()
    grid(page, "Tags").locator("[data-place]").first.hover()
    assert faults(page) == []


def test_an_image_can_be_read(dashboard, page):
    page.goto(f"{dashboard.link}&registry=local-drift&repository=team/shop/api&tag=1.3")
    details = page.get_by_role("region", name="Image details")
    details.get_by_role("heading", name="team/shop/api:1.3").wait_for()
    details.get_by_text("Pull commands").click()
    for tab, text in {
        "Overview": "Media type",
        "Layers": "shared with other tags",
        "History": "no layer",
        "Manifest": "schemaVersion",
    }.items():
        details.get_by_role("tab", name=tab).click()
        details.get_by_text(text).first.wait_for()
        assert faults(page) == []


def test_images_containers_and_what_happened_can_be_read(dashboard, page):
    page.goto(f"{dashboard.link}&tab=Images")
    page.get_by_label("Search images").fill("team")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pull team/shop/web:latest from local-drift").click()
    page.get_by_text("No container daemon answers at").wait_for()
    assert faults(page) == []
    page.get_by_role("button", name="Create container team/shop/web:latest").click()
    form = page.get_by_role("form", name="Create container")
    form.get_by_label("Ports").fill("no port")
    form.get_by_role("button", name="Create", exact=True).click()
    form.get_by_text("Nothing was created.").wait_for()
    grid(page, "Containers").wait_for(state="hidden")
    assert faults(page) == []
    page.get_by_role("tab", name="Activity").click()
    row(page, "Activity", "pull").click()
    page.get_by_text("UTC: No container daemon answers at").wait_for()
    assert faults(page) == []
    grid(page, "Activity").locator("[data-place]").first.hover()
    page.get_by_label("Filter activity").fill("nothing like it")
    page.get_by_text("Nothing matches the filter.").wait_for()
    assert faults(page) == []
