"""Images saved from real registries, and read by everybody else's programs."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from ghostnb import (
    ArchiveError,
    GhostnbError,
    IntegrityError,
    NotFoundError,
    Progress,
    ProtocolError,
    RegistryClient,
    run,
)
from tests.parts.daemons import RunningDaemon, dockerd, podman
from tests.parts.disks import fill_up, make_read_only, small_disk
from tests.parts.images import Document, index, plain_image
from tests.parts.processes import find_program
from tests.parts.registries import RunningRegistry
from tests.parts.replies import Reply, reply, stall
from tests.parts.schema1 import schema1_image
from tests.parts.standard import STANDARD_IMAGES
from tests.scripts import run_script
from tests.serving import connections_to, serving_images, wait_until

NOT_FOR_DOCKER = {"team/app/api:signature", "team/artifact:latest", "team/windows:latest"}
MULTI = STANDARD_IMAGES["team/multi:latest"]
BIG = plain_image("big", layers=3, size_bytes=400_000)


@pytest.fixture
def client(registry: RunningRegistry) -> Iterator[RegistryClient]:
    client = RegistryClient(registry.url)
    yield client
    run(client.aclose())


def contents(path: Path) -> dict[str, bytes]:
    """Read an archive; no name may stand in it twice."""
    with tarfile.open(path) as archive:
        members = archive.getmembers()
        assert len({member.name for member in members}) == len(members)
        return {member.name: archive.extractfile(member).read() for member in members}


def blobs(document: Document) -> dict[str, bytes]:
    """Say what an archive of a document must hold."""
    found = {document.digest: document.raw}
    found |= {blob.digest: blob.data for blob in document.blobs if blob.pushed}
    for child in document.children:
        found |= blobs(child)
    return found


@pytest.mark.parametrize("name", STANDARD_IMAGES)
def test_an_archive_holds_what_was_pushed_byte_for_byte(
    client: RegistryClient, tmp_path: Path, name: str
) -> None:
    document = STANDARD_IMAGES[name]
    found = contents(run(client.save(name, tmp_path / "image.tar")))

    expected = {f"blobs/{digest.replace(':', '/')}": raw for digest, raw in blobs(document).items()}
    assert {path: raw for path, raw in found.items() if path.startswith("blobs/")} == expected
    assert json.loads(found["oci-layout"]) == {"imageLayoutVersion": "1.0.0"}
    (entry,) = json.loads(found["index.json"])["manifests"]
    assert (entry["mediaType"], entry["digest"], entry["size"]) == (
        document.media_type,
        document.digest,
        document.size_bytes,
    )
    whole = f"{client.config.host}/{name}"
    assert entry["annotations"]["org.opencontainers.image.ref.name"] == whole
    assert ("manifest.json" in found) == (name not in NOT_FOR_DOCKER)
    raw = skopeo_inspect(tmp_path / "image.tar")
    assert raw == document.raw


def skopeo_inspect(path: Path) -> bytes:
    program = find_program("skopeo", "skopeo")
    command = [program, "inspect", "--raw", f"oci-archive:{path}"]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.fixture(scope="module")
def docker_daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


@pytest.fixture(scope="module")
def podman_daemon() -> Iterator[RunningDaemon]:
    with podman() as running:
        yield running


@pytest.mark.parametrize("product", ["docker", "podman"])
@pytest.mark.parametrize(
    "name", ["library/nginx:1.27", "team/dockerv2:latest", "team/multi:latest"]
)
def test_a_daemon_loads_it_under_its_name(
    request: pytest.FixtureRequest, client: RegistryClient, tmp_path: Path, product: str, name: str
) -> None:
    daemon = request.getfixturevalue(f"{product}_daemon")
    path = run(client.save(name, tmp_path))
    api = docker.APIClient(base_url=daemon.url, version="1.41")
    with path.open("rb") as file:
        said = list(api.load_image(file))

    document = STANDARD_IMAGES[name]
    image = document.children[0] if document.children else document
    whole = f"{client.config.host}/{name}"
    assert whole in str(said)
    assert api.inspect_image(whole)["Id"] == image.manifest["config"]["digest"]
    api.close()


def test_one_platform_is_an_image_of_its_own(client: RegistryClient, tmp_path: Path) -> None:
    path = run(client.save("team/multi:latest", tmp_path / "arm.tar", platform="linux/arm64"))
    found = contents(path)
    child = MULTI.children[1]

    (entry,) = json.loads(found["index.json"])["manifests"]
    assert entry["digest"] == child.digest
    assert {name.partition("/sha256/")[2] for name in found if "sha256" in name} == {
        digest.removeprefix("sha256:") for digest in blobs(child)
    }
    with pytest.raises(NotFoundError, match=r"has no image for linux/mips.*linux/arm64"):
        run(client.save("team/multi:latest", tmp_path / "mips.tar", platform="linux/mips"))


def test_a_digest_names_the_file_and_nothing_else(client: RegistryClient, tmp_path: Path) -> None:
    path = run(client.save(f"team/multi@{MULTI.digest}", tmp_path))
    found = contents(path)

    assert path.name == f"team-multi_{MULTI.digest.replace(':', '-')[:19]}.tar"
    assert "annotations" not in json.loads(found["index.json"])["manifests"][0]
    assert json.loads(found["manifest.json"])[0]["RepoTags"] is None


def test_an_unpacked_archive_is_a_registry(client: RegistryClient, tmp_path: Path) -> None:
    path = run(client.save("team/multi:latest", tmp_path))
    for name, content in contents(path).items():
        file = tmp_path / "layout" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    tags = run(RegistryClient(f"oci:{tmp_path}/layout").tags("team/multi", details=True))

    assert list(tags["digest"]) == [MULTI.digest]
    again = run(RegistryClient(f"oci:{tmp_path}/layout").save("team/multi", tmp_path / "again.tar"))
    assert {n for n in contents(again) if "/" in n} == {n for n in contents(path) if "/" in n}


def test_steps_tell_each_blob_to_its_end(client: RegistryClient, tmp_path: Path) -> None:
    steps: list[Progress] = []
    run(client.save("library/nginx:1.27", tmp_path, progress=steps.append))

    document = STANDARD_IMAGES["library/nginx:1.27"]
    sizes = {blob.digest: blob.size_bytes for blob in document.blobs}
    ended = {step.item: step.current_bytes for step in steps if step.done}
    assert ended == sizes
    last = steps[-1]
    assert last.overall_current_bytes == last.overall_total_bytes == sum(sizes.values())


def test_what_is_there_is_replaced_only_if_that_is_meant(
    client: RegistryClient, tmp_path: Path
) -> None:
    target = tmp_path / "image.tar"
    target.write_text("mine")
    with pytest.raises(ArchiveError, match=r"image.tar is there already.*overwrite=True"):
        run(client.save("library/nginx:1.27", target))
    assert target.read_text() == "mine"

    run(client.save("library/nginx:1.27", target, overwrite=True))
    assert "index.json" in contents(target)


def test_a_directory_that_is_not_there_is_told(client: RegistryClient, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"Is there a directory .*/none\? Make it first"):
        run(client.save("library/nginx:1.27", tmp_path / "none" / "image.tar"))
    (tmp_path / "file").write_text("")
    with pytest.raises(ArchiveError, match="Not a directory"):
        run(client.save("library/nginx:1.27", tmp_path / "file" / "image.tar"))


def test_a_disk_that_cannot_take_it_is_told(client: RegistryClient, tmp_path: Path) -> None:
    with serving_images({"team/big:1.0": BIG}) as server, small_disk(tmp_path / "d", 1) as disk:
        with pytest.raises(ArchiveError, match=r"it needs 1\.2 MB, and its disk has"):
            run(RegistryClient(server.url).save("team/big:1.0", disk))
        assert list(disk.iterdir()) == []
        make_read_only(disk)
        with pytest.raises(ArchiveError, match=r"Read-only file system.*who may write to"):
            run(client.save("library/nginx:1.27", disk / "image.tar"))


def test_a_disk_that_fills_up_on_the_way_keeps_nothing(tmp_path: Path) -> None:
    with serving_images({"team/big:1.0": BIG}) as server, small_disk(tmp_path / "d", 4) as disk:
        for layer in BIG.layers:
            slow = reply(body=layer.data, piece_bytes=20_000, pause_seconds=0.05)
            server.routes[f"/v2/team/big/blobs/{layer.digest}"] = slow

        def fill(step: Progress) -> None:
            if not (disk / "ballast").exists():
                fill_up(disk / "ballast")

        with pytest.raises(ArchiveError, match=r"No space left on device.*nothing was left"):
            run(RegistryClient(server.url).save("team/big:1.0", disk, progress=fill))
        assert [path.name for path in disk.iterdir()] == ["ballast"]


def test_a_cancelled_save_leaves_no_file_and_no_connection(tmp_path: Path) -> None:
    with serving_images({"team/big:1.0": BIG}) as server:
        layer = BIG.layers[2]
        server.routes[f"/v2/team/big/blobs/{layer.digest}"] = stall(layer.data, 100_000)

        async def save() -> None:
            client = RegistryClient(server.url)
            arrived = asyncio.Event()

            def look(step: Progress) -> None:
                if step.overall_current_bytes > 900_000:
                    arrived.set()

            task = asyncio.create_task(client.save("team/big:1.0", tmp_path, progress=look))
            await arrived.wait()
            assert suffixes(tmp_path) == [".part"]
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            # Long before the request's own end, which is after 30 s.
            wait_until(lambda: suffixes(tmp_path) == [], seconds=10)
            await client.aclose()

        asyncio.run(save())
        wait_until(lambda: connections_to(server.port) == 0, seconds=10)


def test_a_program_that_ends_meanwhile_leaves_nothing(tmp_path: Path) -> None:
    script = """
