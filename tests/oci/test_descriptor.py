import pickle

import msgspec
import pytest

from ghostnb.oci import Descriptor, Digest, Platform, media_types

DIGEST = Digest.of(b"x")


@pytest.mark.parametrize(
    ("media_type", "is_index", "is_foreign"),
    [
        (media_types.OCI_INDEX, True, False),
        (media_types.DOCKER_LIST, True, False),
        (media_types.OCI_MANIFEST, False, False),
        (media_types.OCI_LAYER_ZSTD, False, False),
        (media_types.DOCKER_FOREIGN_LAYER, False, True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", False, True),
    ],
)
def test_a_descriptor_tells_by_its_media_type_what_it_points_to(media_type, is_index, is_foreign):
    descriptor = Descriptor(media_type, DIGEST, 1)

    assert (is_index, is_foreign) == (descriptor.is_index, descriptor.is_foreign)


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        (media_types.OCI_LAYER, True),
        (media_types.OCI_LAYER_ZSTD, True),
        (media_types.DOCKER_LAYER_GZIP, True),
        (media_types.DOCKER_FOREIGN_LAYER, True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", True),
        ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", True),
        (media_types.OCI_CONFIG, False),
        (media_types.OCI_EMPTY, False),
        ("application/vnd.cncf.helm.chart.content.v1.tar+gzip", False),
        ("application/vnd.dev.cosign.simplesigning.v1+json", False),
        ("application/vnd.in-toto+json", False),
        ("", False),
    ],
)
def test_layers_of_images_are_known_by_their_media_types(media_type, expected):
    assert media_types.is_image_layer(media_type) is expected


@pytest.mark.parametrize(
    ("platform", "annotations", "expected"),
    [
        (None, None, False),
        (Platform("amd64", "linux"), None, False),
        (Platform("unknown", "unknown"), None, True),
        (None, {"vnd.docker.reference.type": "attestation-manifest"}, True),
        (None, {"vnd.docker.reference.type": "something"}, False),
        (None, {"vnd.docker.reference.digest": str(DIGEST)}, False),
    ],
)
def test_an_attestation_is_known_by_its_annotation_or_platform(platform, annotations, expected):
    descriptor = Descriptor("x", DIGEST, 1, annotations=annotations, platform=platform)

    assert expected is descriptor.is_attestation


def test_a_descriptor_has_the_specifications_names_in_json_and_leaves_out_what_is_not_said():
    assert msgspec.to_builtins(Descriptor("x", DIGEST, 1), enc_hook=str) == {
        "mediaType": "x",
        "digest": DIGEST,
        "size": 1,
    }


def test_a_descriptor_stays_equal_through_a_pickle():
    descriptor = Descriptor("x", DIGEST, 1, urls=("https://x",), platform=Platform("arm", "linux"))

    assert descriptor == pickle.loads(pickle.dumps(descriptor))
