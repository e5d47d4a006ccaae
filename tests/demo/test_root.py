"""The demo's directory: filled once, mended after a kill, held by one demo."""

from __future__ import annotations

import os
import signal
import tomllib
from pathlib import Path

import nbformat
import pytest

from ghostnb import ConfigError, Fleet, GhostnbError, run
from ghostnb.demo import DemoRoot, prepare_demo
from ghostnb.demo.opening import quickstart
from ghostnb.registries.layout import LayoutRegistry
from tests.demo.tags import digests_by_tag
from tests.scripts import start_script
from tests.serving import wait_until

# One of the first tags that are pushed.
TAG = b"team/shop/api:1.0"
FILL = """
import sys
from ghostnb import run
from ghostnb.demo import prepare_demo
run(prepare_demo(sys.argv[1]))
"""


def test_what_is_filled_stays_as_it_is(filled: Path) -> None:
    index = filled / "registry" / "index.json"
    before = index.stat().st_mtime_ns, len(list(filled.rglob("*")))
    assert run(prepare_demo(filled)) == filled / "registry"
    assert (index.stat().st_mtime_ns, len(list(filled.rglob("*")))) == before


def test_after_a_kill_the_rest_is_made(filled: Path, tmp_path: Path) -> None:
    process = start_script(FILL, str(tmp_path))
    index = tmp_path / "registry" / "index.json"
    wait_until(lambda: index.exists() and TAG in index.read_bytes(), seconds=60)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not DemoRoot(tmp_path).is_filled
    half = digests_by_tag(LayoutRegistry(tmp_path / "registry"))
    expected = digests_by_tag(LayoutRegistry(filled / "registry"))
    assert 0 < len(half) < len(expected)

    run(prepare_demo(tmp_path))

    assert DemoRoot(tmp_path).is_filled
    assert digests_by_tag(LayoutRegistry(tmp_path / "registry")) == expected


def test_a_registry_that_cannot_be_written_is_one_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "registry").write_text("in the way")
    with pytest.raises(GhostnbError, match="registry is a file"):
        run(prepare_demo(tmp_path))


def test_older_content_is_filled_up(tmp_path: Path) -> None:
    root = DemoRoot(tmp_path)
    (tmp_path / "content-version").write_text("1\n")
    assert not root.is_filled


def test_the_configuration_names_the_registry_and_docker_hub(tmp_path: Path) -> None:
    root = DemoRoot(tmp_path)
    root.write_config("http://localhost:1")
    root.write_config("http://localhost:4711")
    written = tomllib.loads(root.config.read_text())["registries"]
    assert [entry["name"] for entry in written] == ["local-drift", "docker-hub"]
    assert Fleet.from_config(root.config)["local-drift"].config.url == "http://localhost:4711"
    assert [file.name for file in tmp_path.iterdir()] == ["registries.toml"]


def test_a_users_own_notebook_is_kept(tmp_path: Path) -> None:
    root = DemoRoot(tmp_path / "root")
    assert root.copy_notebook(quickstart()) == root.notebooks / "quickstart.ipynb"
    (root.notebooks / "quickstart.ipynb").write_text("mine")
    assert root.copy_notebook(quickstart()).read_text() == "mine"


def test_a_copy_of_the_notebook_is_as_if_never_run(tmp_path: Path) -> None:
    copied = nbformat.read(DemoRoot(tmp_path / "root").copy_notebook(quickstart()), as_version=4)
    original = nbformat.read(quickstart(), as_version=4)
    nbformat.validate(copied)
    assert any(cell.get("outputs") for cell in original.cells)
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in copied.cells)
    assert "NBVAL" not in "".join(cell.source for cell in copied.cells)
    assert [cell.source.replace("# NBVAL_CHECK_OUTPUT\n", "") for cell in original.cells] == [
        cell.source for cell in copied.cells
    ]


def test_two_demos_do_not_share_a_directory(tmp_path: Path) -> None:
    with DemoRoot(tmp_path).held():
        with pytest.raises(ConfigError, match=r"A demo runs in .* already"):
            with DemoRoot(tmp_path).held():
                pass
    with DemoRoot(tmp_path).held():
        pass


@pytest.mark.parametrize("place", ["file/below", "/proc/demo"])
def test_a_directory_that_cannot_be_made_is_an_error_that_says_so(
    place: str, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    root = os.path.join(tmp_path, place)
    with pytest.raises(ConfigError, match=r"cannot be kept in .*--root"):
        run(prepare_demo(root))