import sys, threading
from ghostnb import RegistryClient
from ghostnb.loop import launch
url, directory = sys.argv[1:]
moved = threading.Event()
saving = RegistryClient(url).save("team/big:1.0", directory, progress=lambda _: moved.set())
launch(saving)
assert moved.wait(30)
"""
    with serving_images({"team/big:1.0": BIG}) as server:
        layer = BIG.layers[2]
        server.routes[f"/v2/team/big/blobs/{layer.digest}"] = stall(layer.data, 100_000)
        run_script(script, server.url, str(tmp_path))
    assert suffixes(tmp_path) == []


def suffixes(directory: Path) -> list[str]:
    return [path.suffix for path in directory.iterdir()]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (reply(body=bytes(BIG.layers[1].size_bytes)), IntegrityError, "content with the digest"),
        (reply(body=b"short"), IntegrityError, "gave 5 bytes for"),
        (reply(404), NotFoundError, "team/big"),
    ],
)
def test_a_blob_that_is_not_what_it_should_be_ends_it(
    tmp_path: Path, answer: Reply, kind: type[GhostnbError], words: str
) -> None:
    with serving_images({"team/big:1.0": BIG}) as server:
        server.routes[f"/v2/team/big/blobs/{BIG.layers[1].digest}"] = answer
        with pytest.raises(kind, match=words):
            run(RegistryClient(server.url).save("team/big:1.0", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_an_index_names_and_is_not_there_is_told_with_a_way_out(tmp_path: Path) -> None:
    with serving_images({"team/multi:latest": MULTI}) as server:
        missing = MULTI.children[1]
        server.routes[f"/v2/team/multi/manifests/{missing.digest}"] = reply(404)
        client = RegistryClient(server.url)
        with pytest.raises(NotFoundError, match=rf"{missing.digest} for linux/arm64/v8.*platform="):
            run(client.save("team/multi", tmp_path))
        assert list(tmp_path.iterdir()) == []
        run(client.save("team/multi", tmp_path, platform="linux/amd64"))


def test_sizes_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    image = plain_image("sizes", layers=1)
    wrong = json.loads(image.raw)
    wrong["layers"].append({**wrong["layers"][0], "size": wrong["layers"][0]["size"] + 1})
    raw = json.dumps(wrong).encode()
    document = Document(image.media_type, raw, image.blobs)
    with serving_images({"team/app:1.0": document}) as server:
        with pytest.raises(IntegrityError, match=r"says of sha256:\w+ that it has"):
            run(RegistryClient(server.url).save("team/app:1.0", tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_tower_of_indexes_is_not_climbed(tmp_path: Path) -> None:
    tower = index([plain_image("tower")])
    for _ in range(12):
        tower = index([tower])
    with serving_images({"team/tower:1.0": tower}) as server:
        with pytest.raises(ProtocolError, match="nests indexes deeper than 8"):
            run(RegistryClient(server.url).save("team/tower:1.0", tmp_path))


def test_schema_one_is_refused_with_what_to_do(tmp_path: Path) -> None:
    old = schema1_image("team/old", "1.0", plain_image("old").layers)
    with serving_images({"team/old:1.0": old}) as server:
        with pytest.raises(GhostnbError, match="schema 1 image, which is not saved"):
            run(RegistryClient(server.url).save("team/old:1.0", tmp_path))


@pytest.mark.parametrize(
    ("wrong", "words"), [({"progress": "yes"}, "progress is"), ({"path": 5}, "PathLike")]
)
def test_programming_mistakes_are_type_errors(
    client: RegistryClient, tmp_path: Path, wrong: dict[str, object], words: str
) -> None:
    with pytest.raises(TypeError, match=words):
        run(client.save("library/alpine:3.19", **{"path": tmp_path, **wrong}))
