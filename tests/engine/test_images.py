from __future__ import annotations

import asyncio

import docker
import pandas as pd
import pytest

from ghostnb.engine import Engine
from ghostnb.engine.frames import images_frame
from tests.engine.images import document
from tests.parts.daemons import RunningDaemon, dockerd, podman
from tests.parts.registries import RunningRegistry

DTYPES = {
    "context": "string",
    "id": "string",
    "repository": "string",
    "tag": "string",
    "digest": "string",
    "size_bytes": "Int64",
    "created": "datetime64[ns, UTC]",
}


def dtypes(frame: pd.DataFrame) -> dict[str, str]:
    return {column: str(dtype) for column, dtype in frame.dtypes.items()}


async def images(daemon: RunningDaemon) -> pd.DataFrame:
    async with Engine(daemon.url) as engine:
        return await engine.images()


async def pull(daemon: RunningDaemon, reference: str) -> None:
    async with Engine(daemon.url) as engine:
        async for _ in engine.pull(reference):
            pass


@pytest.mark.parametrize("product", ["docker", "podman"])
def test_an_empty_daemon(product: str) -> None:
    with {"docker": dockerd, "podman": podman}[product]() as running:
        frame = asyncio.run(images(running))

    assert len(frame) == 0
    assert dtypes(frame) == DTYPES


def test_tagged_images(daemon: RunningDaemon, origin: RunningRegistry) -> None:
    expected = document("team/app:1.0")
    asyncio.run(pull(daemon, f"{origin.host}/team/app:1.0"))

    frame = asyncio.run(images(daemon))

    assert dtypes(frame) == DTYPES
    row = frame[(frame["repository"] == f"{origin.host}/team/app") & (frame["tag"] == "1.0")]
    assert row["id"].item() == expected.manifest["config"]["digest"]
    assert row["digest"].item() == expected.digest
    assert row["context"].item() == daemon.url
    assert row["created"].item() == pd.Timestamp(expected.config["created"])
    assert row["size_bytes"].item() >= 900_000


def test_an_image_whose_tag_moved_away(daemon: RunningDaemon, origin: RunningRegistry) -> None:
    """Pulled by tag, then the tag is taken off: the repository is known by the digest only."""
    name = f"{origin.host}/team/moved"
    asyncio.run(pull(daemon, f"{name}:1.0"))
    asyncio.run(pull(daemon, f"{name}:2.0"))
    client = docker.APIClient(base_url=daemon.url, version="1.41")
    client.tag(f"{name}:2.0", name, "1.0", force=True)
    client.close()

    frame = asyncio.run(images(daemon))

    old, new = (document(f"team/moved:{tag}") for tag in ("1.0", "2.0"))
    untagged = frame[frame["id"] == old.manifest["config"]["digest"]]
    assert untagged["tag"].isna().to_list() == [True]
    tagged = frame[frame["id"] == new.manifest["config"]["digest"]]
    assert sorted(tagged["tag"]) == ["1.0", "2.0"]
    assert tagged["digest"].to_list() == [new.digest, new.digest]


def test_two_names_of_one_image_are_two_rows(
    daemon: RunningDaemon, origin: RunningRegistry
) -> None:
    asyncio.run(pull(daemon, f"{origin.host}/team/app:2.0"))
    client = docker.APIClient(base_url=daemon.url, version="1.41")
    client.tag(f"{origin.host}/team/app:2.0", "docker.io/library/familiar", "x")
    client.close()

    frame = asyncio.run(images(daemon))

    rows = frame[frame["id"] == document("team/app:2.0").manifest["config"]["digest"]]
    names = {(row.repository, row.tag) for row in rows.itertuples()}
    assert names == {(f"{origin.host}/team/app", "2.0"), ("familiar", "x")}


def test_records_as_daemons_write_them() -> None:
    """Docker 20.10 writes <none>; Podman lists names by digest among the tags."""
    a, b = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    none = {"Id": "1", "RepoTags": ["<none>:<none>"], "RepoDigests": ["<none>@<none>"]}
    by_digest = {"Id": "2", "RepoTags": [f"r.io/x@{a}"], "RepoDigests": [f"r.io/x@{a}"]}
    null = {"Id": "3", "RepoTags": None, "RepoDigests": None, "Created": -62135596800}
    several = {"Id": "4", "RepoTags": ["r.io/x:1"], "RepoDigests": [f"r.io/x@{a}", f"r.io/x@{b}"]}
    own = {**several, "Id": "5", "Digest": b, "Created": 0, "Size": 7}

    frame = images_frame("here", [none, by_digest, null, several, own])

    missing = frame[["repository", "tag", "digest"]].astype(object).where(frame.notna(), None)
    assert missing.to_numpy().tolist() == [
        [None, None, None],
        ["r.io/x", None, a],
        [None, None, None],
        ["r.io/x", "1", None],
        ["r.io/x", "1", b],
    ]
    assert frame["created"].isna().to_list() == [True, True, True, True, False]
    assert frame["size_bytes"].to_list()[-1] == 7
    assert dtypes(frame) == DTYPES
