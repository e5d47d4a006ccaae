"""The files of images, read from a real registry; a daemon says what is really in them."""

from __future__ import annotations

import asyncio
import io
import tarfile
from contextlib import closing

import docker
import pandas as pd
import pytest

import ghostnb
from ghostnb import RegistryClient
from ghostnb.errors import IntegrityError, NotFoundError, PlatformNotFoundError, ProtocolError
from tests.parts import media_types as types
from tests.parts.daemons import dockerd
from tests.parts.images import (
    Document,
    Step,
    artifact,
    cosign_signature,
    digest_of,
    helm_chart,
    image,
    index,
)
from tests.parts.layers import Entry, Layer, foreign_layer, layer, layer_of
from tests.parts.registries import docker_registry
from tests.registries.conftest import push

NO_BYTES = Layer(b"", types.OCI_TAR, digest_of(b""))
ARCHES = ("amd64", "arm64")
COLUMNS = ["path", "size_bytes", "mode", "link", "layer", "digest", "change"]
LISTED = [
    [
        Entry("etc", directory=True, mode=0o755),
        Entry("etc/config", b"old"),
        Entry("etc/keep", b"keep"),
        Entry("opt/cache/one", b"1" * 100),
        Entry("opt/cache/two", b"2" * 200),
        Entry("srv/data/x", b"x" * 30),
        Entry("bin/sh", link="busybox", mode=0o777),
    ],
    [
        Entry("etc/config", b"newer", mode=0o600),
        Entry("opt/cache/.wh.one"),
        Entry("srv/.wh.data"),
        Entry("../../root/escape", b"!"),
    ],
    [Entry("opt/cache/.wh..wh..opq"), Entry("opt/cache/three", b"3")],
]
PACKINGS = ["gzip", "zstd", "none"]
LAYERS = [layer(one, compression=kind) for one, kind in zip(LISTED, PACKINGS, strict=True)]
IMAGE = image([Step(f"step {n}", one) for n, one in enumerate(LAYERS)])


@pytest.fixture(scope="module")
def url():
    with docker_registry() as running:
        yield running.url


def filled(url: str, name: str, document: Document) -> RegistryClient:
    client = RegistryClient(url)
    ghostnb.run(push(client.registry, name, document))
    return client


def changes(frame: pd.DataFrame) -> list[tuple[int, str, str, int]]:
    names = ["layer", "change", "path", "size_bytes"]
    return [tuple(row) for row in frame[names].itertuples(index=False)]


def test_each_change_of_each_layer(url):
    frame = ghostnb.run(filled(url, "app:1", IMAGE).files("app:1"))
    assert list(frame) == COLUMNS
    kinds = ["string", "Int64", "category", "string", "Int64", "category", "category"]
    assert frame.dtypes.astype(str).tolist() == kinds
    assert changes(frame) == [
        (0, "added", "/etc", 0),
        (0, "added", "/etc/config", 3),
        (0, "added", "/etc/keep", 4),
        (0, "added", "/opt/cache/one", 100),
        (0, "added", "/opt/cache/two", 200),
        (0, "added", "/srv/data/x", 30),
        (0, "added", "/bin/sh", 0),
        (1, "modified", "/etc/config", 5),
        (1, "added", "/root/escape", 1),
        (1, "removed", "/opt/cache/one", 0),
        (1, "removed", "/srv/data", 0),
        (1, "removed", "/srv/data/x", 0),
        (2, "added", "/opt/cache/three", 1),
        (2, "removed", "/opt/cache/two", 0),
    ]
    assert frame["link"].dropna().tolist() == ["busybox"]
    assert frame["mode"].tolist()[:2] == ["drwxr-xr-x", "-rw-r--r--"]
    assert frame["digest"].astype(str).unique().tolist() == [one.digest for one in LAYERS]
    assert frame.attrs["errors"] == []


def test_of_one_platform_of_an_index(url):
    both = [
        image([Step("a", layer_of(seed))], platform=f"linux/{seed}") for seed in ("arm64", "amd64")
    ]
    client = filled(url, "multi:1", index(both))
    for name in ("arm64", "amd64"):
        frame = ghostnb.run(client.files("multi:1", platform=f"linux/{name}"))
        assert frame["path"].tolist() == [f"/opt/{name}/data.bin"]


