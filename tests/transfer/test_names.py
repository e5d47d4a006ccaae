"""What files and loaded images are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghostnb import Digest, Reference
from ghostnb.errors import ArchiveError
from ghostnb.transfer import archive_name, free_path, full_name

DIGEST = Digest.of(b"")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("team/app:1.0", "team-app_1.0.tar"),
        ("app", "app_latest.tar"),
        (f"team/app@{DIGEST}", "team-app_sha256-e3b0c44298fc.tar"),
        (f"team/app:1.0@{DIGEST}", "team-app_1.0.tar"),
        ("a" * 240 + ":" + "b" * 100, "a" * 200 + ".tar"),
    ],
)
def test_a_file_is_called_after_its_image(text: str, name: str) -> None:
    assert archive_name(Reference.within(text, "")) == name


@pytest.mark.parametrize(
    ("host", "text", "name"),
    [
        ("localhost:5000", "team/app:1.0", "localhost:5000/team/app:1.0"),
        ("registry-1.docker.io", "library/nginx:1.27", "docker.io/library/nginx:1.27"),
        ("", "team/app:1.0", "team/app:1.0"),
        ("localhost:5000", f"team/app:1.0@{DIGEST}", "localhost:5000/team/app:1.0"),
        ("localhost:5000", f"team/app@{DIGEST}", ""),
    ],
)
def test_a_loaded_image_is_called_as_a_pulled_one(host: str, text: str, name: str) -> None:
    assert full_name(Reference.within(text, host), host) == name


def test_a_free_path_is_neither_there_nor_promised(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "one"
    assert free_path(directory, "app.tar") == directory / "app.tar"
    (directory / "app.tar").touch()
    promised = {directory / "app-2.tar"}
    assert free_path(directory, "app.tar", promised) == directory / "app-3.tar"


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ArchiveError, match="Not a directory"):
        free_path(tmp_path / "file" / "one", "app.tar")
