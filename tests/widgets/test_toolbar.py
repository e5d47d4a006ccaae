"""A row of buttons in the browser, of which one asks first."""

from playwright.sync_api import expect

CODE = """
import ipywidgets
from ghostnb.widgets.actions import Action
from ghostnb.widgets.toolbar import Toolbar

pressed = ipywidgets.Label("nothing")

def told(text):
    return lambda: setattr(pressed, "value", text)

asking = Toolbar("Registries", {
    Action("remove", "Remove", confirm="Remove it?"): told("removed"),
    Action("forget", "Remove and forget", enabled=False, asked_with="remove"): told("forgotten"),
})
kernel = Toolbar("Kernel", {
    Action("offer", "Offer"): lambda: asking.change("forget", enabled=True),
    Action("withdraw", "Withdraw"): lambda: asking.change("forget", enabled=False),
})
ipywidgets.VBox([asking, kernel, pressed])
"""


def test_what_may_be_answered_changes_while_it_is_asked(show):
    page = show(CODE)
    question = page.get_by_role("group", name="Remove it?")
    forget = question.get_by_role("button", name="Remove and forget")

    def press(name):
        """Press without the focus, as if it came from the kernel alone."""
        page.get_by_role("button", name=name).evaluate("button => button.click()")

    page.get_by_role("button", name="Remove", exact=True).click()
    press("Offer")
    forget.focus()
    press("Withdraw")
    expect(forget).to_have_count(0)
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()

    press("Offer")
    forget.click()
    page.get_by_text("forgotten", exact=True).wait_for()
    expect(question).to_be_hidden()