def test_a_layer_that_an_image_has_twice(url):
    again = layer([Entry("a", b"x")])
    client = filled(url, "twice:1", image([Step("a", again), Step("b", again)]))
    assert changes(ghostnb.run(client.files("twice:1"))) == [
        (0, "added", "/a", 1),
        (1, "modified", "/a", 1),
    ]


def test_foreign_layers_are_told(url):
    windows = foreign_layer("windows", "https://example.com/layer")
    client = filled(
        url, "windows:1", image([Step("a", windows), Step("b", layer([Entry("a", b"x")]))])
    )
    with pytest.warns(UserWarning, match="not whole .1 could not be read"):
        frame = ghostnb.run(client.files("windows:1"))
    assert changes(frame) == [(1, "added", "/a", 1)]
    [error] = frame.attrs["errors"]
    assert (error["error"], error["tag"]) == ("UnsupportedError", "1")
    assert windows.digest in error["message"]


def test_an_image_without_layers(url):
    frame = ghostnb.run(filled(url, "scratch:1", image([])).files("scratch:1"))
    assert frame.shape == (0, 7)
    assert list(frame) == COLUMNS


NOTES = Layer(b"# notes\n" * 100, "text/markdown")
ARTIFACTS = {
    "notes": (artifact("text/markdown", [NOTES]), NOTES),
    "bare": (artifact("application/x-mark", []), Layer(b"{}", types.OCI_EMPTY)),
    "signature": (cosign_signature(b"payload", times=2), Layer(b"payload", types.COSIGN)),
    "index": (index([artifact("text/markdown", [NOTES])]), NOTES),
}


@pytest.mark.parametrize("ask", [RegistryClient.files, RegistryClient.packages])
@pytest.mark.parametrize("name", ARTIFACTS)
def test_an_artifact_is_no_archive_of_files(url, tmp_path, name, ask):
    document, content = ARTIFACTS[name]
    client = filled(url, f"{name}:1", document)
    with pytest.raises(ProtocolError) as raised:
        ghostnb.run(ask(client, f"{name}:1"))
    where = f"The layer {content.digest} of {name} in {client.registry.name} is no archive"
    assert where in str(raised.value)
    assert f"an artifact's, {content.media_type}. To keep that: reg" in raised.value.hint
    # What the hint says works.
    assert ghostnb.run(client.save(f"{name}:1", tmp_path / "kept.tar")).is_file()


def test_a_file_of_an_artifact_that_is_called_a_layer(url):
    # As oras calls what is given no type.
    oras = artifact("application/x-any", [Layer(NOTES.data, types.OCI_TAR)])
    with pytest.raises(ProtocolError, match="Is it an artifact's"):
        ghostnb.run(filled(url, "oras:1", oras).files("oras:1"))


def test_a_chart_lists_its_files(url):
    chart = helm_chart(layer([Entry("web/Chart.yaml", b"name: web")]))
    client = filled(url, "chart:1", chart)
    assert changes(ghostnb.run(client.files("chart:1"))) == [(0, "added", "/web/Chart.yaml", 9)]
    assert ghostnb.run(client.packages("chart:1")).shape == (0, 5)


def test_an_index_within_an_index(url):
    amd, arm = (image([Step("a", layer_of(name))], platform=f"linux/{name}") for name in ARCHES)
    client = filled(url, "nested:1", index([index([amd, arm]), index([amd])]))
    for name in ARCHES:
        frame = ghostnb.run(client.files("nested:1", platform=f"linux/{name}"))
        assert frame["path"].tolist() == [f"/opt/{name}/data.bin"]
        packages = ghostnb.run(client.packages("nested:1", platform=f"linux/{name}"))
        assert packages.shape == (0, 5)
    with pytest.raises(PlatformNotFoundError, match="Its platforms are: linux/amd64, linux/arm64"):
        ghostnb.run(client.files("nested:1", platform="linux/s390x"))


def test_an_index_of_nothing(url):
    with pytest.raises(PlatformNotFoundError, match=r"nothing:1 in .* has no image"):
        ghostnb.run(filled(url, "nothing:1", index([])).files("nothing:1"))


