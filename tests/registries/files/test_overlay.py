"""Layers one upon the other."""

from __future__ import annotations

import tracemalloc

import pytest

from ghostnb.errors import ProtocolError
from ghostnb.registries.files import overlay
from ghostnb.registries.files.entries import Entry
from ghostnb.registries.files.overlay import Overlay


def file(path: str, size: int = 1, mode: str = "-rw-r--r--") -> Entry:
    return Entry(path, size, mode)


def directory(path: str, mode: str = "drwxr-xr-x") -> Entry:
    return Entry(path, 0, mode)


def without(path: str) -> Entry:
    return Entry(path, 0, "", is_whiteout=True)


def opaque(path: str) -> Entry:
    return Entry(path, 0, "", is_opaque=True)


def put(*layers: list[Entry]) -> list[list[tuple[str, str]]]:
    image = Overlay()
    return [[(one.change, one.entry.path) for one in image.put(layer)] for layer in layers]


BASE = [directory("/etc"), file("/etc/a"), file("/etc/b"), directory("/var"), file("/var/log/x")]


def test_what_a_layer_adds_and_changes():
    assert put(BASE, [directory("/etc"), file("/etc/a", 2), file("/etc/c")])[1] == [
        ("modified", "/etc/a"),
        ("added", "/etc/c"),
    ]


def test_a_directory_with_other_rights_is_changed():
    assert put(BASE, [directory("/etc", "drwx------")])[1] == [("modified", "/etc")]


def test_a_file_that_is_taken_away():
    assert put(BASE, [without("/etc/a")], [file("/etc/a")])[1:] == [
        [("removed", "/etc/a")],
        [("added", "/etc/a")],
    ]


def test_a_directory_goes_with_all_in_it():
    assert sorted(put(BASE, [without("/etc")])[1]) == [
        ("removed", "/etc"),
        ("removed", "/etc/a"),
        ("removed", "/etc/b"),
    ]


def test_also_one_that_no_layer_lists():
    assert put(BASE, [without("/var/log")])[1] == [
        ("removed", "/var/log"),
        ("removed", "/var/log/x"),
    ]


def test_an_opaque_directory_hides_lower_layers_only_wherever_it_stands():
    for layer in ([opaque("/etc"), file("/etc/c")], [file("/etc/c"), opaque("/etc")]):
        assert sorted(put(BASE, layer)[1]) == [
            ("added", "/etc/c"),
            ("removed", "/etc/a"),
            ("removed", "/etc/b"),
        ]


def test_what_is_taken_away_and_written_anew_is_changed():
    for layer in ([without("/etc/a"), file("/etc/a")], [file("/etc/a"), without("/etc/a")]):
        assert put(BASE, layer)[1] == [("modified", "/etc/a")]
    assert put(BASE, [opaque("/"), *BASE])[1] == [
        ("modified", "/etc/a"),
        ("modified", "/etc/b"),
        ("modified", "/var/log/x"),
    ]


def test_a_file_in_the_place_of_a_directory():
    assert sorted(put(BASE, [file("/etc")])[1]) == [
        ("modified", "/etc"),
        ("removed", "/etc/a"),
        ("removed", "/etc/b"),
    ]


def test_a_directory_in_the_place_of_a_file():
    assert put(BASE, [directory("/etc/a"), file("/etc/a/b")])[1] == [
        ("modified", "/etc/a"),
        ("added", "/etc/a/b"),
    ]


def test_of_a_name_that_stands_twice_the_last_counts():
    changes = list(Overlay().put([file("/a", 1), file("/b"), file("/a", 2)]))
    assert [(one.entry.path, one.entry.size_bytes) for one in changes] == [("/b", 1), ("/a", 2)]


def test_what_is_not_there_cannot_be_taken_away():
    assert put(BASE, [without("/none"), opaque("/nowhere")])[1] == []


def test_the_whole_image_can_be_hidden():
    assert len(put(BASE, [opaque("/")])[1]) == len(BASE)


def test_nesting_has_no_bottom():
    deep = "/d" * 20_000
    assert put([file(deep)], [without("/d")])[1] == [("removed", "/d"), ("removed", deep)]


def test_what_was_removed_shows_what_it_was():
    image = Overlay()
    list(image.put([file("/a", 7, "-rwsr-xr-x")]))
    [change] = image.put([without("/a")])
    assert (change.entry.size_bytes, change.entry.mode) == (7, "-rwsr-xr-x")


def test_more_places_than_any_image_has_are_refused(monkeypatch):
    monkeypatch.setattr(overlay, "_MAX_PLACES", 100)
    with pytest.raises(ProtocolError, match="more than 100 files and directories"):
        put([file("/a" * 200)])


def test_long_names_take_memory_for_their_length_alone():
    tracemalloc.start()
    put([file(f"/{n}" + "/a" * 2000) for n in range(20)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 * 2000 * 1000
