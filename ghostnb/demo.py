"""A sample registry, made of files that are on every machine with Python."""

import gzip
import io
import sysconfig
import tarfile
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import platformdirs

from ghostnb.loop import hop
from ghostnb.oci import Descriptor, Digest, Platform, media_types
from ghostnb.registries.layout import LayoutRegistry

__all__ = ["DEMO_IMAGES", "DemoImage", "fill_demo", "prepare_demo"]

_CREATED = ("2026-01-15T09:00:00Z", "2026-03-02T12:30:00Z", "2026-06-21T08:15:00Z")


@dataclass(frozen=True, slots=True)
class DemoImage:
    """A sample image: each part of the standard library is a layer."""

    repository: str
    tag: str
    parts: Sequence[str]
    created: str
    architectures: Sequence[str] = ("amd64",)

    @property
    def labels(self) -> dict[str, str]:
        """What the image says of itself."""
        return {"org.opencontainers.image.title": self.repository, "version": self.tag}


_BASE = ("json", "logging")
_PYTHON = (*_BASE, "asyncio")

DEMO_IMAGES = (
    DemoImage("library/base", "1.0", _BASE, _CREATED[0], ("amd64", "arm64")),
    DemoImage("library/base", "latest", _BASE, _CREATED[0], ("amd64", "arm64")),
    DemoImage("library/python", "3.12", _PYTHON, _CREATED[0]),
    DemoImage("library/python", "latest", (*_PYTHON, "zoneinfo"), _CREATED[1]),
    DemoImage("team/shop/api", "1.0", (*_PYTHON, "http"), _CREATED[1]),
    DemoImage("team/shop/api", "1.1", (*_PYTHON, "http", "html"), _CREATED[2]),
    DemoImage("team/shop/web", "1.0", (*_PYTHON, "http", "email"), _CREATED[1]),
    DemoImage("team/shop/web", "2.0", (*_PYTHON, "wsgiref", "email"), _CREATED[2]),
    DemoImage("team/reports", "2026.06", (*_BASE, "csv", "sqlite3"), _CREATED[2]),
)
"""What the demo registry holds."""


def demo_root() -> Path:
    """Say where the demo registry is kept."""
    return platformdirs.user_cache_path("ghostnb") / "demo"


async def prepare_demo(root: Path | None = None) -> Path:
    """Make the demo registry and a configuration that names it, unless they are there.

    Parameters
    ----------
    root : Path, optional
        The directory; by default in the user's cache.

    Returns
    -------
    Path
        The configuration: a ``registries.toml`` with ``local-drift``.
    """
    root = (root or demo_root()).resolve()
    config = root / "registries.toml"
    if not config.exists():
        await hop(fill_demo(LayoutRegistry(root / "registry")))
        url = msgspec.json.encode(f"oci:{root / 'registry'}").decode()
        # Last, so that it is there only when all the rest is.
        config.write_text(f'[[registries]]\nname = "local-drift"\nurl = {url}\n', encoding="utf-8")
    return config


async def fill_demo(registry: LayoutRegistry) -> None:
    """Push the sample images; to be run on the I/O loop."""
    layers = {part: _layer(part) for image in DEMO_IMAGES for part in image.parts}
    for image in DEMO_IMAGES:
        children = [await _push(registry, image, arch, layers) for arch in image.architectures]
        if len(children) > 1:
            index = {
                "schemaVersion": 2,
                "mediaType": media_types.OCI_INDEX,
                "manifests": children,
            }
            raw = _encode(index)
            await registry.push_manifest(
                image.repository, raw, media_types.OCI_INDEX, tag=image.tag
            )


async def _push(
    registry: LayoutRegistry, image: DemoImage, architecture: str, layers: dict[str, "_Layer"]
) -> Descriptor:
    parts = [layers[part] for part in image.parts]
    config = _encode(_config(image, architecture, parts))
    descriptors = [
        await _push_blob(registry, image, media_types.OCI_LAYER_GZIP, part.stored) for part in parts
    ]
    manifest = {
        "schemaVersion": 2,
        "mediaType": media_types.OCI_MANIFEST,
        "config": await _push_blob(registry, image, media_types.OCI_CONFIG, config),
        "layers": descriptors,
    }
    raw = _encode(manifest)
    tag = image.tag if len(image.architectures) == 1 else ""
    digest = await registry.push_manifest(image.repository, raw, media_types.OCI_MANIFEST, tag=tag)
    platform = Platform(architecture, "linux")
    return Descriptor(media_types.OCI_MANIFEST, digest, len(raw), platform=platform)


async def _push_blob(
    registry: LayoutRegistry, image: DemoImage, media_type: str, content: bytes
) -> Descriptor:
    async def pieces() -> AsyncIterator[bytes]:
        yield content

    descriptor = Descriptor(media_type, Digest.of(content), len(content))
    await registry.push_blob(image.repository, descriptor, pieces())
    return descriptor


def _encode(document: dict) -> bytes:
    # Digests are texts of a class of their own, which the encoder wants named.
    return msgspec.json.encode(document, enc_hook=str)


def _config(image: DemoImage, architecture: str, parts: Sequence["_Layer"]) -> dict:
    steps = [
        {"created": image.created, "created_by": f"COPY {part.name} /usr/lib/python/{part.name}"}
        for part in parts
    ]
    command = {"created": image.created, "created_by": 'CMD ["python3"]', "empty_layer": True}
    return {
        "architecture": architecture,
        "os": "linux",
        "created": image.created,
        "author": "the ghostnb demo",
        "config": {"Cmd": ["python3"], "Env": ["LANG=C.UTF-8"], "Labels": image.labels},
        "rootfs": {"type": "layers", "diff_ids": [part.diff_id for part in parts]},
        "history": [*steps, command],
    }


@dataclass(frozen=True, slots=True)
class _Layer:
    name: str
    stored: bytes
    diff_id: Digest


def _layer(part: str) -> _Layer:
    """Pack a module or package of the standard library, the same way each time."""
    library = Path(sysconfig.get_path("stdlib"))
    folder = library / part
    files = sorted(folder.rglob("*.py")) if folder.is_dir() else [library / f"{part}.py"]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in files:
            content = file.read_bytes()
            entry = tarfile.TarInfo(f"usr/lib/python/{file.relative_to(library)}")
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    plain = buffer.getvalue()
    return _Layer(part, gzip.compress(plain, mtime=0), Digest.of(plain))
