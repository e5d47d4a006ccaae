import pickle

import pytest

from ghostnb.oci import (
    Descriptor,
    Digest,
    Index,
    Manifest,
    Platform,
    SchemaOneManifest,
    media_types,
    parse_manifest,
)
from tests.oci.documents import SCHEMA_ONE, descriptor, encode, entry, index, manifest

LAYER = Descriptor(media_types.OCI_LAYER_GZIP, Digest.of(b"content"), 7)
CONFIG = Descriptor(media_types.OCI_CONFIG, Digest.of(b"{}"), 2)


@pytest.mark.parametrize("kind", sorted(media_types.MANIFESTS))
def test_an_image_manifest_is_read(kind):
    raw = encode(manifest(mediaType=kind, annotations={"a": "b"}))
    expected = Manifest(kind, Digest.of(raw), CONFIG, (LAYER,), annotations={"a": "b"}, raw=raw)

    assert expected == parse_manifest(raw)
    assert expected.is_image


@pytest.mark.parametrize("kind", sorted(media_types.INDEXES))
def test_an_index_is_read(kind):
    raw = encode(index(entry("linux/amd64"), entry("linux/arm64"), mediaType=kind))
    actual = parse_manifest(raw)

    assert Index(kind, Digest.of(raw), actual.manifests, raw=raw) == actual
    assert (Platform("amd64", "linux"), Platform("arm64", "linux")) == tuple(
        entry.platform for entry in actual.images
    )
    assert actual.attestations == ()


@pytest.mark.parametrize("document", [manifest(), index(entry()), SCHEMA_ONE])
def test_the_bytes_stay_exactly_as_they_came(document):
    raw = encode(document)

    assert raw == parse_manifest(raw).raw


def test_the_digest_is_that_of_the_bytes_unless_it_was_checked_already():
    raw = encode(manifest())
    checked = Digest.of(raw, "sha512")

    assert Digest.of(raw) == parse_manifest(raw).digest
    assert checked == parse_manifest(raw, digest=checked).digest


def test_a_manifest_stays_equal_through_a_pickle():
    actual = parse_manifest(encode(index(entry(annotations={"a": "b"}))))

    assert actual == pickle.loads(pickle.dumps(actual))


def test_an_index_may_hold_an_index():
    nested = descriptor(mediaType=media_types.OCI_INDEX)
    docker = descriptor(mediaType=media_types.DOCKER_LIST)
    actual = parse_manifest(encode(index(nested, docker, entry())))

    assert [entry.is_index for entry in actual.images] == [True, True, False]


@pytest.mark.parametrize(
    "attestation",
    [
        entry(annotations={"vnd.docker.reference.type": "attestation-manifest"}),
        entry("unknown/unknown"),
        entry("unknown/unknown", annotations={"vnd.docker.reference.type": "attestation-manifest"}),
    ],
    ids=["by annotation", "by platform", "by both"],
)
def test_attestations_are_set_apart(attestation):
    plain = entry(annotations={"vnd.docker.reference.type": "other"})
    actual = parse_manifest(encode(index(plain, attestation, descriptor())))

    assert (actual.manifests[0], actual.manifests[2]) == actual.images
    assert (actual.manifests[1],) == actual.attestations


@pytest.mark.parametrize("config_type", [media_types.OCI_EMPTY, "application/vnd.some.config+json"])
def test_an_artifact_is_no_image(config_type):
    config = descriptor(b"{}", mediaType=config_type)
    actual = parse_manifest(encode(manifest(config=config, artifactType="example/sbom")))

    assert not actual.is_image
    assert actual.artifact_type == "example/sbom"


@pytest.mark.parametrize("layers", [[], None])
def test_an_artifact_may_have_no_layers(layers):
    actual = parse_manifest(encode(manifest(layers=layers)))

    assert (actual.layers, actual.size_bytes) == ((), 0)


@pytest.mark.parametrize("document", [manifest, index])
def test_a_subject_is_what_a_document_is_attached_to(document):
    subject = descriptor(b"subject", mediaType=media_types.OCI_MANIFEST)
    actual = parse_manifest(encode(document(subject=subject, artifactType="a/b")))

    expected = Descriptor(media_types.OCI_MANIFEST, Digest.of(b"subject"), 7)
    assert (expected, "a/b") == (actual.subject, actual.artifact_type)


