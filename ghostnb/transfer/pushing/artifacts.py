"""Files and directories as an OCI artifact, in the form that ORAS made known."""

import hashlib
import mimetypes
import os
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, aclosing, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from ghostnb.errors import PathError
from ghostnb.oci import Descriptor, Digest
from ghostnb.oci.media_types import OCI_EMPTY, OCI_LAYER_GZIP, OCI_MANIFEST
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.content import content_of
from ghostnb.registries.threads import finished
from ghostnb.transfer.pushing.directories import tar_pieces, tree_size
from ghostnb.transfer.pushing.local_files import (
    PIECE_BYTES,
    LocalFile,
    content_at,
    opened,
    reading,
    refuse_special,
)
from ghostnb.transfer.pushing.sending import Sender
from ghostnb.transfer.pushing.spool import Spool, new_spool

__all__ = ["UNKNOWN_ARTIFACT", "ArtifactOptions", "push_artifact"]

UNKNOWN_ARTIFACT = "application/vnd.unknown.artifact.v1"
"""What ORAS calls an artifact of which nobody said what it is."""

_ANY_FILE = "application/octet-stream"
_TITLE = "org.opencontainers.image.title"
_UNPACK = "io.deis.oras.content.unpack"
_PLAIN_DIGEST = "io.deis.oras.content.digest"
_EMPTY = b"{}"
_FILES_AT_ONCE = 4
# Without what the machine's own files say: the same push is the same artifact everywhere.
_media_types = mimetypes.MimeTypes()


@dataclass(frozen=True, slots=True)
class ArtifactOptions:
    """What an artifact says of itself.

    Attributes
    ----------
    artifact_type : str
    media_type : str
        Of all its files and directories; empty: each by its name.
    annotations : mapping of str to str
        Of the manifest.
    """

    artifact_type: str = ""
    media_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.artifact_type or self.media_type or self.annotations)


async def push_artifact(
    sender: Sender, paths: Sequence[Path], tag: str, options: ArtifactOptions
) -> Digest:
    """Push files and directories as one artifact.

    Parameters
    ----------
    sender : Sender
    paths : sequence of Path
    tag : str
    options : ArtifactOptions

    Returns
    -------
    Digest
        Of the manifest.

    Raises
    ------
    PathError
        If something is not there, may not be read, is special, changes meanwhile, or if two are
        called alike; nothing has the tag then.
    RegistryError

    Notes
    -----
    Unlike ORAS, nothing says when it was pushed: what has not changed keeps its digest.

    Source: OCI image-spec v1.1, "Guidelines for Artifact Usage" and "Pre-Defined Annotation
    Keys"; oras-go v2, ``content/file`` and ``pack.go``.
    """
    titled = await finished(_titled, paths)

    async def send(item: tuple[str, Path]) -> Descriptor:
        title, path = item
        is_directory = await finished(path.is_dir)
        return await (_send_directory if is_directory else _send_file)(
            sender, title, path, options.media_type
        )

    layers = []
    async with aclosing(ordered_map(send, titled.items(), workers=_FILES_AT_ONCE)) as sent:
        async for layer in sent:
            layers.append(layer)
    empty = Descriptor(OCI_EMPTY, Digest.of(_EMPTY), len(_EMPTY))
    await sender.send(empty, content_of(_EMPTY))
    return await sender.send_manifest(_manifest(empty, layers, options), tag)


def _titled(paths: Sequence[Path]) -> dict[str, Path]:
    """Give each path by what it is to be called, and see that all can be pushed."""
    found: dict[str, Path] = {}
    for path in paths:
        title = _title(path)
        if title in found:
            raise PathError(
                f"{found[title]} and {path} would both be called {title!r} in the artifact.",
                hint="Push them as two artifacts, or rename one.",
            )
        with reading(path):
            refuse_special(os.stat(path).st_mode, path)
        found[title] = path
    return found


def _title(path: Path) -> str:
    name = Path(os.path.normpath(path.absolute())).name
    if not name:
        raise PathError(f"{path} has no name to be pushed by.", hint="Push what is in it.")
    try:
        name.encode()
    except UnicodeEncodeError as e:
        raise PathError(
            f"The name of {os.fsencode(path)!r} is no UTF-8, and cannot be an annotation.",
            hint="Rename it.",
        ) from e
    return name


async def _send_file(sender: Sender, title: str, path: Path, media_type: str) -> Descriptor:
    with ExitStack() as stack:
        file = await finished(stack.enter_context, opened(path))
        digest = await _digest(sender, title, file)
        blob = Descriptor(
            media_type or _guessed(title), digest, file.size_bytes, annotations={_TITLE: title}
        )
        await sender.send(blob, content_at(file.read_at, file.size_bytes, file.check))
    return blob


async def _digest(sender: Sender, title: str, file: LocalFile) -> Digest:
    hasher, done = hashlib.sha256(), 0

    def hash_next(pieces: Generator[bytes, None, None]) -> int:
        piece = next(pieces, b"")
        hasher.update(piece)
        return len(piece)

    sender.tally.expect(title, file.size_bytes)
    with closing(file.pieces()) as pieces:
        while size := await finished(hash_next, pieces):
            done += size
            sender.tally.reach(title, done, "Reading")
    sender.tally.finish(title, "Read")
    return Digest(f"sha256:{hasher.hexdigest()}")


async def _send_directory(sender: Sender, title: str, path: Path, media_type: str) -> Descriptor:
    async with new_spool() as spool:
        await _pack(sender, title, path, spool)
        notes = {_TITLE: title, _UNPACK: "true", _PLAIN_DIGEST: str(spool.plain_digest)}
        blob = Descriptor(
            media_type or OCI_LAYER_GZIP, spool.digest, spool.size_bytes, annotations=notes
        )
        await sender.send(blob, spool.content)
    return blob


async def _pack(sender: Sender, title: str, path: Path, spool: Spool) -> None:
    total, done = await finished(tree_size, path), 0
    sender.tally.expect(title, total)
    with closing(tar_pieces(path, title)) as pieces:
        while size := await finished(_pack_some, pieces, spool):
            done += size
            # Of the tar; what is counted are the files in it.
            sender.tally.reach(title, min(done, total), "Compressing")
    await finished(spool.end)
    sender.tally.finish(title, "Compressed")


def _pack_some(pieces: Generator[bytes, None, None], spool: Spool) -> int:
    """Write so much that a thread is asked once a mebibyte; say how much, nothing at the end."""
    size = 0
    for piece in pieces:
        spool.write(piece)
        size += len(piece)
        if size >= PIECE_BYTES:
            break
    return size


def _guessed(title: str) -> str:
    kind, encoding = _media_types.guess_type(title)
    if encoding:
        return "application/gzip" if encoding == "gzip" else _ANY_FILE
    return kind or _ANY_FILE


def _manifest(empty: Descriptor, layers: Sequence[Descriptor], options: ArtifactOptions) -> bytes:
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": options.artifact_type or UNKNOWN_ARTIFACT,
        # Its content beside it, so that nobody need fetch it.
        "config": {**_plain(empty), "data": "e30="},
        "layers": [_plain(layer) for layer in layers],
    }
    if options.annotations:
        document["annotations"] = dict(options.annotations)
    return msgspec.json.encode(document)


def _plain(descriptor: Descriptor) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(descriptor, enc_hook=str)
    return plain
