"""The tables of the dashboard's page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def grid(page: Page, name: str) -> Locator:
    """Find a table by its title."""
    return page.get_by_role("grid", name=name)


def row(page: Page, name: str, text: str) -> Locator:
    """Find the row that has a cell of this text."""
    return grid(page, name).locator("[data-place]").filter(has=page.get_by_text(text, exact=True))
