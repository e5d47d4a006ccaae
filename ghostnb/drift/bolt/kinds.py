"""The three sorts of things that Bolt keeps: their media types, names and sizes."""

from dataclasses import dataclass
from typing import Any

from ghostnb.drift.bolt.documents import (
    PluginSearch,
    PluginUpload,
    ProfileSearch,
    ProfileUpload,
    Search,
    TemplateSearch,
    TemplateUpload,
    Upload,
)
from ghostnb.wire.bolt import PLUGINS, PROFILES, TEMPLATES, Shelf

__all__ = ["KINDS", "PLUGIN", "PROFILE", "TEMPLATE", "Kind"]

_TEXT_BYTES = 256 * 2**10
_PLUGIN_BYTES = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Kind:
    """How one sort of things is kept.

    Attributes
    ----------
    shelf : Shelf
    artifact_type, config_type, layer_type : str
        Media types of the manifest's artifact, the metadata, and the content.
    served_type : str
        Content-Type of a download.
    title : str
        What tools call the file of the content; ``{name}`` is filled in.
    upload, search : type
        Of what clients send.
    content_bytes : int
        As much as the content may have.
    """

    shelf: Shelf[Any]
    artifact_type: str
    config_type: str
    layer_type: str
    served_type: str
    title: str
    upload: type[Upload]
    search: type[Search]
    content_bytes: int

    @property
    def name(self) -> str:
        """What one of them is called: ``profile``."""
        return self.shelf.name

    @property
    def body_bytes(self) -> int:
        """As much as an upload may have: the content in base64 or with escapes, and metadata."""
        return self.content_bytes * 3 // 2 + 2**20


PROFILE = Kind(
    PROFILES,
    artifact_type="application/vnd.bolt.profile.v1+toml",
    config_type="application/vnd.bolt.profile.config.v1+json",
    layer_type="application/vnd.bolt.profile.v1+toml",
    served_type="application/vnd.bolt.profile.v1+toml",
    title="{name}.toml",
    upload=ProfileUpload,
    search=ProfileSearch,
    content_bytes=_TEXT_BYTES,
)
PLUGIN = Kind(
    PLUGINS,
    artifact_type="application/vnd.bolt.plugin.v1",
    config_type="application/vnd.bolt.plugin.manifest.v1+json",
    layer_type="application/vnd.bolt.plugin.binary.v1+octet-stream",
    served_type="application/octet-stream",
    title="{name}.bin",
    upload=PluginUpload,
    search=PluginSearch,
    content_bytes=_PLUGIN_BYTES,
)
TEMPLATE = Kind(
    TEMPLATES,
    artifact_type="application/vnd.bolt.template.v1+toml",
    config_type="application/vnd.bolt.template.config.v1+json",
    layer_type="application/vnd.bolt.template.v1+toml",
    served_type="application/vnd.bolt.template.v1+toml",
    title="Boltfile.toml",
    upload=TemplateUpload,
    search=TemplateSearch,
    content_bytes=_TEXT_BYTES,
)
KINDS = (PROFILE, PLUGIN, TEMPLATE)
