"""What is written more than once, worked out by hand as dive defines it."""

from __future__ import annotations

import pandas as pd
import pytest

from ghostnb.analysis import efficiency
from ghostnb.registries.files.entries import Entry
from tests.analysis.trees import directory, file, files, without


def wasted(frame: pd.DataFrame) -> list[tuple[str, int, int]]:
    return [tuple(row) for row in efficiency(frame).paths.itertuples(index=False)]


# wagoodman/dive, dive/filetree/efficiency_test.go: its tree has no entries of directories.
PUBLISHED = (
    [file("/etc/nginx/nginx.conf", 2000), file("/etc/nginx/public", 3000)],
    [file("/etc/nginx/nginx.conf", 5000), file("/etc/athing", 10000)],
    [without("/etc/nginx")],
)


def test_the_example_that_dive_is_tested_with():
    found = efficiency(files(*PUBLISHED))
    assert found.score == 0.75
    assert found.wasted_bytes == 7000
    assert wasted(files(*PUBLISHED)) == [("/etc/nginx/nginx.conf", 2, 7000)]


def test_an_image_without_bytes_is_as_good_as_can_be():
    """The second example that dive is tested with."""
    for frame in (files([file("/nothing", 0)], [], []), files([]), files()):
        found = efficiency(frame)
        assert (found.score, found.wasted_bytes) == (1.0, 0)
        assert found.paths.shape == (0, 3)
        assert found.paths.dtypes.astype(str).tolist() == ["string", "Int64", "Int64"]


def test_an_image_whose_directories_are_listed():
    """By hand: 2,000 + 3,000 + 10,000, and the 8,000 bytes of the directory that went."""
    frame = files(
        [directory("/etc"), directory("/etc/nginx"), *PUBLISHED[0]],
        [directory("/etc"), directory("/etc/nginx"), *PUBLISHED[1]],
        [directory("/etc"), without("/etc/nginx")],
    )
    found = efficiency(frame)
    assert found.score == 23_000 / 28_000
    assert found.wasted_bytes == 7000


def test_a_file_that_is_taken_away_was_for_nothing():
    frame = files([file("/a", 100), file("/b", 900)], [without("/a")])
    assert efficiency(frame).score == 0.9
    assert wasted(frame) == [("/a", 2, 100)]


def test_a_file_that_is_written_three_times():
    frame = files([file("/a", 100)], [file("/a", 50)], [file("/a", 150)], [file("/b", 7)])
    assert efficiency(frame).score == 57 / 307
    assert wasted(frame) == [("/a", 3, 300)]


def test_links_have_no_bytes():
    frame = files(
        [Entry("/a", 0, "lrwxrwxrwx", "b")], [Entry("/a", 0, "lrwxrwxrwx", "c"), file("/b", 9)]
    )
    assert efficiency(frame).score == 1.0
    assert wasted(frame) == [("/a", 2, 0)]


def test_what_an_opaque_directory_hides_is_taken_away():
    frame = files([file("/d/a", 100)], [Entry("/d", 0, "", is_opaque=True), file("/d/b", 300)])
    assert efficiency(frame).score == 0.75
    assert wasted(frame) == [("/d/a", 2, 100)]


def test_the_same_path_goes_twice():
    frame = files([file("/a", 10)], [without("/a")], [file("/a", 30)], [without("/a")])
    assert efficiency(frame).score == 0.0
    assert wasted(frame) == [("/a", 4, 40)]


def test_the_largest_waste_stands_first():
    frame = files([file("/a", 1), file("/b", 2)], [file("/a", 1), file("/b", 2)])
    assert [row[0] for row in wasted(frame)] == ["/b", "/a"]


def test_what_is_no_frame_of_files():
    with pytest.raises(TypeError, match=r"A frame of files is wanted, .* not list"):
        efficiency([])
    with pytest.raises(ValueError, match="this one has no size_bytes, mode"):
        efficiency(pd.DataFrame({"path": []}))
