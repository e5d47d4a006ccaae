"""The files in an image's layers, read as they come."""

from collections.abc import Sequence
from contextlib import aclosing

from ghostnb.oci import Descriptor
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.files.entries import Reader
from ghostnb.registries.files.layer import LayerFiles, read_layer
from ghostnb.registries.images import Image, Layer
from ghostnb.registries.protocol import Registry
from ghostnb.transfer.tally import TransferTally

__all__ = ["read_files"]

# Unpacking takes a core each; more would only hold more in memory.
_LAYERS_AT_ONCE = 2


async def read_files(
    registry: Registry,
    image: Image,
    tally: TransferTally,
    *,
    layers: Sequence[Layer] | None = None,
    hashed: bool = False,
    reader: Reader | None = None,
) -> list[tuple[Layer, LayerFiles]]:
    """Read what each layer of an image lists.

    Parameters
    ----------
    registry : Registry
    image : Image
        Of it.
    tally : TransferTally
        Kept up to date.
    layers : sequence of Layer, optional
        Only these; by default all whose bytes are in the registry, which foreign ones' are not.
    hashed, reader
        As for `read_layer`.

    Returns
    -------
    list of (Layer, LayerFiles)
        In the order of the layers. One that the image has twice is read once.

    Raises
    ------
    RegistryError
        If a layer cannot be read.
    """
    chosen = image.stored_layers if layers is None else layers
    distinct = {layer.digest: layer for layer in chosen}
    for layer in distinct.values():
        tally.expect(layer.digest, layer.size_bytes)

    async def read(layer: Layer) -> tuple[str, LayerFiles]:
        with tally.failing(layer.digest):
            found = await read_layer(
                registry,
                image.repository,
                Descriptor(layer.media_type, layer.digest, layer.size_bytes),
                hashed=hashed,
                reader=reader,
                on_bytes=lambda count: tally.advance(layer.digest, count),
            )
        tally.finish(layer.digest)
        return layer.digest, found

    async with aclosing(ordered_map(read, distinct.values(), workers=_LAYERS_AT_ONCE)) as reads:
        found = {digest: files async for digest, files in reads}
    return [(layer, found[layer.digest]) for layer in chosen]
