"""The browser on registries of vendors, replayed: what it says of them, and what it asks."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).parents[2]
# The replays' own answers, in a kernel: the registry is opened on one instead of the network.
CODE = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import ipywidgets
import ghostnb
from ghostnb.widgets import RegistryBrowser
from tests.parts.images import index, plain_image
from tests.registries.vendors.harbor.replay import HarborReplay
from tests.registries.vendors.quay.replay import QuayReplay

harbor, quay = HarborReplay(), QuayReplay()
for tag in ("3.13", "latest", "3.12", "chart-0.1.0"):
    harbor.held.add(f"team/base/python:{{tag}}", plain_image(tag))
quay.held.add("acme/web:1.2", plain_image("1.2"))
quay.held.add("acme/web:multi", index([plain_image("multi", platform="linux/amd64")]))
login = {{"username": "ada", "password": "s3cret-Pw"}}
parts = [
    (harbor, ghostnb.RegistryConfig("harbor", "https://harbor.example.com", **login)),
    (quay, ghostnb.RegistryConfig("quay", "https://quay.io", namespace="acme")),
]
fleet = ghostnb.Fleet(config for _, config in parts)
for replay, config in parts:
    fleet[config.name]._transport = replay
    fleet[config.name]._open()
asked = ipywidgets.HTML("")
look = ipywidgets.Button(description="Look")
def tell(_):
    asked.value = "<br>".join(line for replay, _ in parts for line in replay.asked)
look.on_click(tell)
ipywidgets.VBox([RegistryBrowser(fleet), look, asked])
"""


@pytest.fixture
def page(show):
    return show(CODE)


def test_harbor_is_named_with_what_it_offers_and_whose_the_login_is(page):
    row = page.get_by_role("grid", name="Registries").locator("[data-place]").first
    # It says who it is when it has answered.
    expect(row).to_contain_text("Harbor")
    row.click()
    about = page.get_by_role("region", name="Harbor")
    expect(about).to_contain_text(
        "Its own API offers repositories, tag details, search, tag deletion, usage."
    )
    expect(about).to_contain_text("ada")

    page.get_by_role("grid", name="Repositories").get_by_text("team/base/python").click()
    tags = page.get_by_role("grid", name="Tags")
    expect(tags.locator("[data-place]").first).to_contain_text("31.0 MB")
    page.get_by_role("button", name="Look").click()
    page.get_by_text("/users/current").first.wait_for()
    assert page.get_by_text("/artifacts?").count() == 1
    assert page.get_by_text("/manifests/").count() == 0


def test_what_quay_does_not_tell_of_an_image_is_read_as_it_comes_in_sight(page):
    page.get_by_role("grid", name="Registries").get_by_text("quay", exact=True).click()
    expect(page.get_by_role("region", name="Quay")).to_contain_text("anonymous")
    page.get_by_role("grid", name="Repositories").get_by_text("acme/web").click()
    tags = page.get_by_role("grid", name="Tags").locator("[data-place]")
    expect(tags.filter(has_text="1.2")).to_contain_text("2.28 MB")
    # The size of an image for several platforms Quay does not tell.
    expect(tags.filter(has_text="multi")).to_contain_text("linux/amd64")
    page.get_by_role("button", name="Look").click()
    page.get_by_text("/manifests/multi").first.wait_for()
    assert page.get_by_text("/manifests/1.2").count() == 0
