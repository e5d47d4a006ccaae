"""Bolt's things as OCI artifacts: what is stored, and what others push beside it."""

from __future__ import annotations

import asyncio
import json
import logging

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghostnb.drift import create_app
from ghostnb.drift.bolt.kinds import PROFILE
from ghostnb.drift.bolt.parcels import open_parcel
from ghostnb.oci import Descriptor, Digest, Manifest, parse_manifest
from ghostnb.registries.content import content_of
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked, conversation
from tests.drift.bolt_uploads import (
    BINARY,
    BOLTFILE,
    CASES,
    PLUGINS,
    PROFILES,
    TEMPLATES,
    got,
    names,
    refusal,
)
from tests.parts.images import plain_image
from tests.registries.conftest import push

every_kind = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CREATED = "org.opencontainers.image.created"
TYPES = {
    "profile": (
        "application/vnd.bolt.profile.v1+toml",
        "application/vnd.bolt.profile.config.v1+json",
        "application/vnd.bolt.profile.v1+toml",
        "steam-gaming.toml",
    ),
    "plugin": (
        "application/vnd.bolt.plugin.v1",
        "application/vnd.bolt.plugin.manifest.v1+json",
        "application/vnd.bolt.plugin.binary.v1+octet-stream",
        "dlss.bin",
    ),
    "template": (
        "application/vnd.bolt.template.v1+toml",
        "application/vnd.bolt.template.config.v1+json",
        "application/vnd.bolt.template.v1+toml",
        "Boltfile.toml",
    ),
}


@pytest.fixture
def registry():
    return MemoryRegistry()


@pytest.fixture
def app(registry):
    return create_app(registry)


def manifest_of(app, repository, tag) -> Manifest:
    """Pull by the distribution protocol, as any client does."""
    reply = asked(app, "GET", f"/v2/{repository}/manifests/{tag}")
    assert reply.status_code == 200, reply.text
    manifest = parse_manifest(reply.content, reply.headers["content-type"])
    assert manifest.digest == reply.headers["docker-content-digest"]
    return manifest


def blob_of(app, repository, descriptor) -> bytes:
    return asked(app, "GET", f"/v2/{repository}/blobs/{descriptor.digest}").content


@every_kind
def test_an_upload_is_an_artifact_that_any_client_can_pull(app, case):
    digest = case.upload(app).json()["digest"]
    manifest = manifest_of(app, case.repository, case.version)
    artifact_type, config_type, layer_type, title = TYPES[case.kind.name]
    (layer,) = manifest.layers

    assert manifest.digest == digest == manifest_of(app, case.repository, "latest").digest
    assert manifest.media_type == MANIFEST_TYPE
    assert manifest.artifact_type == artifact_type
    assert manifest.config.media_type == config_type
    assert layer.media_type == layer_type
    assert layer.annotations == {"org.opencontainers.image.title": title}
    assert blob_of(app, case.repository, layer) == (
        asked(app, "GET", f"{case.path}/download").content
    )
    assert got(app, f"/v2/{case.repository}/tags/list")[0]["tags"] == [case.version, "latest"]


def test_the_manifest_has_the_standard_annotations(app):
    PROFILES.upload(app)
    annotations = manifest_of(app, PROFILES.repository, "1.0.0").annotations
    created = annotations.pop(CREATED)

    assert created.endswith("Z")
    assert list(annotations) == sorted(annotations)
    assert annotations == {
        "org.opencontainers.image.authors": "Ada <ada@example.com>",
        "org.opencontainers.image.description": "For Steam: Größe & ünïcode",
        "org.opencontainers.image.documentation": "https://example.com/docs",
        "org.opencontainers.image.licenses": "MIT",
        "org.opencontainers.image.source": "https://example.com/profiles",
        "org.opencontainers.image.title": "steam-gaming",
        "org.opencontainers.image.version": "1.0.0",
    }


def test_the_config_is_the_metadata(app):
    PROFILES.upload(app)
    manifest = manifest_of(app, PROFILES.repository, "1.0.0")
    config = json.loads(blob_of(app, PROFILES.repository, manifest.config))
    document = PROFILES.document()

    assert config == {**document["profile"], **document["metadata"]}


def test_latest_is_the_newest_upload(app):
    digests = [PROFILES.upload(app, version=v).json()["digest"] for v in ("2.0", "1.0")]

    assert manifest_of(app, PROFILES.repository, "latest").digest == digests[1]


@every_kind
def test_the_same_upload_has_the_same_digest_but_for_the_moment(case):
    raws = []
    for _ in range(2):
        app = create_app(MemoryRegistry())
        case.upload(app)
        document = json.loads(manifest_of(app, case.repository, case.version).raw)
        assert document["annotations"].pop(CREATED)
        raws.append(document)

    assert raws[0] == raws[1]


