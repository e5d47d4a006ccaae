"""An image of one platform, as a notebook user holds it."""

import html
from dataclasses import dataclass, field

import humanize

from ghostnb.oci import (
    ContainerConfig,
    Digest,
    HistoryStep,
    ImageConfig,
    Manifest,
    Platform,
    Reference,
    align_history,
)
from ghostnb.oci.media_types import is_foreign

__all__ = ["Image", "Layer"]

_CREATED_ANNOTATION = "org.opencontainers.image.created"


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer with what its config knows of it.

    Attributes
    ----------
    position : int
        From 0, the base.
    digest : Digest
        Of the bytes as stored.
    diff_id : Digest or None
        Of the uncompressed bytes.
    media_type : str
    size_bytes : int
        As stored.
    created, created_by : str or None
        When (RFC 3339) and by which command the layer was made.
    """

    position: int
    digest: Digest
    diff_id: Digest | None
    media_type: str
    size_bytes: int
    created: str | None
    created_by: str | None


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one platform.

    Attributes
    ----------
    registry, repository, tag : str
        Where it was found; `tag` is empty if it was asked for by digest.
    digest : Digest
        Of the manifest of this platform.
    media_type : str
    size_bytes : int
        Sum of the layers as stored; foreign layers are not in the registry.
    created, author : str or None
        `created` is RFC 3339.
    platform : str or None
        ``os/architecture[/variant]``.
    platforms : tuple of str
        Every platform that the tag offers.
    labels : dict of str to str
    env, entrypoint, cmd, ports : tuple of str
    layers : tuple of Layer
        From the base up.
    history : tuple of HistoryStep
        Every step of the build, those without a layer too.
    raw_manifest, raw_config : bytes
        The documents exactly as they came; `raw_config` is empty for an
        artifact that is no image.
    """

    registry: str
    repository: str
    tag: str
    digest: Digest
    media_type: str
    size_bytes: int
    created: str | None = None
    author: str | None = None
    platform: str | None = None
    platforms: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    layers: tuple[Layer, ...] = ()
    history: tuple[HistoryStep, ...] = ()
    raw_manifest: bytes = field(default=b"", repr=False)
    raw_config: bytes = field(default=b"", repr=False)

    def __repr__(self) -> str:
        size = humanize.naturalsize(self.size_bytes)
        count = f"{len(self.layers)} {'layer' if len(self.layers) == 1 else 'layers'}"
        return " ".join(filter(None, ["<Image", self.name, self.platform, size, f"in {count}>"]))

    @property
    def name(self) -> str:
        """Repository with tag or digest."""
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository}@{self.digest}"

    @property
    def stored_layers(self) -> tuple[Layer, ...]:
        """The layers whose bytes are in the registry: all but foreign ones."""
        return tuple(layer for layer in self.layers if not is_foreign(layer.media_type))

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr><th style='text-align:left'>{title}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for title, text in self._facts()
            if text
        )
        return f"<table><caption><b>{html.escape(self.name)}</b></caption>{cells}</table>"

    def _facts(self) -> list[tuple[str, str]]:
        return [
            ("Registry", self.registry),
            ("Digest", self.digest),
            ("Size", f"{humanize.naturalsize(self.size_bytes)} ({self.size_bytes:,} bytes)"),
            ("Layers", str(len(self.layers))),
            ("Created", self.created or ""),
            ("Author", self.author or ""),
            ("Platform", self.platform or ""),
            ("All platforms", ", ".join(self.platforms)),
            ("Entrypoint", " ".join(self.entrypoint)),
            ("Command", " ".join(self.cmd)),
            ("Environment", "; ".join(self.env)),
            ("Ports", ", ".join(self.ports)),
            ("Labels", "; ".join(f"{key}={value}" for key, value in self.labels.items())),
        ]


def assemble_image(
    registry: str,
    reference: Reference,
    manifest: Manifest,
    config: ImageConfig | None,
    *,
    platform: Platform | None = None,
    platforms: tuple[str, ...] | None = None,
    raw_config: bytes = b"",
) -> Image:
    """Put a manifest and its config together.

    Parameters
    ----------
    registry : str
    reference : Reference
        What the image was asked for by.
    manifest : Manifest
    config : ImageConfig or None
        None for an artifact that is no image.
    platform : Platform, optional
        As the index has it, where there is one: it often knows the variant
        that the config leaves out.
    platforms : tuple of str, optional
        What the index offers; by default the image's own platform.
    raw_config : bytes
    """
    config = config or ImageConfig()
    container = config.config or ContainerConfig()
    found = platform or config.platform
    name = str(found) if found else None
    history = align_history(config, manifest.layers)
    return Image(
        registry=registry,
        repository=reference.repository,
        tag=reference.tag,
        digest=manifest.digest,
        media_type=manifest.media_type,
        size_bytes=manifest.size_bytes,
        created=config.created or manifest.annotations.get(_CREATED_ANNOTATION),
        author=config.author or None,
        platform=name,
        platforms=platforms if platforms is not None else tuple(filter(None, [name])),
        labels={key: value or "" for key, value in (container.labels or {}).items()},
        env=container.env or (),
        entrypoint=container.entrypoint or (),
        cmd=container.cmd or (),
        ports=tuple(container.exposed_ports or ()),
        layers=_layers(manifest, config, history),
        history=history,
        raw_manifest=manifest.raw,
        raw_config=raw_config,
    )


def _layers(
    manifest: Manifest, config: ImageConfig, history: tuple[HistoryStep, ...]
) -> tuple[Layer, ...]:
    count = len(manifest.layers)
    # Unequal counts cannot be put side by side: then nothing is known of any.
    diff_ids = config.diff_ids if len(config.diff_ids) == count else (None,) * count
    made = [step.entry for step in history if step.layer is not None]
    entries = made if len(made) == count else [None] * count
    return tuple(
        Layer(
            position,
            layer.digest,
            diff_id,
            layer.media_type,
            layer.size_bytes,
            entry.created if entry else None,
            entry.created_by if entry else None,
        )
        for position, (layer, diff_id, entry) in enumerate(
            zip(manifest.layers, diff_ids, entries, strict=True)
        )
    )
