"""The frames of Bolt's profiles, plugins and templates."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from ghostnb.frames.schema import COUNT, TEXT, TIME, Schema, frame_of
from ghostnb.wire.bolt import Entry, PluginEntry, ProfileEntry, TemplateEntry

__all__ = [
    "PLUGINS",
    "PROFILES",
    "TEMPLATES",
    "plugins_frame",
    "profiles_frame",
    "templates_frame",
]

_NUMBER = "Float64"
_FIRST = {
    "registry": TEXT,
    "name": TEXT,
    "version": TEXT,
    "description": TEXT,
    "author": TEXT,
}
_LAST = {
    "downloads": COUNT,
    "rating": _NUMBER,
    "license": TEXT,
    "size_bytes": COUNT,
    "digest": TEXT,
    "updated": TIME,
}
PROFILES: Schema = {
    **_FIRST,
    "tags": TEXT,
    "compatible_games": TEXT,
    "gpu_vendor": TEXT,
    "min_cpu_cores": COUNT,
    "min_memory_gb": COUNT,
    "min_gpu_memory_gb": COUNT,
    "supported_os": TEXT,
    **_LAST,
}
PLUGINS: Schema = {
    **_FIRST,
    "plugin_type": TEXT,
    "supported_platforms": TEXT,
    **_LAST,
}
TEMPLATES: Schema = {
    **_FIRST,
    "tags": TEXT,
    **_LAST,
}


def profiles_frame(entries: Iterable[ProfileEntry], registry: str) -> pd.DataFrame:
    """Tabulate profiles, one row each, in the order given.

    Parameters
    ----------
    entries : iterable of ProfileEntry
    registry : str
        The name of the registry that they are in.

    Returns
    -------
    pandas.DataFrame, shape (n_profiles, 18)
        registry, name, version : string; the version is that of the newest upload
        description, author : string; <NA> if not said
        tags, compatible_games : string, joined by ", "; <NA> if there are none
        gpu_vendor : string; <NA> if any will do
        min_cpu_cores, min_memory_gb, min_gpu_memory_gb : Int64; <NA> if not said
        supported_os : string, joined by ", "; <NA> if not said
        downloads : Int64, of all versions; <NA> if the registry cannot tell
        rating : Float64, up to 5; <NA> if nobody has rated it
        license : string; <NA> if not said
        size_bytes : Int64, bytes of the content
        digest : string, of the manifest
        updated : datetime64[ns, UTC], when this version was uploaded; NaT if unknown
    """
    return frame_of(PROFILES, [_Row(entry, registry, _profile(entry)) for entry in entries])


def plugins_frame(entries: Iterable[PluginEntry], registry: str) -> pd.DataFrame:
    """Tabulate plugins, one row each, in the order given.

    Parameters
    ----------
    entries : iterable of PluginEntry
    registry : str
        The name of the registry that they are in.

    Returns
    -------
    pandas.DataFrame, shape (n_plugins, 13)
        registry, name, version, description, author : string, as in `profiles_frame`
        plugin_type : string; <NA> if not said
        supported_platforms : string, joined by ", "; <NA> if not said
        downloads : Int64, rating : Float64, license : string,
        size_bytes : Int64, digest : string, updated : datetime64[ns, UTC],
        as in `profiles_frame`
    """
    return frame_of(PLUGINS, [_Row(entry, registry, _plugin(entry)) for entry in entries])


def templates_frame(entries: Iterable[TemplateEntry], registry: str) -> pd.DataFrame:
    """Tabulate Boltfile templates, one row each, in the order given.

    Parameters
    ----------
    entries : iterable of TemplateEntry
    registry : str
        The name of the registry that they are in.

    Returns
    -------
    pandas.DataFrame, shape (n_templates, 12)
        registry, name, version, description, author : string, as in `profiles_frame`
        tags : string, joined by ", "; <NA> if there are none
        downloads : Int64, rating : Float64, license : string,
        size_bytes : Int64, digest : string, updated : datetime64[ns, UTC],
        as in `profiles_frame`
    """
    own = ((entry, {"tags": _joined(entry.tags)}) for entry in entries)
    return frame_of(TEMPLATES, [_Row(entry, registry, more) for entry, more in own])


class _Row:
    """One row: what all three have, and what one of them has."""

    def __init__(self, entry: Entry, registry: str, more: Mapping[str, Any]) -> None:
        self.registry = registry
        self.name = entry.name
        self.version = entry.version or None
        self.description = entry.description or None
        self.author = entry.author or None
        self.downloads = entry.downloads
        self.rating = entry.rating or None
        self.license = entry.license or None
        self.size_bytes = entry.size_bytes
        self.digest = entry.digest or None
        self.updated = entry.updated_at
        self.__dict__.update(more)


def _profile(entry: ProfileEntry) -> dict[str, Any]:
    needs = entry.system_requirements
    return {
        "tags": _joined(entry.tags),
        "compatible_games": _joined(entry.compatible_games),
        "gpu_vendor": needs.required_gpu_vendor or None,
        "min_cpu_cores": needs.min_cpu_cores,
        "min_memory_gb": needs.min_memory_gb,
        "min_gpu_memory_gb": needs.min_gpu_memory_gb,
        "supported_os": _joined(needs.supported_os),
    }


def _plugin(entry: PluginEntry) -> dict[str, Any]:
    return {
        "plugin_type": entry.plugin_type or None,
        "supported_platforms": _joined(entry.supported_platforms),
    }


def _joined(texts: Iterable[str]) -> str | None:
    """Write several as one text, which filters and groups better than a list."""
    return ", ".join(texts) or None
