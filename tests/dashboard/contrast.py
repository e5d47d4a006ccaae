"""How well a page can be read: contrast as WCAG 2.2 measures it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Marks that say something by themselves, and of what they are made.
MARKS = {
    ".ghostnb-dot": "borderTopColor",
    ".ghostnb-badge": "borderTopColor",
    ".ghostnb-segment": "backgroundColor",
    ".ghostnb-strip": "backgroundColor",
    '.ghostnb-tab[aria-selected="true"]': "borderBottomColor",
    ".ghostnb progress": "accentColor",
}
FAULTS = Path(__file__).with_suffix(".js").read_text()


def faults(page: Page) -> list[str]:
    """Say of what is seen in either theme where it has too little contrast."""
    found = []
    before = page.evaluate("document.body.dataset.jpThemeLight")
    for is_light in ("true", "false", before):
        page.evaluate("(is) => (document.body.dataset.jpThemeLight = is)", is_light)
        seen = page.evaluate(FAULTS, MARKS)
        assert seen["texts"] > 5
        found += [f"{'light' if is_light == 'true' else 'dark'}: {one}" for one in seen["faults"]]
    return sorted(set(found))
