"""Image details where a registry gives the image and no more."""

from __future__ import annotations

import pytest

from ghostnb import Fleet, RegistryConfig
from ghostnb.errors import ForbiddenError
from ghostnb.widgets import ImageDetails
from tests.serving import wait_until


@pytest.fixture
def details(demo_drift):
    fleet = Fleet([RegistryConfig("local-drift", demo_drift.url)])
    panel = ImageDetails(fleet)
    yield panel
    panel.close()


def test_an_image_stays_where_its_siblings_may_not_be_listed(details, monkeypatch):
    async def refused(repository):
        raise ForbiddenError("no tags for you", registry="local-drift")

    monkeypatch.setattr(details._sheet._fleet["local-drift"], "tags", refused)
    details.show("local-drift", "team/shop/api:1.3")
    wait_until(lambda: details._sheet._state["kind"] == "partial", seconds=30)
    assert "no tags for you" in details._sheet._state["hint"]
    assert details._sheet._image["reference"] == "team/shop/api:1.3"
    assert len(details._sheet._image["layers"]) == 6
