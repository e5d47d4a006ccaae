"""Image configs, and the history of their layers."""

from dataclasses import dataclass
from typing import Annotated

import msgspec

from ghostnb.errors import InvalidReferenceError, ProtocolError
from ghostnb.oci.descriptor import Descriptor, decode_digest
from ghostnb.oci.digest import Digest
from ghostnb.oci.platform import Platform


class ContainerConfig(msgspec.Struct, frozen=True, rename="pascal"):
    """How a container of the image starts (the ``config`` object of an image config)."""

    user: str | None = None
    exposed_ports: dict[str, msgspec.Raw] | None = None
    env: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    cmd: tuple[str, ...] | None = None
    volumes: dict[str, msgspec.Raw] | None = None
    working_dir: str | None = None
    labels: dict[str, str | None] | None = None
    stop_signal: str | None = None


class HistoryEntry(msgspec.Struct, frozen=True):
    """One step of a build, as the config has it."""

    created: str | None = None
    created_by: str | None = None
    author: str | None = None
    comment: str | None = None
    empty_layer: bool | None = None


class RootFS(msgspec.Struct, frozen=True):
    """The digests of the layers' uncompressed contents."""

    type: str = "layers"
    diff_ids: tuple[Digest, ...] | None = None


class ImageConfig(msgspec.Struct, frozen=True):
    """An image config.

    Attributes
    ----------
    architecture, os, variant : str
    created : str or None
        RFC 3339 as written; text, since a datetime would lose nanoseconds.
    author : str or None
    config : ContainerConfig or None
    rootfs : RootFS or None
    history : tuple of HistoryEntry or None

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Configuration".
    """

    architecture: str = ""
    os: str = ""
    variant: Annotated[str | None, msgspec.Meta(description="CPU variant")] = None
    os_version: str | None = msgspec.field(name="os.version", default=None)
    created: str | None = None
    author: str | None = None
    config: ContainerConfig | None = None
    rootfs: RootFS | None = None
    history: tuple[HistoryEntry, ...] | None = None

    @property
    def platform(self) -> Platform | None:
        """What the image runs on; None if the config does not say."""
        if not self.os and not self.architecture:
            return None
        return Platform(self.architecture, self.os, self.variant or "", self.os_version or "")

    @property
    def diff_ids(self) -> tuple[Digest, ...]:
        """Digests of the uncompressed layers, from the base up."""
        return (self.rootfs and self.rootfs.diff_ids) or ()


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """A step of a build with the layer that it made.

    Attributes
    ----------
    entry : HistoryEntry
    layer : Descriptor or None
        None for a step that made no layer, or where the history does not fit
        the layers so that it cannot be known.
    """

    entry: HistoryEntry
    layer: Descriptor | None


_decoder = msgspec.json.Decoder(ImageConfig, dec_hook=decode_digest)


def parse_config(raw: bytes, *, source: str = "an image config") -> ImageConfig:
    """Read an image config.

    Raises
    ------
    ProtocolError
        If the document is no image config.
    """
    try:
        return _decoder.decode(raw)
    except (msgspec.MsgspecError, InvalidReferenceError, UnicodeDecodeError, RecursionError) as e:
        raise ProtocolError(f"{source} is not a valid image config: {e}.") from e


def align_history(config: ImageConfig, layers: tuple[Descriptor, ...]) -> tuple[HistoryStep, ...]:
    """Put each step of the history beside the layer that it made.

    Parameters
    ----------
    config : ImageConfig
    layers : tuple of Descriptor
        The manifest's layers, from the base up.

    Returns
    -------
    tuple of HistoryStep
        One a history entry, in order. Where the number of entries that made a
        layer differs from the number of layers (a squashed image, say), no
        step has a layer: which one made which is not known.
    """
    entries = config.history or ()
    made_layers = sum(not entry.empty_layer for entry in entries)
    remaining = iter(layers if made_layers == len(layers) else ())
    return tuple(
        HistoryStep(entry, None if entry.empty_layer else next(remaining, None))
        for entry in entries
    )
