"""Two images, compared: real ones, in a real registry."""

from __future__ import annotations

import pandas as pd
import pytest

import ghostnb
from ghostnb import NotFoundError, ProtocolError, RegistryClient
from tests.parts.images import Document, Settings, Step, artifact, helm_chart, image, index
from tests.parts.layers import Entry, Layer, foreign_layer, layer
from tests.parts.registries import docker_registry
from tests.registries.conftest import push

STATUS = "var/lib/dpkg/status"


def status(**versions: str) -> bytes:
    paragraphs = [
        f"Package: {name}\nStatus: install ok installed\nVersion: {version}\n"
        for name, version in versions.items()
    ]
    return "\n".join(paragraphs).encode()


BASE = layer(
    [
        Entry("etc", directory=True, mode=0o755),
        Entry("etc/same", b"same"),
        Entry("etc/gone", b"123"),
        Entry("etc/moved", link="same", mode=0o777),
        Entry(STATUS, status(libc6="2.36", bash="5.1", perl="5.36")),
    ]
)
OLD = layer(
    [
        Entry("app/main", b"version 1"),
        Entry("app/run", b"run", mode=0o644),
        Entry("app/site-packages/flask-2.0.dist-info/METADATA", b"Name: flask\nVersion: 2.0\n"),
        Entry("app/site-packages/old-1.dist-info/METADATA", b"Name: old\nVersion: 1\n"),
    ]
)
NEW = layer(
    [
        Entry("app/main", b"version 2"),
        Entry("app/run", b"run", mode=0o755),
        Entry("app/more", b"x" * 1000),
        Entry("etc/.wh.gone"),
        Entry("etc/moved", link="other", mode=0o777),
        Entry(STATUS, status(libc6="2.37", bash="5.1")),
        Entry("app/site-packages/flask-3.0.dist-info/METADATA", b"Name: flask\nVersion: 3.0\n"),
    ]
)
TOP = layer([Entry("app/top", b"top")])
BEFORE = image(
    [Step("FROM base", BASE), Step("COPY app", OLD)],
    Settings(env=["PATH=/bin", "DEBUG=1"], labels={"team": "a"}, exposed_ports=["80/tcp"]),
)
AFTER = image(
    [Step("FROM base", BASE), Step("COPY app", NEW), Step("COPY top", TOP)],
    Settings(env=["PATH=/bin:/app", "NEW=a=b"], labels={"team": "a"}, user="app"),
)


@pytest.fixture(scope="module")
def url():
    with docker_registry() as running:
        filled(running.url, {"app:1": BEFORE, "app:2": AFTER})
        yield running.url


def filled(url: str, images: dict[str, Document]) -> RegistryClient:
    client = RegistryClient(url)
    for name, document in images.items():
        ghostnb.run(push(client.registry, name, document))
    return client


@pytest.fixture(scope="module")
def found(url):
    return ghostnb.run(RegistryClient(url).diff("app:1", "app:2"))


def rows(frame: pd.DataFrame) -> list[list[object]]:
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def test_settings(found):
    assert list(found.config) == ["field", "before", "after"]
    assert rows(found.config) == [
        ["config.Env.DEBUG", "1", None],
        ["config.Env.NEW", None, "a=b"],
        ["config.Env.PATH", "/bin", "/bin:/app"],
        ["config.ExposedPorts.80/tcp", "{}", None],
        ["config.User", None, "app"],
    ]


def test_layers_side_by_side(found):
    assert rows(found.layers) == [
        ["same", 0, 0, BASE.digest, BASE.digest, BASE.size_bytes, BASE.size_bytes, "FROM base"],
        ["modified", 1, 1, OLD.digest, NEW.digest, OLD.size_bytes, NEW.size_bytes, "COPY app"],
        ["added", None, 2, None, TOP.digest, None, TOP.size_bytes, "COPY top"],
    ]


def test_files(found):
    names = ["path", "change", "size_before", "size_after", "delta_bytes"]
    kept = found.files[~found.files["path"].str.contains("dist-info|dpkg")]
    assert rows(kept[names]) == [
        ["/app/main", "modified", 9, 9, 0],
        ["/app/more", "added", None, 1000, 1000],
        ["/app/run", "modified", 3, 3, 0],
        ["/app/top", "added", None, 3, 3],
        ["/etc/gone", "removed", 3, None, -3],
        ["/etc/moved", "modified", 0, 0, 0],
    ]
    run = found.files.set_index("path").loc["/app/run"]
    assert (run["mode_before"], run["mode_after"]) == ("-rw-r--r--", "-rwxr-xr-x")


def test_packages(found):
    assert rows(found.packages) == [
        ["dpkg", "libc6", "modified", "2.36", "2.37"],
        ["dpkg", "perl", "removed", "5.36", None],
        ["python", "flask", "modified", "2.0", "3.0"],
        ["python", "old", "removed", "1", None],
    ]


def test_what_it_shows(found):
    text = repr(found)
    assert text.startswith("<ImageDiff app:1 to app:2: ")
    assert "4 packages, 10 files (" in text
    assert "2 layers, 5 settings differ" in text
    html = found._repr_html_()
    assert "<h4>Packages (4)</h4>" in html
    assert html.index("/app/more") < html.index("/etc/gone")


