"""Panels without a page: how they end, and what they say of what is not there."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
import threading
from inspect import isfunction
from pathlib import Path

import anywidget
import ipywidgets
import pandas as pd
import pytest
from ipywidgets.widgets.widget import _instances

import ghostnb.widgets
from ghostnb import Engine, Fleet, RegistryConfig
from ghostnb.loop import launch
from ghostnb.widgets import Dashboard, ImageDetails, RegistryBrowser
from ghostnb.widgets.base import Pages, Panels, View
from ghostnb.widgets.containers import Containers
from tests.serving import wait_until

NOWHERE = "unix:///nowhere/docker.sock"


def test_a_closed_dashboard_leaves_no_widget() -> None:
    before = set(_instances)
    dashboard = Dashboard(Fleet(), Engine(NOWHERE))
    assert len(set(_instances) - before) > 20
    dashboard.close()
    assert set(_instances) == before


def test_images_are_saved_where_the_dashboard_is_told(tmp_path: Path) -> None:
    dashboard = Dashboard(Fleet(), Engine(NOWHERE), downloads=tmp_path)
    assert dashboard.pulls.directory == tmp_path
    dashboard.close()


def test_an_image_of_a_registry_that_is_not_here_is_an_error_until_it_is(demo_drift) -> None:
    fleet = Fleet()
    details = ImageDetails(fleet)
    details.show("gone", "team/shop/api:1.3")
    wait_until(lambda: details._sheet._state["kind"] == "error")
    assert details._sheet._state["text"] == "There is no registry gone here."
    assert details._sheet._state["hint"] == "Select another, or add it and retry."
    fleet.add(RegistryConfig("gone", demo_drift.url))
    details._sheet._answer(details._sheet, {"kind": "retry"}, [])
    wait_until(lambda: details._sheet._state["kind"] == "ready")
    details.close()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://registry-1.docker.io", "nginx:1.27"),
        ("https://ghcr.io", "ghcr.io/library/nginx:1.27"),
    ],
)
def test_a_container_is_made_of_what_the_daemon_calls_the_image(url: str, name: str) -> None:
    dashboard = Dashboard(Fleet([RegistryConfig("reg", url)]), Engine(NOWHERE))
    dashboard._create("reg", "library/nginx:1.27")
    assert dashboard.form._filled["image"] == name
    dashboard.close()


def test_a_registry_is_asked_when_somebody_sees_the_browser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fleet = Fleet([RegistryConfig("reg", "http://localhost:1")])
    asked = threading.Event()

    async def ping():
        asked.set()

    monkeypatch.setattr(fleet["reg"], "ping", ping)
    browser = RegistryBrowser(fleet)
    # As in a kernel that waits for its page.
    assert not asked.wait(0.5)
    browser._registries._table._answer(None, {"kind": "ready"}, None)
    assert asked.wait(10)
    browser.close()


def test_an_answer_that_is_shown_just_then_is_not_left_behind(demo_drift):
    """What a callback clears, on its own thread, the I/O loop may be writing at that moment."""
    browser = RegistryBrowser(Fleet([RegistryConfig("reg", demo_drift.url)]))
    browser.registry, browser.repository = "reg", "team/shop/api"
    wait_until(lambda: browser._tags._state["kind"] == "ready")
    begun, cleared = threading.Event(), threading.Event()

    async def late():
        begun.set()
        cleared.wait(10)
        browser._tags.put(pd.DataFrame({"tag": ["late"]}))

    running = launch(late())
    begun.wait(10)
    browser.repository = ""
    cleared.set()
    running.result(10)
    wait_until(lambda: browser._tags._sent == [])
    assert browser._tags._state["text"] == "Select a repository to view tags."
    browser.close()


class Late:
    """A daemon whose first answer comes last, and which notes an exit after the log has ended."""

    def __init__(self) -> None:
        self.answers = 0

    async def containers(self) -> pd.DataFrame:
        self.answers += 1
        first = self.answers == 1
        state = "exited" if self.answers > 2 else "running"
        if first:
            await asyncio.sleep(1)
            self.answers += 1
        return pd.DataFrame({"id": ["c1"], "name": ["one"], "state": [state]})

    async def logs(self, container: str, *, follow: bool):
        yield "hello"


def test_a_container_that_has_ended_is_not_left_running(monkeypatch: pytest.MonkeyPatch) -> None:
    daemon, shown = Late(), []
    panel = Containers(daemon)  # type: ignore[arg-type]
    monkeypatch.setattr(panel._table, "show", lambda found: shown.extend(found["state"]))
    panel.show("c1")
    wait_until(lambda: daemon.answers == 4)
    assert shown == ["running", "exited"]
    panel.close()


def our_widgets() -> list[type]:
    """Give every class of ours that is a widget."""
    for module in pkgutil.walk_packages(ghostnb.widgets.__path__, "ghostnb.widgets."):
        importlib.import_module(module.name)
    found, left = [], [View, Panels, Pages]
    while left:
        found.append(left.pop())
        left += found[-1].__subclasses__()
    return [one for one in found if one.__module__.startswith("ghostnb.")]


@pytest.mark.parametrize("widget", our_widgets(), ids=lambda one: one.__name__)
def test_no_name_of_jupyters_own_is_taken(widget: type) -> None:
    """Widgets are called by such names, too: ``_send`` and ``_compare`` are of theirs."""
    theirs = {*dir(ipywidgets.VBox), *dir(anywidget.AnyWidget)} - {"close", "focus"}
    mine = {name for name, value in vars(widget).items() if isfunction(value)}
    assert {name for name in mine & theirs if not name.startswith("__")} == set()
