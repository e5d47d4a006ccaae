"""What tests of backups share: a registry with everything in it, and what must come of it."""

from __future__ import annotations

from pathlib import Path

from ghostnb.oci import Digest
from ghostnb.registries.archive import ArchiveRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.transfer.backups.archive import plan_archive
from ghostnb.transfer.backups.directory import plan_backup
from ghostnb.transfer.selection import Selection
from tests.parts.images import artifact, plain_image
from tests.parts.layers import layer_of
from tests.parts.pushes import skopeo
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.conftest import push
from tests.transfer.test_copying import same

ALL = Selection()
MULTI = STANDARD_IMAGES["team/multi:latest"]
# Attached to one platform of an index, and to what is attached.
SBOM = artifact("application/spdx+json", [layer_of("sbom")], subject=MULTI.children[1])
PROOF = artifact("application/x-proof", [layer_of("proof")], subject=SBOM)
UNTAGGED = plain_image("untagged")


async def fill_with_everything(registry):
    """Push the standard set one by one, and referrers, by digest alone."""
    for name, document in STANDARD_IMAGES.items():
        await push(registry, name, document)
    for document in (SBOM, PROOF):
        await push(registry, "team/multi:", document)


async def has_everything(registry):
    """See that all of it is there, byte for byte, and that what is attached is found."""
    for name, document in STANDARD_IMAGES.items():
        repository, _, tag = name.rpartition(":")
        await same(registry, repository, tag, document)
    for document in (SBOM, PROOF):
        await same(registry, "team/multi", document.digest, document)
    for subject, document in ((MULTI.children[1], SBOM), (SBOM, PROOF)):
        found = await registry.referrers("team/multi", Digest(subject.digest))
        assert [one.digest for one in found] == [document.digest]


async def digests(registry):
    """Give each tag's digest."""
    found = {}
    async for record in registry.repositories():
        async for tag in registry.tags(record.repository):
            name = record.repository
            found[f"{name}:{tag}"] = str((await registry.resolve(name, tag)).digest)
    return found


class Place:
    """A directory or a file that backups go to."""

    def __init__(self, kind: str, directory: Path) -> None:
        self.kind = kind
        self.path = directory / ("backup.tar" if kind == "archive" else "backup")
        self.transport = "oci-archive" if kind == "archive" else "oci"

    def open(self):
        if self.kind == "archive":
            return ArchiveRegistry(self.path)
        return LayoutRegistry(self.path)

    async def plan(self, source, selection=ALL, **options):
        if self.kind == "archive":
            return await plan_archive(source, self.path, selection, **options)
        return await plan_backup(source, LayoutRegistry(self.path), selection, **options)


def digest_by_skopeo(host, name):
    """Ask skopeo what a registry has under a name."""
    options = ("--tls-verify=false", "--format={{.Digest}}")
    return skopeo("inspect", *options, f"docker://{host}/{name}").strip()


def flip_a_bit(directory: Path, digest: str) -> None:
    """Damage a blob of a layout, and keep its size."""
    file = directory / "blobs" / digest.replace(":", "/")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