def test_an_image_and_itself(url):
    same = ghostnb.run(RegistryClient(url).diff("app:1", "app:1"))
    assert set(same.layers["change"]) == {"same"}
    for frame, width in ((same.config, 3), (same.files, 7), (same.packages, 5)):
        assert frame.shape == (0, width)
    assert same.files.dtypes.astype(str).tolist()[2:5] == ["Int64"] * 3
    assert "differ" in same._repr_html_()


def test_images_of_two_registries(url):
    with docker_registry() as running:
        other = filled(running.url, {"copy/app:9": AFTER})
        across = ghostnb.run(RegistryClient(url).diff("app:1", "copy/app:9", registry=other))
    here = ghostnb.run(RegistryClient(url).diff("app:1", "app:2"))
    for name in ("config", "layers", "files", "packages"):
        pd.testing.assert_frame_equal(getattr(across, name), getattr(here, name))


def test_the_same_platform_of_both(url):
    images = {
        name: index([image([Step("a", layer([Entry("a", f"{name} {arch}".encode())]))],
                           platform=f"linux/{arch}") for arch in ("arm64", "amd64")])
        for name in ("old", "new")
    }  # fmt: skip
    client = filled(url, {"multi:1": images["old"], "multi:2": images["new"]})
    for arch in ("arm64", "amd64"):
        found = ghostnb.run(client.diff("multi:1", "multi:2", platform=f"linux/{arch}"))
        assert {found.before.platform, found.after.platform} == {f"linux/{arch}"}
    arm = ghostnb.run(client.diff("multi:1@" + images["old"].children[0].digest, "multi:2"))
    assert arm.after.platform == "linux/arm64"
    only = filled(url, {"single:1": image([Step("a", BASE)], platform="linux/s390x")})
    assert ghostnb.run(only.diff("multi:1", "single:1")).after.platform == "linux/s390x"


def test_an_index_within_an_index(url):
    amd = image([Step("a", BASE)])
    arm = image([Step("a", TOP)], platform="linux/arm64")
    client = filled(url, {"nested:1": index([index([amd, arm]), index([amd])]), "flat:1": amd})
    found = ghostnb.run(client.diff("flat:1", "nested:1"))
    assert found.after.platform == "linux/amd64"
    assert len(found.files) == len(found.config) == 0
    found = ghostnb.run(client.diff("nested:1", "flat:1", platform="linux/amd64"))
    assert rows(found.layers[["change", "digest_after"]]) == [["same", BASE.digest]]


def test_an_artifact_can_only_be_compared_if_it_is_an_archive(url):
    notes = Layer(b"# notes", "text/markdown")
    charts = [helm_chart(layer([Entry("web/values", text)])) for text in (b"a", b"bc")]
    client = filled(
        url,
        {
            "notes:1": artifact("text/markdown", [notes]),
            "chart:1": charts[0],
            "chart:2": charts[1],
        },
    )
    for pair in (("app:1", "notes:1"), ("notes:1", "app:1"), ("notes:1", "notes:1")):
        with pytest.raises(ProtocolError, match=f"{notes.digest} of notes in .* is no archive"):
            ghostnb.run(client.diff(*pair))
    found = ghostnb.run(client.diff("chart:1", "chart:2"))
    assert rows(found.files[["path", "change", "delta_bytes"]]) == [["/web/values", "modified", 1]]
    assert "differ" in found._repr_html_()
    beside = ghostnb.run(client.diff("app:1", "chart:1"))
    assert ["/web/values", "added"] in rows(beside.files[["path", "change"]])
    assert ["architecture", "amd64", None] in rows(beside.config)


def test_foreign_layers_are_told(url):
    windows = foreign_layer("windows", "https://example.com/layer")
    client = filled(url, {"windows:1": image([Step("a", windows), Step("b", TOP)])})
    with pytest.warns(UserWarning, match="The comparison is not whole"):
        found = ghostnb.run(client.diff("app:1", "windows:1"))
    assert len(found.files.attrs["errors"]) == 1


def test_what_is_not_there_and_what_is_no_registry(url):
    client = RegistryClient(url)
    with pytest.raises(NotFoundError):
        ghostnb.run(client.diff("app:1", "app:none"))
    with pytest.raises(TypeError, match="registry: a RegistryClient is wanted, not 'http"):
        ghostnb.run(client.diff("app:1", "app:2", registry=url))


def test_packages_of_one_image(url):
    frame = ghostnb.run(RegistryClient(url).packages("app:2"))
    assert list(frame) == ["manager", "name", "version", "path", "layer"]
    assert rows(frame[["manager", "name", "version", "layer"]]) == [
        ["dpkg", "bash", "5.1", 1],
        ["dpkg", "libc6", "2.37", 1],
        ["python", "flask", "3.0", 1],
    ]
    types = ["category", "string", "string", "string", "Int64"]
    assert frame.dtypes.astype(str).tolist() == types


def test_no_packages_have_the_same_columns(url):
    client = filled(url, {"bare:1": image([Step("a", TOP)])})
    assert ghostnb.run(client.packages("bare:1")).shape == (0, 5)
