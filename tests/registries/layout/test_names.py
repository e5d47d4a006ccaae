"""Whose entry is whose: the names that clients write into a layout's index."""

import json

import pytest

from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.layout.index import default_repository, name_of
from tests.parts.images import digest_of, plain_image
from tests.parts.pushes import skopeo, write_layout
from tests.registries.conftest import ask, listed, push

REF = "org.opencontainers.image.ref.name"
CONTAINERD = "io.containerd.image.name"
OURS = "io.ghostnb.repository"
DIGEST = digest_of(b"")


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, ("here", "")),
        ({REF: "1.0"}, ("here", "1.0")),
        ({REF: "nginx"}, ("here", "nginx")),
        ({REF: "app:1.0"}, ("app", "1.0")),
        ({REF: "team/app:1.0"}, ("team/app", "1.0")),
        ({REF: "team/app"}, ("team/app", "")),
        ({REF: f"team/app@{DIGEST}"}, ("team/app", "")),
        ({REF: f"team/app:1.0@{DIGEST}"}, ("team/app", "1.0")),
        ({REF: "library/nginx:1.27"}, ("library/nginx", "1.27")),
        ({REF: "localhost:5000/team/app:1.0"}, ("team/app", "1.0")),
        ({REF: "localhost:5000/team/app"}, ("team/app", "")),
        ({REF: "ghcr.io/o/app:1.0"}, ("o/app", "1.0")),
        ({REF: "docker.io/nginx:1.27"}, ("library/nginx", "1.27")),
        ({REF: "1.27", CONTAINERD: "docker.io/library/nginx:1.27"}, ("library/nginx", "1.27")),
        ({CONTAINERD: "docker.io/library/nginx:1.27"}, ("library/nginx", "1.27")),
        ({REF: "1.27", CONTAINERD: "not a name"}, ("here", "1.27")),
        ({OURS: "team/app"}, ("team/app", "")),
        ({OURS: "team/app", REF: "1.0"}, ("team/app", "1.0")),
        ({OURS: "my.team/app", REF: "my.team/app:1.0"}, ("my.team/app", "1.0")),
        ({OURS: "team/app", REF: "team/other:1.0"}, ("team/other", "1.0")),
        ({OURS: "../../etc"}, ("here", "")),
        ({REF: "../../etc:1.0"}, ("here", "")),
        ({REF: "Team App:1.0"}, ("here", "")),
        ({REF: "team/app:"}, ("here", "")),
    ],
)
def test_an_entry_has_the_repository_and_tag_that_its_annotations_say(annotations, expected):
    assert name_of(annotations, "here") == expected


@pytest.mark.parametrize(
    ("directory", "expected"),
    [
        ("app", "app"),
        ("my_app-1.0", "my_app-1.0"),
        ("My App (1)", "my-app-1"),
        ("..", "layout"),
        ("", "layout"),
        ("Ünïcode", "n-code"),
        ("A" * 255, "a" * 255),
    ],
)
def test_entries_without_a_name_are_in_a_repository_called_after_the_directory(directory, expected):
    assert default_repository(directory) == expected


@pytest.mark.parametrize(
    ("reference", "repository", "tags"),
    [
        ("1.0", "images", ["1.0"]),
        ("team/app:1.0", "team/app", ["1.0"]),
        ("library/nginx:1.27", "library/nginx", ["1.27"]),
        ("localhost:5000/team/app:1.0", "team/app", ["1.0"]),
        ("team/app", "team/app", []),
        ("", "images", []),
    ],
)
def test_what_skopeo_wrote_is_found(tmp_path, reference, repository, tags):
    document = plain_image("by-skopeo")
    source = write_layout(tmp_path / "source", {"it": document})
    target = tmp_path / "Images"
    skopeo("copy", f"oci:{source}:it", f"oci:{target}:{reference}")

    async def question(registry):
        found = [record.repository async for record in registry.repositories()]
        assert found == [repository]
        assert await listed(registry.tags(repository)) == tags
        for locator in [*tags, document.digest]:
            assert (await registry.manifest(repository, locator)).raw == document.raw

    ask(LayoutRegistry(target), question)


def index_of(directory):
    return json.loads((directory / "index.json").read_bytes())


def write_index(directory, entries, **fields):
    whole = {"schemaVersion": 2, "manifests": entries, **fields}
    (directory / "index.json").write_text(json.dumps(whole))


def test_what_docker_save_wrote_is_found(tmp_path):
    """As moby's image/tarexport/save.go writes it since 25.0."""
    document, untagged = plain_image("saved"), plain_image("saved-untagged")
    write_layout(tmp_path, {"a": document, "b": untagged})
    names = {CONTAINERD: "docker.io/library/nginx:1.27", REF: "1.27"}
    second = {CONTAINERD: "ghcr.io/team/app:latest", REF: "latest"}
    entries = [document.descriptor(**names), document.descriptor(**second), untagged.descriptor()]
    write_index(tmp_path, entries)

    async def question(registry):
        found = {
            record.repository: await listed(registry.tags(record.repository))
            async for record in registry.repositories()
        }
        rest = set(found) - {"library/nginx", "team/app"}
        assert found["library/nginx"] == ["1.27"]
        assert found["team/app"] == ["latest"]
        assert [found[name] for name in rest] == [[]]
        assert (await registry.manifest(rest.pop(), untagged.digest)).raw == untagged.raw

    ask(LayoutRegistry(tmp_path), question)


