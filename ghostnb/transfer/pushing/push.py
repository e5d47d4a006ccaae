"""What lies on this machine's disk pushed to a registry: images, files, directories."""

from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ghostnb.errors import InvalidReferenceError, PathError, RegistryError
from ghostnb.oci import Descriptor, Digest, Manifest, Platform, Reference
from ghostnb.oci.media_types import OCI_LAYER, OCI_LAYER_GZIP
from ghostnb.registries.archive import ArchiveRegistry
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.content import blob_pieces, content_read_by
from ghostnb.registries.protocol import WritableRegistry
from ghostnb.registries.threads import finished
from ghostnb.transfer.copying import Copier
from ghostnb.transfer.pushing.artifacts import ArtifactOptions, push_artifact
from ghostnb.transfer.pushing.image_files import (
    AS_ARTIFACT,
    ImageSource,
    choose_image,
    image_source,
)
from ghostnb.transfer.pushing.sending import Sender
from ghostnb.transfer.pushing.spool import new_spool
from ghostnb.transfer.tally import TransferTally

__all__ = ["Pushed", "push_path"]

# Each keeps a processor busy, and has a temporary file.
_LAYERS_AT_ONCE = 4
_NOTHING = ArtifactOptions()


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of a push.

    Attributes
    ----------
    reference : str
        Repository, tag and digest: ``team/app:1.0@sha256:…``.
    digest : Digest
        What the registry now has under the tag.
    bytes_moved : int
        Sent to it: blobs and manifests that it did not have.
    is_image : bool
        False for what was pushed as an artifact.
    """

    reference: str
    digest: Digest
    bytes_moved: int
    is_image: bool


async def push_path(
    target: WritableRegistry,
    paths: Sequence[Path],
    reference: Reference,
    *,
    image: str = "",
    as_artifact: bool = False,
    options: ArtifactOptions = _NOTHING,
    platforms: Sequence[Platform] = (),
    compress: bool = True,
    tally: TransferTally | None = None,
) -> Pushed:
    """Push an image from an archive or layout, or files and directories as an artifact.

    Parameters
    ----------
    target : WritableRegistry
    paths : sequence of Path
        One that holds images is pushed as an image; everything else, and several, as one
        artifact.
    reference : Reference
        Within the target: repository and tag.
    image : str, optional
        Which of several images, by name or digest.
    as_artifact : bool, optional
        Push a path that holds images as the file or directory that it is.
    options : ArtifactOptions, optional
    platforms : sequence of Platform, optional
        Of an image; see `for_platforms`.
    compress : bool, optional
        Push the layers of a Docker archive compressed, as ``docker push`` does. What has
        manifests of its own (layouts, OCI archives) is pushed as it is either way: compressed,
        it would be another image.
    tally : TransferTally, optional
        Kept up to date.

    Raises
    ------
    PathError
        If a path is not there, may not be read, changes meanwhile, or holds several images of
        which none is named; or if what was asked for does not go together with what it is.
    NotFoundError
        If there is no such image in it.
    InvalidReferenceError
        If the reference has a digest.
    RegistryError
    """
    _check_reference(reference)
    if not paths:
        raise ValueError("A push needs at least one path.")
    tally = tally or TransferTally()
    alone = len(paths) == 1 and not as_artifact
    source = await finished(image_source, paths[0]) if alone else None
    if source is None:
        if image or platforms:
            raise _no_image(paths, as_artifact)
        sender = Sender(target, reference.repository, tally)
        digest = await push_artifact(sender, paths, reference.tag, options)
        return _pushed(reference, digest, sender.bytes_moved, is_image=False)
    try:
        if options:
            raise _no_artifact(paths[0])
        return await _push_image(target, source, reference, image, platforms, compress, tally)
    finally:
        await source.aclose()


async def _push_image(
    target: WritableRegistry,
    source: ImageSource,
    reference: Reference,
    image: str,
    platforms: Sequence[Platform],
    compress: bool,
    tally: TransferTally,
) -> Pushed:
    chosen = await _chosen(source, image)
    if compress and await _is_made(source, chosen):
        sender = Sender(target, reference.repository, tally)
        digest = await _push_compressed(source, chosen, sender, reference.tag)
        return _pushed(reference, digest, sender.bytes_moved, is_image=True)
    copier = Copier(source, target, tally)
    copied = await copier.copy(chosen, reference.repository, reference.tag, platforms=platforms)
    return _pushed(reference, copied.digest, copied.bytes_moved, is_image=True)


async def _chosen(source: ImageSource, image: str) -> Reference:
    try:
        return await choose_image(source, image)
    except RegistryError as e:
        e.hint = f"{e.hint} {AS_ARTIFACT}".strip()
        raise


async def _is_made(source: ImageSource, chosen: Reference) -> bool:
    return isinstance(source, ArchiveRegistry) and await source.is_made(Digest(chosen.locator))


async def _push_compressed(
    source: ImageSource, chosen: Reference, sender: Sender, tag: str
) -> Digest:
    """Push an image of a Docker archive with its layers compressed, some at once.

    Its config stays, and with it the digests of what is in the layers.
    """
    name = chosen.repository
    manifest = await source.manifest(name, chosen.locator)
    assert isinstance(manifest, Manifest)  # noqa: S101 (made by the archive's own registry)

    async def send(layer: Descriptor) -> Descriptor:
        if layer.media_type == OCI_LAYER:
            return await _send_compressed(source, name, layer, sender)
        await _send_as_it_is(source, name, layer, sender)
        return layer

    distinct = list(dict.fromkeys(manifest.layers))
    sent: dict[Digest, Descriptor] = {}
    async with aclosing(ordered_map(send, distinct, workers=_LAYERS_AT_ONCE)) as layers:
        async for layer in layers:
            sent[distinct[len(sent)].digest] = layer
    await _send_as_it_is(source, name, manifest.config, sender)
    document = msgspec.json.decode(manifest.raw)
    document["layers"] = [
        msgspec.to_builtins(sent[layer.digest], enc_hook=str) for layer in manifest.layers
    ]
    return await sender.send_manifest(msgspec.json.encode(document), tag)


async def _send_compressed(
    source: ImageSource, name: str, layer: Descriptor, sender: Sender
) -> Descriptor:
    sender.tally.expect(layer.digest, layer.size_bytes)
    async with new_spool() as spool:
        async with aclosing(blob_pieces(source, name, layer)) as pieces:
            async for piece in pieces:
                await finished(spool.write, piece)
                sender.tally.advance(layer.digest, len(piece), "Compressing")
        await finished(spool.end)
        sender.tally.finish(layer.digest, "Compressed")
        packed = Descriptor(OCI_LAYER_GZIP, spool.digest, spool.size_bytes)
        await sender.send(packed, spool.content)
    return packed


async def _send_as_it_is(source: ImageSource, name: str, blob: Descriptor, sender: Sender) -> None:
    await sender.send(blob, content_read_by(lambda: blob_pieces(source, name, blob)))


def _check_reference(reference: Reference) -> None:
    if reference.digest is not None or not reference.tag:
        raise InvalidReferenceError(
            f"{reference.canonical} names a digest, which is what comes of a push.",
            hint=f"Push to a tag: {reference.repository}:{reference.tag or 'latest'}",
        )


def _pushed(reference: Reference, digest: Digest, bytes_moved: int, *, is_image: bool) -> Pushed:
    whole = reference.with_digest(digest).canonical
    return Pushed(whole, digest, bytes_moved, is_image)


def _no_image(paths: Sequence[Path], as_artifact: bool) -> PathError:
    what = "is pushed as an artifact" if as_artifact else "holds no images"
    if len(paths) > 1:
        return PathError(
            "Several paths are one artifact, which has neither images nor platforms.",
            hint="Push images one by one.",
        )
    return PathError(
        f"{paths[0]} {what}, and there is no image or platform to be chosen in it.",
        hint="Leave out image= and platforms=, or check the path.",
    )


def _no_artifact(path: Path) -> PathError:
    return PathError(
        f"{path} holds images, of which neither artifact_type, media_type nor annotations are "
        "changed.",
        hint=f"Leave them out. {AS_ARTIFACT}",
    )
