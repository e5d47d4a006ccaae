"""The dashboard in a real browser, beside stock Voilà's page with one button, in one run.

Alone: ``python -m tests.benchmarks.dashboard``.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Locator
from playwright.sync_api import Page as Tab

from tests.benchmarks.pages import FAVOURABLE, Page, button_page, dashboard_page
from tests.benchmarks.tools import row
from tests.parts.browsers import PATIENCE_MS, chromium
from tests.parts.images import image
from tests.parts.registries import docker_registry
from tests.parts.storage import write_storage

ROUNDS, CLICKS, LISTINGS = 5, 40, 7
TAGS = 20_000
NAMES = [f"v1.{number // 100}.{number % 100}" for number in range(TAGS)]
# Each letter lets fewer of them through.
FILTER = "77.1"
STOPWATCH = Path(__file__).with_name("stopwatch.js").read_text("utf-8")
# Stock Voilà asks for fonts elsewhere: here it is told at once that there is no elsewhere.
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"
TABLE = "document.querySelector('[aria-label=\"Tags\"]').closest('.ghostnb-table')"
DRAWN = f"{TABLE}.querySelectorAll('.ghostnb-space [role=row]').length > 5"
Seconds = dict[str, list[float]]


def measure_dashboard(directory: Path) -> None:
    """Compare how soon pages are visible, and take the times of what is done on them."""
    with ExitStack() as stack:
        browser = stack.enter_context(chromium(OFFLINE))
        storage = directory / "storage"
        one = image([])
        tags = dict.fromkeys(NAMES, one)
        write_storage(storage, {"bench/many": tags, "bench/one": {"v1": one}})
        registry = stack.enter_context(docker_registry(storage_dir=storage))
        pages = {
            "Voilà, one button": stack.enter_context(button_page(directory / "stock")),
            "the same, preheated": stack.enter_context(
                button_page(directory / "favourable", *FAVOURABLE)
            ),
            "dashboard": stack.enter_context(
                dashboard_page(directory / "dashboard", bench=registry.url)
            ),
        }
        _print_visible(_visits(browser, pages))
        print()
        clicks = _button_clicks(browser, pages["the same, preheated"])
        _print_work({**clicks, **_dashboard_work(browser, pages["dashboard"])})


# How soon a page is visible


def _visits(browser: Browser, pages: Mapping[str, Page]) -> dict[str, Seconds]:
    """Visit all in turn, each with nothing in the browser's cache, and then once more."""
    times: dict[str, Seconds] = {name: {"first": [], "second": []} for name in pages}
    for _ in range(ROUNDS):
        for name, page in pages.items():
            with _session(browser) as tab:
                for visit in ("first", "second"):
                    page.rest()
                    times[name][visit].append(_visible(tab, page))
    return times


@contextmanager
def _session(browser: Browser) -> Iterator[Tab]:
    with closing(browser.new_context(viewport={"width": 1280, "height": 900})) as context:
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(STOPWATCH)
        tab = context.new_page()
        yield tab
        # Closed with its context, a page takes no leave of its kernel.
        tab.goto("about:blank")


def _visible(tab: Tab, page: Page) -> float:
    """Give the seconds from the navigation's begin until it is on the screen."""
    tab.goto("about:blank")
    watch = f"stopwatch.painted(() => stopwatch.shown({page.rows!r}).length >= {page.count})"
    tab.goto(page.url, wait_until="commit")
    return float(tab.evaluate(f"() => {watch}")) / 1000


def _print_visible(times: Mapping[str, Seconds]) -> None:
    row("visible after", "first visit, s", "of Voilà's", "of the preheated", "second visit, s")
    row("---", "---", "---", "---", "---")
    stock, best = (statistics.median(times[name]["first"]) for name in list(times)[:2])
    for name, visits in times.items():
        first = statistics.median(visits["first"])
        ratios = f"{first / stock:.2f}", f"{first / best:.2f}"
        row(name, _spread(visits["first"]), *ratios, _spread(visits["second"]))


def _spread(seconds: Sequence[float]) -> str:
    median, least, most = statistics.median(seconds), min(seconds), max(seconds)
    return f"{median:.2f} ({least:.2f} to {most:.2f})"


# What is done on it


