"""Sample profiles of Bolt, as Drift keeps what is uploaded to it."""

from collections.abc import Iterator
from typing import Any

from ghostnb.demo.images import Blob, Document, encode
from ghostnb.demo.releases import moment
from ghostnb.drift.bolt.kinds import PROFILE
from ghostnb.drift.bolt.parcels import LATEST, open_parcel
from ghostnb.oci import media_types

__all__ = ["profiles"]

_LOW_LATENCY: dict[str, Any] = {
    "name": "low-latency",
    "description": "Short frame times before high rates.",
    "author": "ghostnb demo",
    "tags": ["latency", "competitive"],
    "compatible_games": ["Sample Arena"],
    "rating": 4.5,
    "system_requirements": {"min_cpu_cores": 4, "min_memory_gb": 8, "supported_os": ["linux"]},
}
_QUIET: dict[str, Any] = {
    "name": "quiet-evening",
    "description": "Fans first: a lower clock, an even picture.",
    "author": "ghostnb demo",
    "tags": ["quiet"],
    "compatible_games": ["Sample Gardens", "Sample Arena"],
    "rating": 4.0,
    "system_requirements": {"required_gpu_vendor": "amd", "min_gpu_memory_gb": 4},
}
_UPLOADS = ((_LOW_LATENCY, "1.0.0", 190), (_LOW_LATENCY, "1.1.0", 402), (_QUIET, "0.3.0", 377))


def profiles() -> Iterator[tuple[str, Document, tuple[str, ...]]]:
    """Iterate over repositories, artifacts and their tags, oldest versions first."""
    for profile, version, day in _UPLOADS:
        upload = {
            "profile": {**profile, "version": version},
            "metadata": {"author_email": "demo@ghostnb.example", "license": "MIT"},
        }
        parcel = open_parcel(PROFILE, encode(upload))
        blobs = [
            Blob(content, descriptor.media_type, descriptor.annotations)
            for descriptor, content in (parcel.config, parcel.content)
        ]
        raw = parcel.manifest(moment(day))
        document = Document(raw, media_types.OCI_MANIFEST, blobs=tuple(blobs))
        yield parcel.repository, document, (version, LATEST)
