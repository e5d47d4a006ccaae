"""The media types of manifests, configs and layers.

Source: OCI image-spec v1.1, "Media Types"; Docker "Image Manifest V2, Schema 2".
"""

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"

MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
SCHEMA1 = frozenset({DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED})
IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})

ACCEPTED_MANIFESTS = (
    OCI_MANIFEST,
    OCI_INDEX,
    DOCKER_MANIFEST,
    DOCKER_LIST,
    # Last, since a registry that still converts must prefer any of the above.
    DOCKER_SCHEMA1_SIGNED,
)
"""What a client asks for, best first. Without an Accept header docker-registry
2.x answers schema 1."""


def is_image_layer(media_type: str) -> bool:
    """Tell whether this is a layer of an image's file system, as OCI or Docker names them.

    Notes
    -----
    A config that calls itself an image's is not enough: cosign's signatures have one, and their
    layers are texts. Source: sigstore/cosign, "Signature Specification".
    """
    return ".image.layer." in media_type or ".image.rootfs." in media_type


def is_foreign(media_type: str) -> bool:
    """Tell whether a layer's bytes are kept elsewhere, not in the registry.

    Notes
    -----
    Source: OCI image-spec v1.1, "Non-Distributable Layers" (deprecated there,
    still met in Windows images); Docker calls them foreign.
    """
    return ".nondistributable." in media_type or ".rootfs.foreign." in media_type
