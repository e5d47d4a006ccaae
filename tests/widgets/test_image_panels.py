"""Files and Compare without a page: what hangs, fails, or is left meanwhile."""

from __future__ import annotations

import pytest

from ghostnb import Fleet, RegistryConfig
from ghostnb.widgets import ImageDetails
from tests.parts.images import plain_image
from tests.parts.replies import error, hang
from tests.serving import serving_images, wait_until

IMAGE = plain_image("app")
LAYER = f"/v2/team/app/blobs/{IMAGE.layers[0].digest}"


@pytest.fixture
def server():
    with serving_images({"team/app:1": IMAGE, "team/app:2": plain_image("other")}) as running:
        yield running


@pytest.fixture
def details(server):
    details = ImageDetails(Fleet([RegistryConfig("reg", server.url)]))
    details.show("reg", "team/app:1")
    wait_until(lambda: details._inspected is not None)
    yield details
    details.close()


def press(toolbar, name):
    toolbar._answer(toolbar, {"kind": "press", "name": name}, [])


def ask(comparison, **values):
    form = comparison._form
    form._answer(form, {"kind": "press", "name": "Compare", "values": values}, [])


def state(widget):
    return widget._state["kind"], widget._state["text"]


def enabled(toolbar):
    return [action["name"] for action in toolbar._actions if action["enabled"]]


def test_reading_files_can_be_stopped(details, server):
    server.routes[LAYER] = hang()
    files = details._files
    before = state(files._table)
    press(files._buttons, "read")
    assert (state(files._table)[0], enabled(files._buttons)) == ("loading", ["stop"])
    press(files._buttons, "stop")
    wait_until(lambda: state(files._table) == before)
    assert enabled(files._buttons) == ["read"]


def test_files_that_cannot_be_read_say_why_and_are_read_again(details, server):
    sound = server.routes[LAYER]
    server.routes[LAYER] = error(404, "BLOB_UNKNOWN")
    files = details._files
    press(files._buttons, "read")
    wait_until(lambda: state(files._table)[0] == "error")
    assert str(IMAGE.layers[0].digest) in state(files._table)[1]
    server.routes[LAYER] = sound
    files._table._answer(files._table, {"kind": "retry"}, [])
    wait_until(lambda: state(files._table)[0] == "ready")
    assert enabled(files._buttons) == []


def test_another_image_has_other_files(details, server):
    files = details._files
    press(files._buttons, "read")
    wait_until(lambda: files._contents is not None and state(files._table)[0] == "ready")
    details.clear()
    # Nothing of the last one is kept.
    assert (files._contents, files._table._sent) == (None, [])
    details.show("reg", "team/app:2")
    wait_until(lambda: state(files._table)[1].startswith("Not read yet: 3 layers,"))


def test_a_comparison_can_be_stopped_and_fails_at_its_form(details, server):
    comparison = details._comparison
    server.routes[LAYER] = hang()
    ask(comparison, registry="reg", reference="team/app:2")
    assert comparison._form._state["kind"] == "working"
    stop = {"kind": "press", "name": "Stop", "values": {}}
    comparison._form._answer(comparison._form, stop, [])
    wait_until(lambda: comparison._form._state["kind"] == "")
    ask(comparison, registry="reg", reference="team/app:3")
    wait_until(lambda: comparison._form._state["kind"] == "error")
    assert "team/app:3" in comparison._form._state["text"]
    ask(comparison, registry="gone", reference="team/app:2")
    problems = comparison._form._state["problems"]
    assert problems == {"registry": "gone is not among the registries any more."}


def test_a_registry_that_was_added_meanwhile_can_be_compared_with(details, server):
    details._sheet._fleet.add(RegistryConfig("new", server.url))
    details.tab = "Compare"
    assert details._comparison._form._fields[0]["choices"] == ("reg", "new")
    form = details._comparison._form
    # What is typed stays where nothing has changed.
    details.tab = "Files"
    details.tab = "Compare"
    assert details._comparison._form is form