def test_of_two_entries_with_one_name_the_first_counts_as_for_skopeo(tmp_path):
    first, second = plain_image("first"), plain_image("second")
    write_layout(tmp_path, {"a": first, "b": second})
    write_index(tmp_path, [one.descriptor(**{REF: "team/app:1"}) for one in (first, second)])

    async def question(registry):
        assert (await registry.manifest("team/app", "1")).raw == first.raw
        assert (await registry.manifest("team/app", second.digest)).raw == second.raw

    ask(LayoutRegistry(tmp_path), question)
    assert skopeo("inspect", "--raw", f"oci:{tmp_path}:team/app:1").encode().strip() == first.raw


def test_a_push_names_repository_and_tag_one_entry_a_tag(tmp_path):
    one, other = plain_image("one"), plain_image("other")

    async def question(registry):
        await push(registry, "team/app:1", one)
        await push(registry, "team/app:2", one)
        await push(registry, "team/app:2", one)
        await push(registry, "team/app:1", other)
        await push(registry, "team/app:", other)

    ask(LayoutRegistry(tmp_path / "new"), question)
    entries = index_of(tmp_path / "new")["manifests"]
    assert [(entry["digest"], entry["annotations"]) for entry in entries] == [
        (one.digest, {REF: "team/app:2", OURS: "team/app"}),
        (other.digest, {REF: "team/app:1", OURS: "team/app"}),
    ]


def test_a_manifest_that_loses_its_last_tag_stays_in_its_repository(tmp_path):
    one, other = plain_image("one"), plain_image("other")

    async def question(registry):
        await push(registry, "team/app:1", one)
        await push(registry, "team/app:1", other)

    ask(LayoutRegistry(tmp_path / "new"), question)
    entries = index_of(tmp_path / "new")["manifests"]
    assert [(entry["digest"], entry["annotations"]) for entry in entries] == [
        (one.digest, {OURS: "team/app"}),
        (other.digest, {REF: "team/app:1", OURS: "team/app"}),
    ]


def test_a_tag_that_skopeo_moved_leaves_its_manifest_in_the_repository(tmp_path):
    ours, theirs = plain_image("ours"), plain_image("theirs")
    target = tmp_path / "new"
    source = write_layout(tmp_path / "source", {"it": theirs})
    ask(LayoutRegistry(target), lambda registry: push(registry, "team/app:1", ours))
    skopeo("copy", f"oci:{source}:it", f"oci:{target}:team/app:1")

    async def question(registry):
        assert (await registry.manifest("team/app", "1")).raw == theirs.raw
        assert (await registry.manifest("team/app", ours.digest)).raw == ours.raw

    ask(LayoutRegistry(target), question)


def test_a_push_takes_the_tag_from_an_entry_of_another_client(tmp_path):
    old, new = plain_image("old"), plain_image("new")
    write_layout(tmp_path, {"1.27": old})
    names = {CONTAINERD: "docker.io/library/nginx:1.27", REF: "1.27", "org.example": "kept"}
    write_index(tmp_path, [old.descriptor(**names)])
    ask(LayoutRegistry(tmp_path), lambda registry: push(registry, "library/nginx:1.27", new))
    assert [entry["annotations"] for entry in index_of(tmp_path)["manifests"]] == [
        {"org.example": "kept", OURS: "library/nginx"},
        {REF: "library/nginx:1.27", OURS: "library/nginx"},
    ]


def test_what_a_push_does_not_know_stays_as_it_is(tmp_path):
    old = plain_image("old")
    write_layout(tmp_path, {"1.0": old})
    entry = old.descriptor(**{REF: "1.0", "org.example": "é"}) | {"x-field": [1, 2.5, None]}
    entry["platform"] = {"os": "linux", "architecture": "amd64", "os.features": ["a"]}
    stranger = {"mediaType": "application/xml", "digest": DIGEST, "size": 0, "urls": ["http://x"]}
    fields = {"annotations": {"a": "b"}, "x-top": {"deep": [True]}}
    write_index(tmp_path, [entry, stranger], **fields)
    before = index_of(tmp_path)
    ask(LayoutRegistry(tmp_path), lambda registry: push(registry, "team/app:1", plain_image("n")))
    after = index_of(tmp_path)
    assert after["manifests"].pop()["annotations"][REF] == "team/app:1"
    assert after == before


def test_skopeo_reads_every_tag_that_was_pushed(tmp_path):
    documents = {f"team/app:{n}": plain_image(f"for-skopeo-{n}") for n in range(3)}
    documents["app:latest"] = documents["team/app:0"]
    documents["my.team/app:1"] = plain_image("dotted")

    async def question(registry):
        for name, document in documents.items():
            await push(registry, name, document)

    layout = tmp_path / "new"
    ask(LayoutRegistry(layout), question)
    for number, (name, document) in enumerate(documents.items()):
        raw = skopeo("inspect", "--raw", f"oci:{layout}:{name}")
        assert raw.encode().strip() == document.raw
        target = tmp_path / f"copied-{number}"
        skopeo("copy", "--preserve-digests", f"oci:{layout}:{name}", f"dir:{target}")
        assert (target / "manifest.json").read_bytes() == document.raw
        for blob in document.blobs:
            assert (target / blob.digest.removeprefix("sha256:")).read_bytes() == blob.data
