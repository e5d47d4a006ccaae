"""What cosign attaches without saying so: signatures under tags of their own."""

from ghostnb.oci import Digest
from ghostnb.registries.protocol import Registry
from ghostnb.transfer.known import digest_at

__all__ = ["signature_tags"]

_KINDS = ("sig", "att", "sbom")


async def signature_tags(registry: Registry, repository: str, subject: Digest) -> list[str]:
    """List the tags that are there of those that cosign gives to what it attaches.

    Notes
    -----
    Source: sigstore/cosign, "Signature Specification": the algorithm, a hyphen, the digest in
    hexadecimal, and what it is.
    """
    names = [f"{subject.algorithm}-{subject.encoded}.{kind}" for kind in _KINDS]
    return [name for name in names if await digest_at(registry, repository, name)]