def _button_clicks(browser: Browser, page: Page) -> Seconds:
    with _session(browser) as tab:
        _visible(tab, page)
        page.rest()
        button = tab.locator(page.rows)
        times = []
        for number in range(1, CLICKS + 1):
            shown = f"document.querySelector({page.rows!r}).textContent === '{number}'"
            times.append(_timed(tab, "click", button.click, shown))
    return {"click on the button of Voilà's page": times}


def _dashboard_work(browser: Browser, page: Page) -> Seconds:
    with _session(browser) as tab:
        _visible(tab, page)
        page.rest()
        _grid(tab, "Registries").get_by_text("bench", exact=True).click()
        _grid(tab, "Repositories").get_by_text("bench/many").wait_for()
        page.rest()
        clicks = _tab_clicks(tab)
        return {**clicks, **_listings(tab, page), **_sorts(tab)}


def _grid(tab: Tab, name: str) -> Locator:
    return tab.get_by_role("grid", name=name)


def _tab_clicks(tab: Tab) -> Seconds:
    """Turn between two tabs: the kernel says what is shown."""
    marks = {
        "Images": "[aria-label='Search images']",
        "Registries": "[aria-label='Tags'][role=grid]",
    }
    times = []
    for _ in range(CLICKS // 2):
        for name, mark in marks.items():
            click = tab.get_by_role("tab", name=name).click
            times.append(_timed(tab, "click", click, f'stopwatch.shown("{mark}").length > 0'))
    return {"click on a tab": times}


def _listings(tab: Tab, page: Page) -> Seconds:
    """Click on two repositories in turn, and filter the tags of the large one at once."""
    rows = _grid(tab, "Repositories").get_by_role("row")
    few, many, letters = [], [], []
    for _ in range(LISTINGS):
        few.append(_timed(tab, "click", rows.filter(has_text="bench/one").click, _counted(1)))
        click = rows.filter(has_text="bench/many").click
        many.append(_timed(tab, "click", click, f"{_counted(TAGS)} && {DRAWN}"))
        letters.append(_typed(tab))
        page.rest()
    return {
        "click on a repository of one tag": few,
        f"click on one of {TAGS:,} tags": many,
        "filter, first letter": [times[0] for times in letters],
        "filter, further letters": [time for times in letters for time in times[1:]],
    }


def _typed(tab: Tab) -> list[float]:
    """Type into the filter, and empty it again."""
    box = tab.get_by_label("Filter tags")
    box.focus()
    times = []
    for end in range(1, len(FILTER) + 1):
        press = partial(tab.keyboard.press, FILTER[end - 1])
        count = sum(FILTER[:end] in name for name in NAMES)
        times.append(_timed(tab, "keydown", press, _counted(count)))
    box.fill("")
    return times


def _sorts(tab: Tab) -> Seconds:
    head = _grid(tab, "Tags").locator(".ghostnb-sort").first
    times = []
    for _ in range(LISTINGS):
        for order in ("ascending", "descending"):
            sorted_so = f"{TABLE}.querySelector('[aria-sort={order}]')"
            times.append(_timed(tab, "click", head.click, sorted_so))
    return {"sort by the name": times}


def _counted(count: int) -> str:
    of = "" if count in (1, TAGS) else f" of {TAGS:,}"
    return f"{TABLE}.querySelector('.ghostnb-count').textContent === '{count:,}{of}'"


def _timed(tab: Tab, kind: str, act: Callable[[], object], awaited: str) -> float:
    """Give the seconds from the event that something makes until what is awaited is painted."""
    tab.evaluate(f"() => {{ window.lap = stopwatch.since('{kind}', () => {awaited}); }}")
    act()
    return float(tab.evaluate("() => window.lap")) / 1000


def _print_work(times: Seconds) -> None:
    row("painted after", "median, ms", "95th percentile", "rounds")
    row("---", "---", "---", "---")
    for name, seconds in times.items():
        late = statistics.quantiles(seconds, n=20, method="inclusive")[-1]
        row(name, f"{statistics.median(seconds) * 1000:.0f}", f"{late * 1000:.0f}", len(seconds))


def main() -> None:
    """Measure the dashboard alone."""
    with tempfile.TemporaryDirectory(prefix="ghostnb-benchmark-") as directory:
        measure_dashboard(Path(directory))


if __name__ == "__main__":
    main()
