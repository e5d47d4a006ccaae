"""What a repository holds that no tag leads to."""

from ghostnb.errors import IntegrityError, NotFoundError, ProtocolError
from ghostnb.oci import Digest, Index, media_types
from ghostnb.registries.protocol import ListsManifests, Registry
from ghostnb.registries.records import ManifestRecord

__all__ = ["untagged_manifests"]


async def untagged_manifests(registry: Registry, repository: str) -> list[ManifestRecord]:
    """List the manifests that neither a tag points to nor an index holds.

    What is attached to another is among them.

    Parameters
    ----------
    registry : Registry
    repository : str

    Returns
    -------
    list of ManifestRecord
        Empty for a registry that does not list its manifests.

    Raises
    ------
    NotFoundError
        If there is no such repository.
    """
    if not isinstance(registry, ListsManifests):
        return []
    records = [record async for record in registry.manifests(repository)]
    held: set[Digest] = set()
    for record in records:
        if record.media_type in media_types.INDEXES:
            held.update(await _children(registry, repository, record.digest))
    return [one for one in records if not one.tags and one.digest not in held]


async def _children(registry: Registry, repository: str, digest: Digest) -> list[Digest]:
    try:
        index = await registry.manifest(repository, digest)
    except (IntegrityError, NotFoundError, ProtocolError):
        # By it nobody finds anything any more: what it held stands for itself.
        return []
    return [entry.digest for entry in index.manifests] if isinstance(index, Index) else []
