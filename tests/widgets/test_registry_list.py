"""What is said of a registry that is selected: what it is, and with which rights it is used."""

from __future__ import annotations

import ipywidgets
import pytest

from ghostnb import Fleet, RegistryConfig
from ghostnb.widgets.registry_list import RegistryList
from tests.registries.vendors.harbor.replay import HarborReplay
from tests.registries.vendors.harbor.runs import SECRET, URL, as_user
from tests.serving import wait_until


@pytest.fixture
def registries():
    fleet = Fleet([RegistryConfig("harbor", URL, kind="harbor", **as_user())])
    fleet["harbor"]._transport = HarborReplay()
    fleet["harbor"]._open()
    shown = RegistryList(fleet, on_select=lambda: None)
    yield shown
    shown.close()


def test_what_it_is_is_said_at_once_and_the_rights_when_it_has_answered(registries):
    registries.registry = "harbor"

    said = registries._about._said
    assert said["title"] == "Harbor"
    assert "usage" in said["text"]
    assert "Rights" not in said["text"]

    registries._seen()
    wait_until(lambda: "Rights: " in registries._about._said["text"])
    text = registries._about._said["text"]
    assert "ada" in text
    assert SECRET not in text + str(ipywidgets.Widget.get_manager_state())


def test_nothing_is_said_of_what_is_selected_no_more(registries):
    registries.registry = "harbor"
    registries._remove_registry()

    assert registries._about._said["title"] == ""
    assert registries.registry == ""