def test_the_size_leaves_out_what_is_not_in_the_registry():
    foreign = [
        media_types.DOCKER_FOREIGN_LAYER,
        "application/vnd.docker.image.rootfs.foreign.diff.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    ]
    stored = [
        media_types.OCI_LAYER,
        media_types.OCI_LAYER_GZIP,
        media_types.OCI_LAYER_ZSTD,
        media_types.DOCKER_LAYER_GZIP,
    ]
    layers = [descriptor(mediaType=kind, size=1000, urls=["https://x"]) for kind in foreign]
    layers += [descriptor(mediaType=kind, size=10**i) for i, kind in enumerate(stored)]
    actual = parse_manifest(encode(manifest(layers=layers)))

    assert [layer.is_foreign for layer in actual.layers] == [True] * 4 + [False] * 4
    assert actual.size_bytes == 1111


@pytest.mark.parametrize("content_type", ["", "application/json", *sorted(media_types.SCHEMA1)])
def test_docker_schema_one_is_named_but_not_read(content_type):
    raw = encode(SCHEMA_ONE)
    digest = Digest.of(b"without the signatures")
    kind = content_type if content_type in media_types.SCHEMA1 else media_types.DOCKER_SCHEMA1

    assert SchemaOneManifest(kind, digest, raw) == parse_manifest(raw, content_type, digest=digest)
    assert parse_manifest(raw, content_type).digest is None


@pytest.mark.parametrize(
    ("document", "own", "content_type"),
    [
        (manifest, media_types.OCI_MANIFEST, media_types.DOCKER_MANIFEST),
        (manifest, media_types.DOCKER_MANIFEST, media_types.OCI_MANIFEST),
        (manifest, media_types.OCI_MANIFEST, media_types.OCI_INDEX),
        (index, media_types.OCI_INDEX, media_types.DOCKER_MANIFEST),
        (index, media_types.DOCKER_LIST, media_types.OCI_INDEX),
        (index, media_types.OCI_INDEX, media_types.DOCKER_SCHEMA1),
    ],
)
def test_the_documents_own_media_type_wins_over_the_header(document, own, content_type):
    assert own == parse_manifest(encode(document(mediaType=own)), content_type).media_type


@pytest.mark.parametrize(
    ("document", "content_type", "expected"),
    [
        (manifest, "", media_types.OCI_MANIFEST),
        (manifest, "application/json", media_types.OCI_MANIFEST),
        (manifest, media_types.OCI_MANIFEST, media_types.OCI_MANIFEST),
        (manifest, f"{media_types.DOCKER_MANIFEST}; charset=utf-8", media_types.DOCKER_MANIFEST),
        (manifest, f"{media_types.OCI_MANIFEST} ;x=y", media_types.OCI_MANIFEST),
        (index, "", media_types.OCI_INDEX),
        (index, "text/plain; charset=utf-8", media_types.OCI_INDEX),
        (index, f"{media_types.DOCKER_LIST}; charset=utf-8", media_types.DOCKER_LIST),
        # The header cannot be right: Drift calls every document a Docker manifest.
        (index, media_types.DOCKER_MANIFEST, media_types.OCI_INDEX),
        (manifest, media_types.DOCKER_LIST, media_types.OCI_MANIFEST),
        (manifest, media_types.DOCKER_SCHEMA1_SIGNED, media_types.OCI_MANIFEST),
    ],
)
def test_the_header_decides_where_it_can_be_right(document, content_type, expected):
    assert expected == parse_manifest(encode(document()), content_type).media_type


def test_null_lists_are_empty():
    of_null = {"manifests": None, "annotations": None, "subject": None, "fsLayers": None}

    assert parse_manifest(encode(of_null), media_types.OCI_INDEX).manifests == ()
    assert parse_manifest(encode(of_null), media_types.OCI_INDEX).annotations == {}
    assert parse_manifest(encode(manifest(layers=None, manifests=None))).layers == ()


def test_the_largest_size_that_a_sum_can_hold_is_read():
    assert parse_manifest(encode(manifest(layers=[descriptor(size=2**53)]))).size_bytes == 2**53


def test_the_last_of_duplicate_members_counts_as_it_does_for_go():
    raw = b'{"mediaType": "%b", "layers": [], ' % media_types.OCI_MANIFEST.encode()
    raw += encode(manifest(mediaType=media_types.DOCKER_MANIFEST)).lstrip(b"{")

    assert parse_manifest(raw).media_type == media_types.DOCKER_MANIFEST
    assert parse_manifest(raw).layers == (LAYER,)