texts = st.text(st.characters(exclude_categories=["C", "Zl", "Zp"]), max_size=20)
filled = texts.filter(bool)
lists = st.lists(filled, max_size=4)
numbers = st.none() | st.integers(0, 10**6)
needs = st.fixed_dictionaries(
    {},
    optional={
        "min_cpu_cores": numbers,
        "min_memory_gb": numbers,
        "required_gpu_vendor": st.none() | filled,
        "supported_os": lists,
    },
)
drafts = st.fixed_dictionaries(
    {"name": st.just("p"), "version": st.just("1")},
    optional={
        "description": texts,
        "author": texts,
        "tags": lists,
        "compatible_games": lists,
        "rating": st.floats(0, 5),
        "downloads": st.integers(0, 10**9),
        "system_requirements": needs,
    },
)
metadata = st.fixed_dictionaries(
    {"author_email": filled}, optional={"license": st.none() | texts, "repository": texts}
)


def shuffled(value, draw):
    """Give the same document with its keys in another order."""
    if not isinstance(value, dict):
        return value
    keys = draw(st.permutations(list(value)))
    return {key: shuffled(value[key], draw) for key in keys}


@settings(max_examples=200, deadline=None)
@given(drafts, metadata, st.data())
def test_a_digest_is_that_of_the_content_in_whatever_order_it_came(draft, about, data):
    document = {"profile": draft, "metadata": about}
    other = shuffled(document, data.draw)
    draft_counted = {**draft, "downloads": 7}

    parcels = [
        open_parcel(PROFILE, msgspec.json.encode(one))
        for one in (document, other, {"profile": draft_counted, "metadata": about})
    ]
    first, *others = (parcel.manifest("2026-01-01T00:00:00Z") for parcel in parcels)

    assert others == [first, first]
    manifest = parse_manifest(first, MANIFEST_TYPE)
    assert manifest.config.digest == Digest.of(parcels[0].config[1])
    assert manifest.layers[0].digest == Digest.of(parcels[0].content[1])
    assert parcels[0].manifest("2026-01-01T00:00:01Z") != first


def test_what_is_pushed_by_the_protocol_is_listed(registry, app):
    """A copy of the blobs and the manifest, as skopeo makes one, under other names too."""
    PROFILES.upload(app)
    manifest = manifest_of(app, PROFILES.repository, "1.0.0")
    target = MemoryRegistry()

    async def copy():
        for repository, tag in (
            ("bolt/profiles/steam-gaming", "1.0.0"),
            ("bolt/profiles/renamed", "7"),
        ):
            for descriptor in (manifest.config, *manifest.layers):
                data = await registry.blob(PROFILES.repository, descriptor)
                await target.push_blob(repository, descriptor, content_of(data))
            await target.push_manifest(repository, manifest.raw, manifest.media_type, tag=tag)

    asyncio.run(copy())
    other = create_app(target)
    copied, renamed = got(other, PROFILES.path, "/v1/profiles/renamed")

    assert names(other, "/v1/profiles") == ["renamed", "steam-gaming"]
    assert copied == got(app, PROFILES.path)[0]
    assert (renamed["name"], renamed["version"], renamed["versions"]) == ("renamed", "7", ["7"])
    assert asked(other, "GET", "/v1/profiles/renamed/download").status_code == 200


def test_without_latest_the_highest_version_is_given(registry, app):
    for version in ("1.10", "1.9", "2.0-rc1", "2.0", "1.2"):
        TEMPLATES.upload(app, version=version)
    asyncio.run(registry.delete_tag(TEMPLATES.repository, "latest"))

    assert got(app, TEMPLATES.path)[0]["version"] == "2.0"


async def push_artifact(registry, repository, tag, config, **changes):
    """Push an artifact that is a profile's but for some changes."""
    blobs = [
        (config, changes.pop("config_type", TYPES["profile"][1])),
        (b"x = 1", TYPES["profile"][2]),
    ]
    descriptors = []
    for content, media_type in blobs:
        descriptor = Descriptor(media_type, Digest.of(content), len(content))
        await registry.push_blob(repository, descriptor, content_of(content))
        descriptors.append(descriptor)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "artifactType": TYPES["profile"][0],
        "config": descriptors[0],
        "layers": [descriptors[1]],
        **changes,
    }
    raw = msgspec.json.encode(document, enc_hook=str)
    await registry.push_manifest(repository, raw, MANIFEST_TYPE, tag=tag)


GOOD = b"""{"name": "x", "version": "1", "license": "MIT", "from_tomorrow": true,
"downloads": 99, "digest": "sha256:1", "size_bytes": 1, "versions": ["9"]}"""


