"""What is typed into one view of a form is that view's."""

from __future__ import annotations

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
