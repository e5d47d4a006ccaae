"""What nothing points to any more: which content may go."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ghostnb.oci import AnyManifest, Descriptor, Digest, Index, Manifest

__all__ = ["GarbageReport", "orphans", "reachable"]

Read = Callable[[Descriptor], AnyManifest | None]


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What a garbage collection found, and what it did.

    Attributes
    ----------
    orphaned_blobs_found, orphaned_manifests_found : int
        Blobs that no manifest names; manifests that no tag leads to.
    blobs_deleted, manifests_deleted : int
        In a dry run, what would be.
    bytes_freed : int
        Of files that are gone, manifests included; in a dry run, that would be.
    run_duration_seconds : float
    """

    orphaned_blobs_found: int
    orphaned_manifests_found: int
    blobs_deleted: int
    manifests_deleted: int
    bytes_freed: int
    run_duration_seconds: float


def reachable(roots: Iterable[Descriptor], read: Read) -> set[Digest]:
    """Give every digest that some manifests lead to, their own included.

    Parameters
    ----------
    roots : iterable of Descriptor
    read : callable
        Gives the manifest of a descriptor; None for what is no manifest or is
        not there. What it raises ends all: of a manifest that cannot be read
        nobody knows what it needs.
    """
    found: set[Digest] = set()
    waiting = list(roots)
    while waiting:
        descriptor = waiting.pop()
        if descriptor.digest in found:
            continue
        found.add(descriptor.digest)
        manifest = read(descriptor)
        if isinstance(manifest, Index):
            waiting += manifest.manifests
        elif isinstance(manifest, Manifest):
            found.add(manifest.config.digest)
            found.update(layer.digest for layer in manifest.layers)
    return found


def orphans(
    roots: Iterable[Descriptor], manifests: Mapping[Digest, Descriptor], read: Read
) -> set[Digest]:
    """Give the manifests of one repository that nothing leads to.

    What is attached to a manifest that is led to (a signature, an SBOM) is
    none, and neither is what is attached to that.

    Parameters
    ----------
    roots : iterable of Descriptor
        What tags point to, and what else is to stay with all that it needs.
    manifests : mapping of Digest to Descriptor
        All of the repository.
    read : callable
        See `reachable`.
    """
    kept = reachable(roots, read)
    rest = {digest: entry for digest, entry in manifests.items() if digest not in kept}
    while True:
        attached = [entry for entry in rest.values() if _subject(read(entry)) in kept]
        if not attached:
            return set(rest)
        kept |= reachable(attached, read)
        rest = {digest: entry for digest, entry in rest.items() if digest not in kept}


def _subject(manifest: AnyManifest | None) -> Digest | None:
    subject = manifest.subject if isinstance(manifest, Manifest | Index) else None
    return subject.digest if subject else None