@pytest.mark.parametrize(
    ("config", "changes", "is_listed"),
    [
        (GOOD, {}, True),
        (GOOD, {"artifactType": ""}, True),
        (GOOD, {"annotations": {CREATED: "yesterday"}}, True),
        (GOOD, {"artifactType": "application/vnd.example"}, False),
        (GOOD, {"config_type": "application/vnd.oci.image.config.v1+json"}, False),
        (GOOD, {"layers": []}, False),
        (b"{}", {}, False),
        (b"not json", {}, False),
        (b'{"name": "x", "version": "1", "tags": "a"}', {}, False),
        (b'{"name": "x", "version": "1", "rating": 99}', {}, False),
        (b'{"name": "x", "version": "1"}' + b" " * 300_000, {}, False),
    ],
)
def test_foreign_artifacts_are_passed_over(registry, app, config, changes, is_listed):
    asyncio.run(push_artifact(registry, "bolt/profiles/foreign", "1", config, **changes))
    PROFILES.upload(app)
    page = asked(app, "GET", "/v1/profiles").json()
    assert all("versions" not in one for one in page["results"])
    expected = ["foreign", "steam-gaming"] if is_listed else ["steam-gaming"]

    assert names(app, "/v1/profiles") == expected
    details = asked(app, "GET", "/v1/profiles/foreign")
    assert details.status_code == (200 if is_listed else 404)
    if is_listed:
        assert (details.json()["downloads"], details.json()["versions"]) == (0, ["1"])
        assert details.json()["size_bytes"] == len(b"x = 1")
        assert (details.json()["name"], details.json()["license"]) == ("foreign", "MIT")


def test_images_and_nested_repositories_are_passed_over_and_stay(registry, app):
    async def fill():
        for name in ("bolt/profiles/image:1", "bolt/profiles/a/b:1", "bolt/profiles:1"):
            await push(registry, name, plain_image("one"))
        await push(registry, f"{PROFILES.repository}:image", plain_image("two"))

    PROFILES.upload(app)
    asyncio.run(fill())

    assert names(app, "/v1/profiles") == ["steam-gaming"]
    assert got(app, PROFILES.path)[0]["versions"] == ["1.0.0"]
    assert asked(app, "GET", f"{PROFILES.path}?version=image").status_code == 404
    assert asked(app, "DELETE", "/v1/profiles/image").status_code == 404
    assert PROFILES.upload(app, version="image").status_code == 409
    assert asked(app, "DELETE", PROFILES.path).status_code == 204
    assert got(app, f"/v2/{PROFILES.repository}/tags/list")[0]["tags"] == ["image"]


def test_an_image_as_latest_does_not_hide_a_version(registry, app):
    PROFILES.upload(app)
    asyncio.run(push(registry, f"{PROFILES.repository}:latest", plain_image("one")))

    assert got(app, PROFILES.path)[0]["version"] == "1.0.0"


def test_one_that_is_damaged_hides_no_others(tmp_path, caplog):
    registry = LayoutRegistry(tmp_path / "root")
    app = create_app(registry)
    for name in ("bad", "good"):
        TEMPLATES.upload(app, name=name, data=f'project = "{name}"')
    manifest = manifest_of(app, "bolt/templates/bad", "latest")
    blobs = tmp_path / "root" / "blobs" / "sha256"

    (blobs / manifest.layers[0].digest.encoded).write_bytes(b'project = "bat"')
    status, _, message = refusal(asked(app, "GET", "/v1/templates/bad/download"))
    assert (status, "discarded" in message) == (500, True)
    (blobs / manifest.digest.encoded).write_bytes(b"{}")
    with caplog.at_level(logging.ERROR, "ghostnb.drift"):
        assert names(app, "/v1/templates") == ["good"]
    assert "template bad" in caplog.text
    # And it takes another version.
    assert TEMPLATES.upload(app, name="bad", version="2.0").status_code == 201
    assert names(app, "/v1/templates") == ["bad", "good"]


def test_garbage_collections_leave_what_is_listed(registry, app):
    for case in CASES:
        case.upload(app)
    PLUGINS.upload(app, "?overwrite=true", description="Another")
    now = {"grace_seconds": 0, "delete_untagged": True}
    done = asked(app, "POST", "/admin/gc", json=now).json()

    assert done["metrics"]["manifests_deleted"] == 1
    downloads = conversation(app, *(("GET", f"{case.path}/download", {}) for case in CASES))
    assert [one.status_code for one in downloads] == [200] * 3
    assert [one.content for one in downloads[1:]] == [BINARY, BOLTFILE.encode()]


def test_a_registry_that_is_served_read_only_takes_nothing(app, registry):
    PROFILES.upload(app)

    class ReadOnly:
        """What a registry can be asked, and no more."""

        def __getattr__(self, name):
            if name.startswith(("push", "delete", "begin", "append", "finish", "cancel")):
                raise AttributeError(name)
            return getattr(registry, name)

    served = create_app(ReadOnly())

    assert names(served, "/v1/profiles") == ["steam-gaming"]
    assert asked(served, "GET", f"{PROFILES.path}/download").status_code == 200
    assert refusal(PROFILES.upload(served, version="2"))[:2] == (405, "UNSUPPORTED")
    assert refusal(asked(served, "DELETE", PROFILES.path))[:2] == (405, "UNSUPPORTED")
    assert got(served, "/v1/metrics")[0]["storage_usage_bytes"] is None
