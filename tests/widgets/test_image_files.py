"""The tabs Files and Compare of an image's details, on a real registry."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from ghostnb.widgets.image.contents import Contents
from tests.analysis.trees import directory, file, files, without

CODE = """
import ghostnb
from ghostnb.widgets import ImageDetails

fleet = ghostnb.Fleet([ghostnb.RegistryConfig("local", "{url}"),
                       ghostnb.RegistryConfig("again", "oci:{root}/registry")])
details = ImageDetails(fleet)
details.show("local", "team/shop/api:1.4", platform="linux/amd64")
details
"""


@pytest.fixture
def page(show, demo_drift):
    page = show(CODE.format(url=demo_drift.url, root=demo_drift.root.parent))
    page.get_by_role("heading", name="team/shop/api:1.4").wait_for()
    return page


def area(page: Page, name: str):
    return page.get_by_role("button", name=f"{name}: ")


def title(page: Page, text: str):
    return page.locator(".ghostnb-picture-title", has_text=text)


def test_files_are_read_when_they_are_asked_for(page):
    page.get_by_role("tab", name="Files").click()
    page.get_by_text("Not read yet: 6 layers").wait_for()
    page.get_by_role("button", name="Read the files").focus()
    page.keyboard.press("Enter")
    table = page.get_by_role("grid", name="Files by layer")
    table.get_by_text("/etc/os-release").wait_for()
    page.get_by_text("efficient", exact=False).wait_for()
    page.get_by_text("Nothing: each file is written once.").wait_for()
    # No button is left that could have the keyboard: it waits beside them.
    page.wait_for_function("document.activeElement.closest('[aria-label=Files]') !== null")
    # By the keyboard down to a file, whose row is selected then.
    area(page, "srv/").focus()
    page.keyboard.press("Enter")
    area(page, "api/").wait_for()
    page.keyboard.press("Enter")
    area(page, "version.py").wait_for()
    title(page, "team/shop/api:1.4: /srv/api/, unpacked").wait_for()
    area(page, "version.py").click()
    table.get_by_role("row", selected=True).get_by_text("/srv/api/version.py").wait_for()
    up = page.get_by_role("button", name="Up", exact=True)
    up.click()
    up.click()
    title(page, "team/shop/api:1.4: /, unpacked").wait_for()
    expect(up).to_be_disabled()
    # Another tab, and what was read is still there.
    page.get_by_role("tab", name="Overview").click()
    expect(table).to_be_hidden()
    page.get_by_role("tab", name="Files").click()
    expect(table).to_be_visible()


def test_two_images_are_compared(page):
    page.get_by_role("tab", name="Overview").focus()
    page.keyboard.press("End")
    form = page.get_by_role("form", name="Compare team/shop/api:1.4 with")
    field = form.get_by_label("Image")
    expect(field).to_have_value("team/shop/api:")
    form.get_by_role("button", name="Compare").click()
    expect(form.get_by_role("alert").last).not_to_be_empty()
    field.fill("team/shop/api:0.0")
    field.press("Enter")
    form.get_by_text("team/shop/api:0.0").last.wait_for()
    form.get_by_label("In registry").select_option("again")
    field.fill("team/shop/api:1.3")
    field.press("Enter")
    heading = page.get_by_role("heading", name="From team/shop/api:1.3 to team/shop/api:1.4")
    heading.wait_for()
    settings = page.get_by_role("grid", name="Settings")
    row = settings.locator("[data-place]").filter(has=page.get_by_text("created", exact=True))
    expect(row).to_have_count(1)
    changed = page.get_by_role("grid", name="Files, the largest differences first")
    changed.get_by_text("added", exact=True).first.wait_for()
    layers = page.get_by_role("grid", name="Layers, from the base up")
    layers.get_by_text("same", exact=True).first.wait_for()
    page.get_by_role("tab", name="Files").click()
    expect(layers).to_be_hidden()


def test_what_is_compared_is_of_one_platform_where_there_is_one(show, demo_drift):
    code = CODE.replace("api:1.4", "api:2.4").replace("linux/amd64", "linux/arm64")
    page = show(code.format(url=demo_drift.url, root=demo_drift.root.parent))
    page.get_by_role("heading", name="team/shop/api:2.4").wait_for()
    page.get_by_role("tab", name="Compare").click()
    field = page.get_by_label("Image", exact=True)
    field.fill("team/shop/api:2.3")
    field.press("Enter")
    title = page.get_by_role("heading", name="From team/shop/api:2.3 to team/shop/api:2.4")
    expect(title).to_contain_text("linux/arm64")
    expect(title).not_to_contain_text("amd64")
    # One that has no such platform is compared all the same.
    field.fill("team/shop/api:1.6")
    field.press("Enter")
    other = "From team/shop/api:1.6 (linux/amd64) to team/shop/api:2.4 (linux/arm64/v8)"
    page.get_by_role("heading", name=other).wait_for()
    # Another platform's comparison is another one.
    page.get_by_label("Platform").select_option("linux/amd64")
    page.get_by_role("form", name="Compare team/shop/api:2.4 with").wait_for()
    expect(page.get_by_role("heading", name=other)).to_be_hidden()


def test_contents_worked_out_by_hand():
    frame = files(
        [directory("/srv"), file("/srv/a", 100), file("/srv/b", 50)],
        [file("/srv/a", 70)],
        [without("/srv/b")],
    )
    contents = Contents.of("app:1", frame)
    # The smallest of each path, 70 + 0, of all that is written, 100 + 70 + 50.
    assert contents.text == "2 paths, 31.8 % efficient"
    assert contents.sizes == {"Unpacked": 70, "Wasted": 220}
    assert contents.wasted["path"].tolist() == ["/srv/a", "/srv/b"]
    assert contents.picture("/srv/").title == "app:1: /srv/, unpacked"
    assert contents.picture("/srv/").alt == "1 area, 70 B in all: a 70 B (100 %)."
    # The row that says what became of it is the last.
    assert frame["layer"][int(contents.key_of("/srv/a"))] == 1
    assert contents.key_of("/nowhere") is None
