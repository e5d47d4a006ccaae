"""What every registry that keeps its content itself has in common."""

from collections.abc import Sequence

from ghostnb.errors import (
    IntegrityError,
    NotFoundError,
    ProtocolError,
    TagMovedError,
    UnsupportedError,
    redact_url,
)
from ghostnb.oci import (
    MAX_MANIFEST_BYTES,
    Descriptor,
    Digest,
    Index,
    Manifest,
    SchemaOneManifest,
    parse_manifest,
)
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.verify import check_content
from ghostnb.wire.replies import ABSENT_BLOB

__all__ = [
    "MAX_BLOB_BYTES",
    "checked_manifest",
    "has_blob",
    "no_such_blob",
    "no_such_manifest",
    "no_such_repository",
    "no_such_upload",
    "size_of_blob",
    "still_damaged",
    "still_needed",
    "tag_moved",
    "writable",
]

MAX_BLOB_BYTES = 32 * 2**20
"""The largest blob that is read whole; configs are far smaller."""
# Whoever made the manifest wrote them, as many and as long as they liked.
_MAX_URLS = 3
_MAX_URL = 200


def checked_manifest(
    raw: bytes, media_type: str, *, digest: Digest | None = None, source: str
) -> Manifest | Index:
    """Read a manifest that is to be stored. What it points to need not be there yet.

    Parameters
    ----------
    raw : bytes
    media_type : str
    digest : Digest, optional
        Under which it is to be found; by default its sha256.
    source : str
        For messages.

    Raises
    ------
    IntegrityError
        If it has another digest than that.
    ProtocolError
        If it is no manifest, or larger than registries must take.
    UnsupportedError
        If it is Docker schema 1, whose digest is not that of its bytes.
    """
    if len(raw) > MAX_MANIFEST_BYTES:
        raise ProtocolError(
            f"{source} has {len(raw):,} bytes; a manifest may have {MAX_MANIFEST_BYTES:,}."
        )
    manifest = parse_manifest(raw, media_type, digest=digest, source=source)
    if isinstance(manifest, SchemaOneManifest):
        raise UnsupportedError(
            f"{source} is a Docker schema 1 manifest, which is not stored.",
            hint="Pull and push it again with a Docker of 2017 or newer.",
        )
    if digest is not None:
        check_content(raw, digest, source=source)
    return manifest


async def has_blob(registry: Registry, repository: str, descriptor: Descriptor) -> bool:
    """Say whether a registry has a blob, of the size that it should have."""
    return await size_of_blob(registry, repository, descriptor.digest) == descriptor.size_bytes


async def size_of_blob(registry: Registry, repository: str, digest: Digest) -> int | None:
    """Ask a registry how large a blob is there; None if it has none."""
    try:
        return await registry.blob_size(repository, digest)
    except NotFoundError:
        return None


def writable(registry: Registry) -> WritableRegistry:
    """Give a registry back, if it can be written to.

    Raises
    ------
    UnsupportedError
    """
    if not isinstance(registry, WritableRegistry):
        raise UnsupportedError(
            f"{registry.name} at {registry.url} is only read: "
            "nothing can be pushed to it, or deleted.",
            hint="Take a registry over HTTP, or the directory of an image layout (oci:DIRECTORY).",
            registry=registry.name,
        )
    return registry


def no_such_repository(registry: str, repository: str) -> NotFoundError:
    """Say that a repository is not there."""
    return NotFoundError(f"{registry} has no repository {repository}.", registry=registry)


def no_such_manifest(registry: str, repository: str, locator: str) -> NotFoundError:
    """Say that a repository has no such tag or digest."""
    what = "manifest" if ":" in locator else "tag"
    return NotFoundError(f"{repository} in {registry} has no {what} {locator}.", registry=registry)


def no_such_blob(
    registry: str, repository: str, digest: Digest, urls: Sequence[str] | None = None
) -> NotFoundError:
    """Say that a blob is not there, and where it would be if it is a foreign one.

    Only where that is: addresses of storage may hold passwords and signatures.
    """
    shown = ", ".join(redact_url(url)[:_MAX_URL] for url in (urls or ())[:_MAX_URLS])
    return NotFoundError(
        f"{registry} has no blob {digest}, of which {repository} was asked.",
        hint=f"It is kept at {shown}." if shown else ABSENT_BLOB,
        registry=registry,
    )


def no_such_upload(registry: str, repository: str, upload: str) -> NotFoundError:
    """Say that an upload is not there."""
    return NotFoundError(
        f"{repository} in {registry} has no upload {upload[:64]}.",
        hint="It is finished, was cancelled, or was left too long: begin again.",
        registry=registry,
    )


def tag_moved(
    registry: str,
    repository: str,
    tag: str,
    now: Digest,
    expected: Digest | None,
    *,
    done: str = "deleted",
) -> TagMovedError:
    """Say that a tag leads to something else than what was to be deleted, or replaced.

    Parameters
    ----------
    registry, repository, tag : str
    now : Digest
    expected : Digest or None
        None if it was not there.
    done : str, optional
        What was not done to it.
    """
    before = f"not to {expected}" if expected else "was not there before"
    error = TagMovedError(
        f"{repository}:{tag} in {registry} leads to {now} by now, and {before}; it was not {done}.",
        hint="Look again at what is there.",
        registry=registry,
    )
    error.digest = now
    return error


def still_damaged(
    registry: str, repository: str, descriptor: Descriptor, size_bytes: int
) -> IntegrityError:
    """Say that a blob has another size than it should, though it was sent once more.

    Notes
    -----
    distribution 2.8 lets go of what is pushed if there is a file of that digest already, and
    looks at no byte of it.
    """
    return IntegrityError(
        f"{repository} in {registry} says that {descriptor.digest} has {size_bytes:,} bytes, "
        f"where it has {descriptor.size_bytes:,}, and still does after it was sent again.",
        hint="The registry keeps its damaged file. Remove that blob's file on the registry's disk, "
        "or delete what names it and let the registry collect garbage; then copy again.",
        registry=registry,
    )


def still_needed(registry: str, repository: str, digest: Digest, by: str) -> UnsupportedError:
    """Say that something cannot be deleted, since something else would be broken."""
    return UnsupportedError(
        f"{digest} of {repository} in {registry} is needed by {by}; nothing was deleted.",
        hint=f"Delete {by} first.",
        registry=registry,
    )
