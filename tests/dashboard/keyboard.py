"""A page without a mouse: only keys, and what has the focus."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

MOST_TABS = 60
# The focus of what is hidden is taken away with the next picture.
FOCUSED = """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => {
  const active = document.activeElement;
  done(active === document.body ? "" : active.outerHTML.slice(0, 200));
})))"""


def has_focus(target: Locator) -> bool:
    return target.evaluate_all("found => found.includes(document.activeElement)")


def tab_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Go on with the Tab key until the target has the focus."""
    passed = []
    for _ in range(MOST_TABS):
        if has_focus(target):
            return
        page.keyboard.press(key)
        passed.append(page.evaluate("document.activeElement.outerHTML.slice(0, 120)"))
    raise AssertionError(f"{target} is not reached by {key}:\n" + "\n".join(passed))


def press(page: Page, target: Locator, key: str = "Enter") -> None:
    """Go there, and press a key."""
    tab_to(page, target)
    page.keyboard.press(key)


def fill(page: Page, target: Locator, text: str) -> None:
    """Go there, and type over what is there."""
    tab_to(page, target)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)


def kept_focus(page: Page) -> str:
    """Give what has the focus; that nothing has is a fault."""
    focused = page.evaluate(FOCUSED)
    assert focused, "the focus is lost"
    return focused
