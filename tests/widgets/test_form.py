"""What is typed into one view of a form is that view's, and goes on where it began."""

from __future__ import annotations

from playwright.sync_api import expect

CODE = """
import ipywidgets
from ghostnb.widgets.form import Field, Form

form = Form("Ask", [Field("one", "One"), Field("two", "Two")], {"Go": lambda values: None})
form.fill(two="filled")
more = ipywidgets.Button(description="More")
box = ipywidgets.VBox([form, more])
def add(_):
    box.children = [*box.children, form]
more.on_click(add)
box
"""
FILLED = """count => count ===
    [...document.querySelectorAll("[name=two]")].filter((one) => one.value === "filled").length"""


def test_a_second_view_leaves_what_is_typed_in_the_first(show):
    page = show(CODE)
    forms = page.get_by_role("form", name="Ask")
    page.wait_for_function(FILLED, arg=1)
    forms.first.get_by_label("One").fill("typed")
    page.get_by_role("button", name="More").click()
    page.wait_for_function(FILLED, arg=2)
    assert forms.first.get_by_label("One").input_value() == "typed"
    assert forms.last.get_by_label("One").input_value() == ""


FOCUSED = """
from ghostnb.widgets.form import Field, Form

def go(values):
    # As when the form was told so a second time, since it had just been shown.
    form.focus()
    form.tell("Told.")

form = Form("Ask", [Field("one", "One"), Field("two", "Two")], {"Go": go})
form.focus()
form
"""


def test_who_types_into_a_field_is_not_taken_to_the_first(show):
    page = show(FOCUSED)
    form = page.get_by_role("form", name="Ask")
    expect(form.get_by_label("One")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("typed")
    page.keyboard.press("Enter")
    form.get_by_text("Told.").wait_for()
    expect(form.get_by_label("Two")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    form.get_by_text("Told.").wait_for()
    expect(form.get_by_role("button", name="Go")).to_be_focused()
