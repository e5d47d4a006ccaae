"""The Storage tab without a page: what comes late, or has changed meanwhile."""

from __future__ import annotations

import pytest

from ghostnb import Fleet, RegistryConfig
from ghostnb.widgets import StoragePanel
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.pushes import Pusher
from tests.parts.replies import hang, reply
from tests.serving import serving_images, wait_until

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


def stored(panel):
    return panel._readings.stored


def said(panel, what):
    return panel._picture._state[what]


def opened(panel):
    panel.reload()
    panel.registry = "reg"
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)


def test_nothing_is_read_before_somebody_sees_it(panel):
    panel.registry = "reg"
    assert panel._readings.of("reg") is None
    panel.reload()
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)


def test_who_passes_by_has_nothing_read(panel):
    panel.registry = "reg"
    panel.reload()
    assert panel._readings.of("reg").goes_on
    panel.leave()
    wait_until(lambda: panel._readings.of("reg") is None)
    panel.reload()
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)


def test_a_second_click_on_an_old_picture_leads_nowhere(panel):
    opened(panel)
    enter(panel, API)
    enter(panel, API)
    wait_until(lambda: shown(panel) == ("reg", API))
    assert said(panel, "kind") == "ready"
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
    wait_until(lambda: "reg" in stored(panel) and shown(panel) == ("reg",), seconds=60)
    assert stored(panel)["reg"].inventory["repository"].unique().tolist() == ["mine/app"]


def test_what_was_forgotten_is_read_when_it_is_looked_at(panel):
    opened(panel)
    before = stored(panel)["reg"]
    panel.forget("reg")
    enter(panel, API)
    assert shown(panel) is None
    panel.reload()
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)
    assert stored(panel)["reg"] is not before


def test_a_registry_that_is_gone_is_said(panel):
    opened(panel)
    panel._fleet.remove("reg")
    panel.reload()
    assert said(panel, "text") == "There is no registry reg here."
    assert stored(panel) == {}


def test_a_link_to_a_registry_that_is_not_here_is_told(panel):
    panel.registry = "gone"
    panel.reload()
    assert said(panel, "text") == "There is no registry gone here."


@pytest.fixture
def slow(panel):
    with faulty_server({("GET", "/v2/_catalog"): hang()}) as server:
        panel._fleet.add(RegistryConfig("slow", server.url))
        panel.reload()
        panel.registry = "slow"
        wait_until(lambda: said(panel, "text") == "Asking slow …")
        yield "slow"


def test_reading_can_be_stopped_and_begun_again(panel, slow):
    panel._stop()
    assert said(panel, "text") == "slow was not read to its end."
    assert not panel._readings.of(slow).goes_on
    panel._picture._answer(panel._picture, {"kind": "retry"}, [])
    assert panel._readings.of(slow).goes_on
    # Another one is read meanwhile, and neither is shown for the other.
    panel.registry = "reg"
    wait_until(lambda: shown(panel) == ("reg",), seconds=60)
    assert panel._readings.of(slow).goes_on
    panel.registry = slow
    assert (said(panel, "kind"), shown(panel)) == ("loading", None)


def test_a_reading_that_failed_does_not_lose_the_one_before(panel):
    opened(panel)
    before = stored(panel)["reg"]
    panel._read(("nothing/like-it",))
    wait_until(lambda: said(panel, "kind") == "error", seconds=60)
    assert shown(panel) is None
    assert stored(panel)["reg"] is before
    panel._leave()
    wait_until(lambda: shown(panel) == ("reg",))
    assert panel.registry == "reg"


def test_what_changes_while_it_is_read_is_read_from_the_beginning(panel, slow):
    before = panel._readings.of(slow)
    panel.forget(slow)
    panel.reload()
    assert panel._readings.of(slow) is not before
    assert (said(panel, "kind"), said(panel, "text")) == ("loading", "Asking slow …")


def test_what_is_removed_while_it_is_read_does_not_come_back(panel, demo_drift):
    panel.reload()
    panel.registry = "reg"
    panel._fleet.remove("reg")
    panel._fleet.add(RegistryConfig("other", f"oci:{demo_drift.root}"))
    panel.reload()
    panel.registry = "other"
    wait_until(lambda: shown(panel) == ("other",), seconds=60)
    panel.registry = ""
    wait_until(lambda: shown(panel) == ())
    assert [*stored(panel)] == ["other"]


def test_all_registries_are_drawn_anew_as_more_are_read(panel, demo_drift):
    opened(panel)
    panel._fleet.add(RegistryConfig("other", f"oci:{demo_drift.root}"))
    panel.reload()
    panel.registry = "other"
    panel.registry = ""
    wait_until(lambda: panel._picture.picture.alt.startswith("2 areas"), seconds=60)


def test_what_was_read_before_is_not_kept_for_ever(panel):
    opened(panel)
    for _ in range(2):
        before = stored(panel)["reg"]
        panel._read()
        assert panel._readings.of("reg").before.stored is before
        wait_until(lambda before=before: stored(panel)["reg"] is not before, seconds=60)
        assert panel._readings.of("reg").before is None


def test_where_requests_are_counted_nothing_is_read_unasked(panel):
    counted = {"RateLimit-Limit": "100;w=21600", "RateLimit-Remaining": "50;w=21600"}
    images = {"team/app:1": plain_image("one"), "team/other:1": plain_image("two")}
    with serving_images(images) as server:
        server.routes["/v2/"] = reply(json={}, headers=counted)
        panel._fleet.add(RegistryConfig("counted", server.url))
        panel.reload()
        panel.registry = "counted"
        wait_until(lambda: "counts requests, and each tag takes" in said(panel, "text"))
        assert [one.path for one in server.requests] == ["/v2/"]
        panel._read(("team/app",))
        wait_until(lambda: shown(panel) == ("counted",), seconds=60)
        assert stored(panel)["counted"].only == ("team/app",)
