"""One layer's files, read from a registry."""

from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from ghostnb.errors import ProtocolError
from ghostnb.oci import Descriptor
from ghostnb.oci.media_types import is_image_layer
from ghostnb.registries.concurrency import both
from ghostnb.registries.content import blob_pieces
from ghostnb.registries.files.entries import INVALID, Entry, Reader, read_entries
from ghostnb.registries.files.pipe import Pipe
from ghostnb.registries.files.stream import Stream
from ghostnb.registries.files.unpacking import DAMAGES, unpacked
from ghostnb.registries.protocol import Registry
from ghostnb.registries.threads import finished

__all__ = ["LayerFiles", "read_layer"]

# Half an hour of unpacking: no layer is that large, and a bomb is no larger.
_MAX_UNPACKED_BYTES = 2**37


@dataclass(frozen=True, slots=True)
class LayerFiles:
    """What a layer lists.

    Attributes
    ----------
    entries : list of Entry
    contents : dict of str to object
        By path, what the reader made of them.
    """

    entries: list[Entry] = field(default_factory=list)
    contents: dict[str, Any] = field(default_factory=dict)


async def read_layer(
    registry: Registry,
    repository: str,
    layer: Descriptor,
    *,
    hashed: bool = False,
    reader: Reader | None = None,
    on_bytes: Callable[[int], object] = lambda count: None,
) -> LayerFiles:
    """Read what a layer lists, as its bytes come: unpacked on a thread, never to disk.

    Parameters
    ----------
    registry : Registry
    repository : str
    layer : Descriptor
    hashed, reader
        As for `read_entries`.
    on_bytes : callable, optional
        Told the size of each piece that came.

    Returns
    -------
    LayerFiles

    Raises
    ------
    ProtocolError
        If it is no archive, is damaged, or unpacks to more than any layer does.
    IntegrityError
        If what came is not what its digest says; nothing of it is given then.
    """
    pipe, found = Pipe(), LayerFiles()

    async def feed() -> None:
        try:
            async with aclosing(blob_pieces(registry, repository, layer)) as pieces:
                async for piece in pieces:
                    on_bytes(len(piece))
                    await pipe.put(piece)
        finally:
            pipe.end()

    async def read() -> None:
        try:
            await finished(_read, pipe, found, hashed, reader)
        except (*INVALID, *DAMAGES) as e:
            raise ProtocolError(
                f"The layer {layer.digest} of {repository} in {registry.name} is no archive of "
                f"files that can be read: {e}.",
                hint=_hint(layer.media_type),
                registry=registry.name,
            ) from e

    await both(feed(), read())
    return found


def _hint(media_type: str) -> str:
    if is_image_layer(media_type):
        # Some artifacts call their files so, too.
        return "Is it an artifact's? Else whoever built the image must push it again."
    return f"It is an artifact's, {media_type}. To keep that: registry.save(reference, path)."


def _read(pipe: Pipe, found: LayerFiles, hashed: bool, reader: Reader | None) -> None:
    try:
        stream = Stream(unpacked(pipe), _MAX_UNPACKED_BYTES)
        entries = read_entries(stream, hashed=hashed, reader=reader, contents=found.contents)
        found.entries.extend(entries)
        # A stream that is cut off behind the archive's end is no whole layer either.
        for _ in stream.take(_MAX_UNPACKED_BYTES):
            pass
    finally:
        # What is behind a fault belongs to the digest.
        for _ in pipe:
            pass
