"""Pictures in the browser: entered by mouse and keyboard, and saved."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

CODE = """
import ipywidgets, pandas as pd
from ghostnb.pictures import treemap
from ghostnb.widgets import PictureView

sizes = pd.Series({"team/app": 3_000_000, "team/web": 1_000_000})
said = ipywidgets.Label("nothing yet")

def entered(key):
    said.value = f"entered {key}"
    view.show(treemap(pd.Series({"layer 1": 10, "layer 2": 5}), f"Layers of {key}"))

view = PictureView(treemap(sizes, "Storage of a/b"), on_activate=entered)
looked = PictureView(treemap(sizes, "Only looked at"))
ipywidgets.VBox([view, looked, said])
"""


@pytest.fixture
def page(show):
    page = show(CODE)
    page.get_by_role("button", name="team/app: 3.00 MB, 75.0 %").wait_for()
    return page


def test_it_says_what_it_shows(page):
    picture = page.locator("svg[role=group]").first
    label = picture.get_attribute("aria-label")
    assert label == (
        "Storage of a/b. 2 areas, 4.00 MB in all: team/app 3.00 MB (75 %), team/web 1.00 MB (25 %)."
    )


def test_a_part_is_entered_by_the_mouse(page):
    page.get_by_role("button", name="team/web").click()
    page.get_by_text("entered team/web").wait_for()
    page.locator(".ghostnb-picture-title", has_text="Layers of team/web").wait_for()
    page.get_by_role("button", name="layer 1: 10 B, 66.7 %").wait_for()


@pytest.mark.parametrize("key", ["Enter", " "])
def test_a_part_is_entered_by_the_keyboard_which_stays_there(page, key):
    page.get_by_role("button", name="team/app").focus()
    page.keyboard.press(key)
    page.get_by_text("entered team/app").wait_for()
    first = page.get_by_role("button", name="layer 1")
    first.wait_for()
    assert first.evaluate("one => one === document.activeElement")


def test_tab_stops_at_one_part_and_arrows_lead_to_the_others(page):
    first, second = (page.get_by_role("button", name=name) for name in ("team/app", "team/web"))
    stops = page.locator(".ghostnb-picture [data-key][tabindex='0']")
    assert stops.count() == 1
    first.focus()
    for key, expected in [("ArrowRight", second), ("ArrowDown", second), ("Home", first)]:
        page.keyboard.press(key)
        assert expected.evaluate("one => one === document.activeElement")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.get_by_text("entered team/web").wait_for()
    assert stops.count() == 1


def test_what_is_only_looked_at_has_no_buttons_but_to_save(page):
    looked = page.locator(".ghostnb-picture", has_text="Only looked at")
    assert looked.get_by_role("button").count() == 2
    looked.locator("[data-key]").first.click()
    assert page.get_by_text("nothing yet").is_visible()


def test_it_is_saved_as_svg(page, tmp_path):
    with page.expect_download() as found:
        page.get_by_role("button", name="Save the picture as SVG").first.click()
    assert found.value.suggested_filename == "Storage-of-a-b.svg"
    found.value.save_as(tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert text.startswith("<svg")
    assert "var(" not in text


def test_it_is_saved_as_png(page, tmp_path):
    with page.expect_download() as found:
        page.get_by_role("button", name="Save the picture as PNG").first.click()
    assert found.value.suggested_filename == "Storage-of-a-b.png"
    found.value.save_as(tmp_path / "a.png")
    content = Path(tmp_path / "a.png").read_bytes()
    assert struct.unpack(">II", content[16:24]) == (1920, 840)
    assert len(content) > 5000
