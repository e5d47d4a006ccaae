"""What is no manifest, or could be read in two ways."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.errors import ProtocolError
from ghostnb.oci import Digest, media_types, parse_manifest
from tests.oci.documents import SCHEMA_ONE, descriptor, encode, entry, index, manifest

MANY = [json.dumps(document).encode() for document in (manifest(), index(entry()), SCHEMA_ONE)]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
members = st.dictionaries(
    st.sampled_from(["mediaType", "config", "layers", "manifests", "subject", "fsLayers"]),
    json_values | st.just([]) | st.just([descriptor()]) | st.just(descriptor()),
)


@pytest.mark.parametrize(
    "ambiguous",
    [
        manifest(manifests=[]),
        index(layers=[]),
        index(config=descriptor()),
        manifest(manifests=[entry()], mediaType=media_types.OCI_INDEX),
        manifest(manifests=[entry()], mediaType=media_types.OCI_MANIFEST),
        manifest(fsLayers=[]),
        index(entry(), fsLayers=[], mediaType=media_types.OCI_INDEX),
    ],
)
def test_a_document_that_two_readers_could_read_differently_is_refused(ambiguous):
    with pytest.raises(ProtocolError, match=r"team/app:1 is ambiguous"):
        parse_manifest(encode(ambiguous), media_types.OCI_MANIFEST, source="team/app:1")


@pytest.mark.parametrize(
    "document",
    [
        manifest(mediaType=media_types.OCI_INDEX),
        manifest(mediaType=media_types.DOCKER_SCHEMA1),
        index(mediaType=media_types.DOCKER_MANIFEST),
        {**SCHEMA_ONE, "mediaType": media_types.OCI_MANIFEST},
    ],
)
def test_a_document_that_is_not_what_it_says_is_refused(document):
    with pytest.raises(ProtocolError, match="but its members are of another kind"):
        parse_manifest(encode(document))


@pytest.mark.parametrize(
    "broken",
    [
        descriptor(size=-1),
        descriptor(size=2**53 + 1),
        descriptor(size=2**64),
        descriptor(size=1.5),
        descriptor(size="7"),
        descriptor(size=None),
        descriptor(digest="sha256:abc"),
        descriptor(digest=str(Digest.of(b"")).upper()),
        descriptor(digest=None),
        descriptor(digest=7),
        descriptor(digest=[]),
        descriptor(mediaType=None),
        descriptor(mediaType=5),
        descriptor(urls="https://x"),
        descriptor(annotations=[]),
        {},
        None,
        "layer",
    ],
)
@pytest.mark.parametrize("member", ["layers", "manifests"])
def test_a_broken_descriptor_is_refused(member, broken):
    document = manifest(layers=[broken]) if member == "layers" else index(broken)
    with pytest.raises(ProtocolError, match=r"team/app:1 is not a valid manifest: .*"):
        parse_manifest(encode(document), source="team/app:1")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b"7",
        b"{",
        b"{}",
        b'{"layers": []}',
        b'{"layers": {}}',
        b'{"fsLayers": {}}',
        b"<html><body>Sign in</body></html>",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"mediaType": "\xff"}',
        b'{"mediaType": "\\ud800"}',
        b"[" * 100_000,
        b'{"config":' * 100_000,
        b'{"fsLayers":' + b"[" * 100_000,
        b'{"other":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_no_manifest_is_refused_in_a_short_message(raw):
    with pytest.raises(ProtocolError, match="is not a valid manifest") as caught:
        parse_manifest(raw)

    assert len(str(caught.value)) < 500


@given(st.binary() | members.map(lambda document: json.dumps(document).encode()))
def test_no_bytes_raise_anything_else(raw):
    for content_type in ("", media_types.OCI_INDEX, media_types.DOCKER_SCHEMA1):
        try:
            assert raw == parse_manifest(raw, content_type).raw
        except ProtocolError:
            continue


@given(st.sampled_from(MANY), st.data())
def test_no_damaged_document_raises_anything_else(raw, data):
    at = data.draw(st.integers(0, len(raw)))
    damaged = raw[:at] + data.draw(st.binary(max_size=3)) + raw[at + data.draw(st.integers(0, 3)) :]
    try:
        assert damaged == parse_manifest(damaged).raw
    except ProtocolError:
        return
