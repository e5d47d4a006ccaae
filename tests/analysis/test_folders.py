"""What is left of an image's layers, and what its folders take: worked out by hand."""

from __future__ import annotations

import pytest

from ghostnb.analysis import final_files, folder_sizes
from tests.analysis.inventories import inventory
from tests.analysis.trees import directory, file, files, without

FRAME = files(
    [directory("/usr"), directory("/usr/lib"), file("/usr/lib/a", 100), file("/init", 5)],
    [file("/usr/lib/a", 70), file("/usr/bin/sh", 40), file("/tmp/gone", 900)],
    [without("/tmp/gone"), directory("/srv")],
)


def test_of_each_path_the_last_is_left():
    left = final_files(FRAME)
    assert left["path"].tolist() == [
        *("/usr", "/usr/lib", "/init", "/usr/lib/a", "/usr/bin/sh", "/srv"),
    ]
    assert left["layer"].tolist() == [0, 0, 0, 1, 1, 2]


@pytest.mark.parametrize("folder", ["/", ""])
def test_the_root_has_folders_and_files(folder):
    # /tmp is not among them: no layer lists it, and nothing is left in it.
    assert folder_sizes(FRAME, folder).to_dict() == {"usr/": 110, "init": 5, "srv/": 0}


@pytest.mark.parametrize("folder", ["/usr", "usr", "/usr/"])
def test_a_folder_has_what_is_in_it(folder):
    assert folder_sizes(FRAME, folder).to_dict() == {"lib/": 70, "bin/": 40}


def test_a_folder_that_is_none_is_empty():
    assert folder_sizes(FRAME, "/us").empty
    assert folder_sizes(FRAME, "/init").empty
    assert folder_sizes(files(), "/").empty


def test_a_name_may_have_any_letters():
    frame = files([file("/a/b\nc", 3), file("/a/x\n/y", 4), file("/a\n", 5)])
    assert folder_sizes(frame).to_dict() == {"a/": 7, "a\n": 5}
    assert folder_sizes(frame, "/a").to_dict() == {"x\n/": 4, "b\nc": 3}


def test_no_other_frame_is_taken():
    with pytest.raises(ValueError, match="A frame of files is wanted"):
        folder_sizes(inventory())
    with pytest.raises(TypeError, match="A frame of files is wanted"):
        final_files([])
