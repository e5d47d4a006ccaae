"""Tags of a vendor that lists them with their details: none is read for what it has told."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from ghostnb import Fleet, RegistryConfig
from ghostnb.widgets import RegistryBrowser
from tests.parts.images import plain_image
from tests.registries.vendors.docker_hub.replay import DockerHubReplay
from tests.registries.vendors.docker_hub.runs import HUB_URL, many_tags
from tests.registries.vendors.harbor.replay import HarborReplay
from tests.registries.vendors.harbor.runs import ARTIFACTS, URL, as_user
from tests.registries.vendors.replaying import answer
from tests.serving import wait_until

API = "GET https://hub.docker.com/v2/namespaces/library/repositories/nginx/tags"


@contextmanager
def opened(hub, repository="nginx", url=HUB_URL, **options):
    fleet = Fleet([RegistryConfig("hub", url, **options)])
    fleet["hub"]._transport = hub
    fleet["hub"]._open()
    browser = RegistryBrowser(fleet)
    browser.registry, browser.repository = "hub", repository
    try:
        yield browser
    finally:
        browser.close()


def sizes(browser):
    """Give the size of each tag that a page would show, by its name."""
    found = {}
    for sent in browser._tags._sent:
        rows = json.loads(sent)
        known = rows["values"].get("size_bytes") or [None] * len(rows["keys"])
        found |= dict(zip(rows["keys"], known, strict=True))
    return found


@pytest.fixture
def hub():
    hub = DockerHubReplay()
    hub.tags["library/nginx"] = many_tags(1205)
    return hub


def test_a_thousand_tags_cost_ten_requests_and_no_pull(hub):
    with opened(hub) as browser:
        wait_until(lambda: sum(size is not None for size in sizes(browser).values()) == 1000)
        browser._tags._answer(None, {"kind": "visible", "keys": ["1.0", "1.999"]}, None)
        wait_until(lambda: not browser._is_listing)
        assert len(sizes(browser)) == 1205
    # Several pages are asked for at once: a few beyond those that are shown.
    assert 10 <= hub.count(API) <= 13
    assert not [line for line in hub.asked if "/manifests/" in line]


def test_what_comes_in_sight_beyond_them_is_read(hub):
    with opened(hub) as browser:
        browser._tags._answer(None, {"kind": "visible", "keys": ["1.1204"]}, None)
        wait_until(lambda: any("/manifests/1.1204" in line for line in hub.asked))
        assert not browser._is_listing


def test_what_a_vendor_does_not_tell_is_read_when_it_is_in_sight(hub):
    for entry in hub.tags["library/nginx"]:
        entry["full_size"] = None
        entry["images"] = []
    with opened(hub) as browser:
        wait_until(lambda: len(sizes(browser)) == 1205)
        browser._tags._answer(None, {"kind": "visible", "keys": ["1.7"]}, None)
        wait_until(lambda: any("/manifests/1.7" in line for line in hub.asked))
    assert hub.count("GET https://registry-1.docker.io/v2/library/nginx/manifests") < 3


def test_another_repository_ends_the_list_of_the_first(hub):
    hub.tags["library/redis"] = many_tags(3)
    with opened(hub) as browser:
        wait_until(lambda: hub.count(API) > 0)
        browser.repository = "redis"
        wait_until(lambda: len(sizes(browser)) == 3 and None not in sizes(browser).values())
        assert not browser._is_listing


@pytest.mark.filterwarnings("ignore:.*no help")
def test_where_the_api_fails_only_what_is_in_sight_is_read():
    harbor, place = HarborReplay(), "team/base/python"
    for number in range(20):
        harbor.held.add(f"{place}:t{number}", plain_image(str(number)))
    harbor.planned[ARTIFACTS] = [answer(403, {}) for _ in range(9)]
    with opened(harbor, place, URL, kind="harbor", **as_user()) as browser:
        wait_until(lambda: len(sizes(browser)) == 20 and not browser._is_listing)
        browser._tags._answer(None, {"kind": "visible", "keys": ["t7"]}, None)
        wait_until(lambda: sizes(browser)["t7"] is not None)
    assert [line.rpartition("/")[2] for line in harbor.asked if "/manifests/" in line] == ["t7"]


def test_what_is_in_sight_is_read_though_the_list_broke_off(hub):
    hub.tags["library/nginx"] = many_tags(5)
    hub.planned["hub.docker.com/v2/namespaces/library/repositories/nginx/tags"] = [
        answer(429, {}) for _ in range(9)
    ]
    with opened(hub) as browser:
        wait_until(lambda: browser._tags._state["kind"] == "error")
        browser._tags._answer(None, {"kind": "visible", "keys": ["1.3"]}, None)
        wait_until(lambda: any("/manifests/1.3" in line for line in hub.asked), seconds=5)
