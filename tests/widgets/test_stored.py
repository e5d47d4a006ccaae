"""What the Storage tab shows, worked out by hand."""

from __future__ import annotations

import pytest

from ghostnb.widgets.storage.stored import Stored, part_of
from tests.analysis.inventories import image, inventory

# base 1000, app 50, python 300 bytes.
FRAME = inventory(
    image("app:1", ["base", "app"]),
    image("app:2", ["base"]),
    image("tool:1", ["base", "python"]),
)


def of(name, frame=FRAME, only=()):
    return {name: Stored.of(name, frame, only)}


def test_a_registrys_row():
    stored = of("here")["here"]
    row = stored.row.iloc[0]
    assert [*row] == ["here", 1350, 2000, 3, None]
    assert stored.largest["size_bytes"].tolist() == [1000, 300, 50]
    # What one image alone has is not among the shared.
    assert stored.shared["saved_bytes"].tolist() == [2000]


def test_a_registry_has_its_repositories():
    part = part_of(of("here"), ("here",))
    assert part.text == "2 repositories, 3 tags, 3 images, 3 layers"
    assert part.sizes == {"Stored": 1350, "If nothing were shared": 3350}
    assert part.picture.alt == "2 areas, 1.35 kB in all: app 717 B (53 %), tool 633 B (47 %)."


def test_a_repository_says_what_is_its_alone():
    part = part_of(of("here"), ("here", "app"))
    assert part.text == "2 tags, 2 images, 2 layers"
    assert part.sizes == {"Needs": 1050, "Its share": 717, "Alone": 50}
    assert part.picture.alt == "2 areas, 716 B in all: 1 383 B (53 %), 2 333 B (47 %)."


def test_a_tag_has_its_layers():
    part = part_of(of("here"), ("here", "app", "1"))
    assert part.text == "2 layers"
    assert part.sizes == {"Needs": 1050, "Its share": 383, "Alone": 50}
    assert part.inside["made_by"].tolist() == ["ADD base", "ADD app"]
    assert part.picture.title.startswith("app:1: its layers")


def test_one_thing_is_not_several():
    part = part_of(of("here", inventory(image("app:1", ["app"]))), ("here",))
    assert part.text == "1 repository, 1 tag, 1 image, 1 layer"


def test_all_registries_say_what_one_would_store():
    part = part_of(of("here") | of("there", inventory(image("app:1", ["base", "app"]))), ())
    assert part.text == "2 registries"
    assert part.sizes == {"Stored": 2400, "In one registry for all": 1350}


def test_what_is_missing_is_said():
    frame = FRAME.copy()
    frame.attrs["errors"] = [{"message": "app:3 is gone."}]
    assert of("here", frame, ("team/*", "app"))["here"].notes == (
        "Only team/*, app was read: what others share with it is not known.",
        "1 could not be read: app:3 is gone.",
    )


@pytest.mark.parametrize("path", [("here",), ()])
def test_an_empty_registry_stores_nothing(path):
    part = part_of(of("here", inventory()), path)
    assert part.picture.alt == "Nothing is stored."


def test_what_is_inside_stands_in_a_table_too():
    part = part_of(of("here"), ("here", "app"))
    assert part.inside.to_numpy().tolist() == [["1", 383, 50], ["2", 333, 0]]
    everything = part_of(of("here") | of("there", inventory(image("app:1", ["app"]))), ())
    assert everything.inside.to_numpy().tolist() == [["here", 1350, 1350], ["there", 50, 50]]


def test_what_is_not_there_is_said():
    with pytest.raises(LookupError, match=r"There is no app:3 in here\."):
        part_of(of("here"), ("here", "app", "3"))
    with pytest.raises(LookupError):
        part_of(of("here"), ("gone",))
