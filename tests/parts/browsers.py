"""Chromium, and what its pages complain about and ask for."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.parts.processes import find_program

FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)
UNDISTURBED = Path(__file__).with_name("undisturbed.py")
PATIENCE_MS = 60_000
HOME = ("127.0.0.1", "localhost", "[::1]")


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Start Debian's Chromium, with further flags if need be.

    The one without a window, which asks for half as much of a processor.
    """
    program = find_program("chromium-headless-shell", "chromium-headless-shell")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as directory:
        start = Path(directory) / "chromium"
        start.write_text(f'#!/bin/sh\nexec {sys.executable} -I {UNDISTURBED} {program} "$@"\n')
        start.chmod(0o755)
        browser = playwright.chromium.launch(executable_path=start, args=[*FLAGS.split(), *flags])
        yield browser
        browser.close()


@dataclass
class Watch:
    """What happened on some pages that should not."""

    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        """Watch a page from now on."""
        page.on("pageerror", lambda error: self.errors.append(error.stack or str(error)))
        page.on("console", lambda said: said.type == "error" and self.errors.append(said.text))
        page.on("request", lambda request: self._look(request.url))

    def _look(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("blob", "data") and parts.hostname not in HOME:
            self.foreign.append(url)


@contextmanager
def session(browser: Browser, watch: Watch, **options: object) -> Iterator[Page]:
    """Open a page in a browser session of its own: its own cookies, its own storage."""
    context: BrowserContext
    with closing(
        browser.new_context(viewport={"width": 1280, "height": 900}, **options)
    ) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", watch.over)
        yield context.new_page()
        for page in context.pages:
            # Closed with its context, a page takes no leave of its kernel.
            page.close(run_before_unload=True)
