"""The Storage tab without a page: what comes late, or has changed meanwhile."""

from __future__ import annotations

import pytest

from ghostnb import Fleet, RegistryConfig
from ghostnb.widgets import StoragePanel
from ghostnb.wire.rate_limits import RateLimit
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.pushes import Pusher
from tests.parts.replies import hang
from tests.serving import wait_until

API = "team/shop/api"


@pytest.fixture
def panel(demo_drift):
    fleet = Fleet([RegistryConfig("reg", demo_drift.url)])
    panel = StoragePanel(fleet)
    yield panel
    panel.close()


def enter(panel, name):
    panel._picture._answer(panel._picture, {"kind": "activate", "key": name}, [])


def shown(panel):
    return panel._drawn


def opened(panel):
    panel.reload()
    panel.registry = "reg"
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)


def test_nothing_is_read_before_somebody_sees_it(panel):
    panel.registry = "reg"
    assert panel._reading == {}
    panel.reload()
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)


def test_a_second_click_on_an_old_picture_leads_nowhere(panel):
    opened(panel)
    enter(panel, API)
    enter(panel, API)
    wait_until(lambda: shown(panel) == ("reg", API))
    assert panel._picture._state["kind"] == "ready"
    # Where somebody is stays so when they come back from another tab.
    panel.reload()
    wait_until(lambda: shown(panel) == ("reg", API))


def test_another_registry_of_the_same_name_is_read_anew(panel, fresh_registry):
    opened(panel)
    with Pusher(fresh_registry.url) as pusher:
        pusher.push("mine/app", "1", plain_image("mine"))
    panel._fleet.remove("reg")
    panel._fleet.add(RegistryConfig("reg", fresh_registry.url))
    panel.reload()
    wait_until(lambda: "reg" in panel._known and shown(panel) == ("reg",), seconds=60)
    assert panel._known["reg"].inventory["repository"].unique().tolist() == ["mine/app"]


def test_what_was_forgotten_is_read_when_it_is_looked_at(panel):
    opened(panel)
    before = panel._known["reg"]
    panel.forget("reg")
    enter(panel, API)
    assert shown(panel) is None
    panel.reload()
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)
    assert panel._known["reg"] is not before


def test_a_registry_that_is_gone_is_said(panel):
    opened(panel)
    panel._fleet.remove("reg")
    panel.reload()
    assert panel._picture._state["text"] == "There is no registry reg here."
    assert panel._known == {}


def test_a_link_to_a_registry_that_is_not_here_is_told(panel):
    panel.registry = "gone"
    panel.reload()
    assert panel._picture._state["text"] == "There is no registry gone here."


def test_reading_can_be_stopped(panel):
    with faulty_server({("GET", "/v2/_catalog"): hang()}) as server:
        panel._fleet.add(RegistryConfig("slow", server.url))
        panel.reload()
        panel.registry = "slow"
        wait_until(lambda: panel._picture._state["kind"] == "loading")
        panel._stop()
        assert panel._picture._state["text"] == "slow was not read to its end."
        assert panel._reading == {}
        # Another one is read meanwhile, and neither is shown for the other.
        panel._picture._answer(panel._picture, {"kind": "retry"}, [])
        panel.registry = "reg"
        wait_until(lambda: shown(panel) == ("reg",), seconds=60)
        assert [*panel._reading] == ["slow"]


def test_where_requests_are_counted_nothing_is_read_unasked(panel, monkeypatch):
    client = panel._fleet["reg"]
    counted = RateLimit(100, 50, 21600)
    monkeypatch.setattr(type(client), "rate_limit", property(lambda _: counted))
    panel.reload()
    panel.registry = "reg"
    assert panel._picture._state["text"] == "reg counts requests, and each tag takes some."
    panel._read(("library/*",))
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)
    assert panel._known["reg"].only == ("library/*",)