def test_layers_without_files(url):
    listed = [NO_BYTES, layer([], compression="none"), layer([]), layer([Entry("a", b"x")])]
    steps = [Step("a", one) for one in listed]
    frame = ghostnb.run(filled(url, "hollow:1", image(steps)).files("hollow:1"))
    assert changes(frame) == [(3, "added", "/a", 1)]


def test_a_layer_that_is_cut_off(url):
    whole = layer([Entry("a", b"x" * 5000)])
    cut = Layer(whole.data[:-20], types.OCI_GZIP, whole.diff_id)
    with pytest.raises(ProtocolError, match="no archive of files that can be read"):
        ghostnb.run(filled(url, "cut:1", image([Step("a", cut)])).files("cut:1"))


def test_what_is_not_there(url):
    with pytest.raises(NotFoundError):
        ghostnb.run(RegistryClient(url).files("none:1"))


def test_a_layer_that_is_not_what_its_digest_says(tmp_path):
    with docker_registry(storage_dir=tmp_path) as running:
        client = filled(running.url, "app:1", IMAGE)
        digest = LAYERS[0].digest.removeprefix("sha256:")
        [file] = tmp_path.rglob(f"{digest}/data")
        # As long as before, and an archive as well.
        other = layer([Entry("other", b"y" * 40)]).data
        file.write_bytes(other.ljust(len(LAYERS[0].data), b"\0")[: len(LAYERS[0].data)])
        with pytest.raises(IntegrityError):
            ghostnb.run(client.files("app:1"))


def test_progress_is_told_layer_by_layer(url):
    seen = []
    ghostnb.run(filled(url, "app:1", IMAGE).files("app:1", progress=seen.append))
    last = {step.item: step for step in seen}
    assert set(last) == {one.digest for one in LAYERS}
    assert {step.status for step in last.values()} == {"Download complete"}


def test_from_a_directory_and_an_archive(url, tmp_path):
    client = filled(url, "app:1", IMAGE)
    expected = ghostnb.run(client.files("app:1"))
    archive = RegistryClient(f"oci:{ghostnb.run(client.save('app:1', tmp_path / 'app.tar'))}")
    mirror = RegistryClient(f"oci:{tmp_path / 'mirror'}")
    ghostnb.run(ghostnb.copy(client, mirror, "app:1"))
    [name] = ghostnb.run(archive.repositories())["repository"]
    for other, reference in ((archive, f"{name}:1"), (mirror, "app:1")):
        pd.testing.assert_frame_equal(ghostnb.run(other.files(reference)), expected)


def test_a_cancelled_reading_leaves_nothing(url):
    large = image([Step("a", layer([Entry(f"f{n}", bytes(2**20)) for n in range(200)]))])
    client = filled(url, "large:1", large)

    async def work():
        reading = asyncio.ensure_future(client.files("large:1", progress=False))
        await asyncio.sleep(0.05)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert len(await client.files("large:1", progress=False)) == 200

    asyncio.run(work())


# What a daemon puts into each container.
OWN = {"/.dockerenv", "/dev", "/dev/console", "/dev/pts", "/dev/shm", "/proc", "/sys", "/etc/mtab",
       "/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}  # fmt: skip


def test_the_files_are_those_that_a_daemon_unpacks(url):
    kept = [entry for entry in LISTED[1] if not entry.path.startswith("..")]
    steps = [LAYERS[0], layer(kept), NO_BYTES, LAYERS[2]]
    client = filled(url, "real:1", image([Step(f"step {n}", one) for n, one in enumerate(steps)]))
    frame = ghostnb.run(client.files("real:1")).drop_duplicates("path", keep="last")
    left = frame[(frame["change"] != "removed") & ~frame["mode"].str.startswith("d")]
    with dockerd() as daemon, closing(docker.APIClient(base_url=daemon.url)) as engine:
        name = f"{client.config.host}/real"
        engine.pull(name, tag="1")
        container = engine.create_container(f"{name}:1", command="/none")
        exported = b"".join(engine.export(container))
    with tarfile.open(fileobj=io.BytesIO(exported)) as tar:
        members = {f"/{one.name}": one.size for one in tar if not one.isdir()}
    unpacked = {path: size for path, size in members.items() if path not in OWN}
    assert dict(zip(left["path"], left["size_bytes"], strict=True)) == unpacked
