"""Images that daemons write to files."""

from __future__ import annotations

import asyncio
import json
import tarfile
from pathlib import Path

import pytest

from ghostnb.engine import Engine
from ghostnb.errors import EngineError, InvalidReferenceError, PathError
from ghostnb.progress import Progress
from tests.parts.daemons import RunningDaemon


def save(daemon: RunningDaemon, image: str, path: Path) -> list[Progress]:
    async def run() -> list[Progress]:
        async with Engine(daemon.url) as engine:
            return [step async for step in engine.save(image, path)]

    return asyncio.run(run())


def image_id(daemon: RunningDaemon, image: str) -> str:
    async def run() -> str:
        async with Engine(daemon.url) as engine:
            images = await engine.images()
        names = images["repository"] + ":" + images["tag"]
        return str(images.loc[names == image, "id"].iloc[0])

    return asyncio.run(run())


def test_a_file_that_docker_load_takes(daemon: RunningDaemon, box: str, tmp_path: Path) -> None:
    path = tmp_path / "box.tar"
    steps = save(daemon, box, path)
    with tarfile.open(path) as archive:
        (entry,) = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        config = archive.extractfile(entry["Config"])
        assert config is not None
        assert json.load(config)["rootfs"]["diff_ids"]
    assert any(name.endswith(box) for name in entry["RepoTags"])
    assert entry["Config"].removesuffix(".json") in image_id(daemon, box)
    assert steps[-1].done
    assert steps[-1].current_bytes == path.stat().st_size
    assert not any(step.done for step in steps[:-1])


def test_by_its_id(daemon: RunningDaemon, box: str, tmp_path: Path) -> None:
    save(daemon, image_id(daemon, box), tmp_path / "box.tar")
    assert (tmp_path / "box.tar").stat().st_size > 0


def test_what_is_there_stays(daemon: RunningDaemon, box: str, tmp_path: Path) -> None:
    path = tmp_path / "box.tar"
    path.write_text("mine")
    with pytest.raises(PathError, match="is there already"):
        save(daemon, box, path)
    assert path.read_text() == "mine"


def test_what_is_not_there_leaves_no_file(daemon: RunningDaemon, box: str, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as caught:
        save(daemon, "nobody/has:this", tmp_path / "none.tar")
    assert caught.value.status == 404
    with pytest.raises(PathError, match=r"Cannot write .*nowhere"):
        save(daemon, box, tmp_path / "nowhere" / "none.tar")
    with pytest.raises(InvalidReferenceError):
        save(daemon, "", tmp_path / "none.tar")
    assert list(tmp_path.iterdir()) == []


def test_who_leaves_breaks_it_off(daemon: RunningDaemon, box: str, tmp_path: Path) -> None:
    async def leave() -> None:
        async with Engine(daemon.url) as engine:
            steps = engine.save(box, tmp_path / "box.tar")
            async for step in steps:
                assert not step.done
                break
            await steps.aclose()

    asyncio.run(leave())
    assert list(tmp_path.iterdir()) == []
