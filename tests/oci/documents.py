"""Manifests as registries serve them, to be varied by the tests."""

import json
from typing import Any

from ghostnb.oci import Digest, media_types

SCHEMA_ONE = {
    "schemaVersion": 1,
    "name": "library/old",
    "tag": "1",
    "architecture": "amd64",
    "fsLayers": [{"blobSum": str(Digest.of(b"old"))}],
    "history": [{"v1Compatibility": "{}"}],
    "signatures": [{"header": {"alg": "ES256"}, "signature": "x", "protected": "y"}],
}


def descriptor(content: bytes = b"content", **members: Any) -> dict[str, Any]:
    """Describe some bytes; by default a gzipped OCI layer."""
    return {
        "mediaType": media_types.OCI_LAYER_GZIP,
        "digest": str(Digest.of(content)),
        "size": len(content),
        **members,
    }


def manifest(**members: Any) -> dict[str, Any]:
    """Give an OCI image manifest with one layer and no ``mediaType``."""
    config = descriptor(b"{}", mediaType=media_types.OCI_CONFIG)
    return {"schemaVersion": 2, "config": config, "layers": [descriptor()], **members}


def index(*entries: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Give an OCI index without ``mediaType``."""
    return {"schemaVersion": 2, "manifests": list(entries), **members}


def entry(platform: str = "linux/amd64", **members: Any) -> dict[str, Any]:
    """Describe an image manifest in an index."""
    os, architecture = platform.split("/")
    place = {"os": os, "architecture": architecture}
    kind = media_types.OCI_MANIFEST
    return descriptor(platform.encode(), mediaType=kind, platform=place, **members)


def encode(document: Any) -> bytes:
    """Write a document with odd spacing, so that writing it again would show."""
    return json.dumps(document, indent=3).encode() + b"\n"
