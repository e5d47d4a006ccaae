"""Bolt's profiles, plugins and templates, as a notebook user reaches them."""

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Unpack

import pandas as pd

from ghostnb.bolt.arguments import Metadata, check_limit, check_metadata, several, wanted
from ghostnb.bolt.files import Place, as_text, read_content, save
from ghostnb.errors import UnsupportedError
from ghostnb.frames.bolt import plugins_frame, profiles_frame, templates_frame
from ghostnb.loop import hop
from ghostnb.registries.bolt import Bolt, OffersBolt
from ghostnb.registries.protocol import Registry
from ghostnb.wire.bolt import PLUGINS, PROFILES, TEMPLATES, AnyEntry, BoltUpload, Shelf

__all__ = ["BoltMethods"]

Tabulate = Callable[[Iterable[AnyEntry], str], pd.DataFrame]


class BoltMethods:
    """What a client of a Drift registry can do beyond images.

    Notes
    -----
    A registry is known to be Drift by its kind (``RegistryConfig(...,
    kind="drift")``) or by its answer to a ping, which the first call sends. On
    any other, every method raises `UnsupportedError`.

    Each version is an OCI artifact too: the repository ``bolt/profiles/NAME``,
    the version its tag. So copies, backups and signatures hold for them as for
    images.
    """

    @property
    def registry(self) -> Registry:
        """What speaks to the registry."""
        raise NotImplementedError

    async def profiles(
        self,
        query: str | None = None,
        *,
        tags: str | Iterable[str] | None = None,
        game: str | None = None,
        gpu_vendor: str | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """List Bolt's optimization profiles.

        Parameters
        ----------
        query : str, optional
            A part of the name or description. For this and the filters, case
            does not matter.
        tags : str or iterable of str, optional
            Those with one of these, or a part of it.
        game, gpu_vendor : str, optional
            A part of a compatible game's name, of the vendor that is required.
        sort_by : str, optional
            ``name`` (by default, from a to z), or ``downloads``, ``rating``,
            ``updated_at``, the most or newest first.
        limit : int, optional
            At most so many.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.profiles_frame`.

        Raises
        ------
        UnsupportedError
            If the registry is no Drift.
        """
        filters = wanted(
            query=query, tags=several(tags), game=game, gpu_vendor=gpu_vendor, sort_by=sort_by
        )
        return await hop(self._frame(PROFILES, profiles_frame, filters, limit))

    async def plugins(
        self,
        query: str | None = None,
        *,
        plugin_type: str | None = None,
        platform: str | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """List Bolt's plugins.

        Parameters
        ----------
        query, sort_by, limit
            As for `profiles`.
        plugin_type, platform : str, optional
            A part of the type, of a supported platform.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.plugins_frame`.

        Raises
        ------
        UnsupportedError
            If the registry is no Drift.
        """
        filters = wanted(query=query, plugin_type=plugin_type, platform=platform, sort_by=sort_by)
        return await hop(self._frame(PLUGINS, plugins_frame, filters, limit))

    async def templates(
        self,
        query: str | None = None,
        *,
        tags: str | Iterable[str] | None = None,
        sort_by: str | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """List Boltfile templates.

        Parameters
        ----------
        query, tags, sort_by, limit
            As for `profiles`.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.templates_frame`.

        Raises
        ------
        UnsupportedError
            If the registry is no Drift.
        """
        filters = wanted(query=query, tags=several(tags), sort_by=sort_by)
        return await hop(self._frame(TEMPLATES, templates_frame, filters, limit))

    async def download_profile(
        self, name: str, *, version: str | None = None, to: Place | None = None
    ) -> str | Path:
        """Read a profile's TOML, or save it.

        Parameters
        ----------
        name : str
        version : str, optional
            By default the newest upload.
        to : path, optional
            A file, or a directory where ``NAME.toml`` is made. What is there
            is replaced, once all has come and has the right digest.

        Returns
        -------
        str or Path
            The text; where it was saved, if `to` is given.

        Raises
        ------
        NotFoundError
            If there is no such profile or version.
        IntegrityError
            If what came does not have the digest that it should.
        """
        content = await hop(self._download(PROFILES, name, version, to))
        return as_text(content, name)

    async def download_plugin(
        self, name: str, *, version: str | None = None, to: Place | None = None
    ) -> bytes | Path:
        """Read a plugin, or save it.

        Parameters
        ----------
        name, version, to
            As for `download_profile`; in a directory, the file is ``NAME.bin``.

        Returns
        -------
        bytes or Path
            The content; where it was saved, if `to` is given.
        """
        return await hop(self._download(PLUGINS, name, version, to))

    async def download_template(
        self, name: str, *, version: str | None = None, to: Place | None = None
    ) -> str | Path:
        """Read a template's Boltfile, or save it.

        Parameters
        ----------
        name, version, to
            As for `download_profile`.

        Returns
        -------
        str or Path
            The text; where it was saved, if `to` is given.
        """
        content = await hop(self._download(TEMPLATES, name, version, to))
        return as_text(content, name)

    async def upload_profile(
        self,
        profile: Mapping[str, Any],
        content: str | os.PathLike[str] | None = None,
        *,
        overwrite: bool = False,
        **metadata: Unpack[Metadata],
    ) -> BoltUpload:
        """Upload a profile as a version of its own, and as the newest.

        Parameters
        ----------
        profile : mapping
            ``name`` and ``version``, and perhaps ``description``, ``author``,
            ``tags``, ``compatible_games``, ``rating``, ``system_requirements``
            (``min_cpu_cores``, ``min_memory_gb``, ``required_gpu_vendor``,
            ``min_gpu_memory_gb``, ``supported_os``).
        content : str or Path, optional
            Its TOML, or a file with it. Without it, what the profile says of
            itself is written as TOML.
        overwrite : bool
            Also in place of other content of the same version.
        **metadata : str
            ``author_email``, whom to ask about it; and perhaps ``license`` (an
            SPDX expression), ``repository``, ``documentation`` (addresses).

        Returns
        -------
        BoltUpload
            Name, version, and the manifest's digest.

        Raises
        ------
        RegistryError
            Of status 400 for what cannot be right, 409 if the version is there
            with other content; it says what, where, and what to do.
        """
        own = {"profile": dict(profile)}
        return await hop(self._upload(PROFILES, own, content, overwrite, metadata))

    async def upload_plugin(
        self,
        plugin: Mapping[str, Any],
        content: bytes | os.PathLike[str],
        *,
        overwrite: bool = False,
        **metadata: Unpack[Metadata],
    ) -> BoltUpload:
        """Upload a plugin as a version of its own, and as the newest.

        Parameters
        ----------
        plugin : mapping
            ``name``, ``version`` and ``plugin_type``, and perhaps
            ``description``, ``author``, ``rating``, ``supported_platforms``.
        content : bytes or Path
            At most 64 MiB, or a file with them.
        overwrite, **metadata
            As for `upload_profile`; no metadata must be given.

        Returns
        -------
        BoltUpload
        """
        own = {"plugin": dict(plugin)}
        return await hop(self._upload(PLUGINS, own, content, overwrite, metadata))

    async def upload_template(
        self,
        template: Mapping[str, Any],
        content: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        **metadata: Unpack[Metadata],
    ) -> BoltUpload:
        """Upload a Boltfile that others can begin with.

        Parameters
        ----------
        template : mapping
            ``name`` and ``version``, and perhaps ``description``, ``author``,
            ``tags``, ``rating``.
        content : str or Path
            The Boltfile's text, or the file.
        overwrite, **metadata
            As for `upload_profile`; no metadata must be given.

        Returns
        -------
        BoltUpload
        """
        own = {"template": dict(template)}
        return await hop(self._upload(TEMPLATES, own, content, overwrite, metadata))

    async def delete_profile(self, name: str, *, version: str | None = None) -> None:
        """Delete a profile: one version, or all with their count of downloads.

        Raises
        ------
        NotFoundError
            If there is no such profile or version.
        """
        await hop(self._delete(PROFILES, name, version))

    async def delete_plugin(self, name: str, *, version: str | None = None) -> None:
        """Delete a plugin, as `delete_profile` does."""
        await hop(self._delete(PLUGINS, name, version))

    async def delete_template(self, name: str, *, version: str | None = None) -> None:
        """Delete a template, as `delete_profile` does."""
        await hop(self._delete(TEMPLATES, name, version))

    async def _bolt(self) -> Bolt:
        registry = self.registry
        if isinstance(registry, OffersBolt):
            return await registry.bolt()
        raise UnsupportedError(
            f"{registry.name} at {registry.url} has no Bolt profiles, plugins or templates "
            "by itself.",
            hint="Ask a Drift registry; a directory becomes one with: ghostnb drift --root DIR",
            registry=registry.name,
            url=registry.url,
        )

    async def _frame(
        self,
        shelf: Shelf[AnyEntry],
        tabulate: Tabulate[AnyEntry],
        filters: Mapping[str, Any],
        limit: int | None,
    ) -> pd.DataFrame:
        check_limit(limit)
        found = (await self._bolt()).entries(shelf, filters, limit=limit)
        return tabulate([entry async for entry in found], self.registry.name)

    async def _download(
        self, shelf: Shelf[AnyEntry], name: str, version: str | None, to: Place | None
    ) -> bytes | Path:
        content = await (await self._bolt()).download(shelf, name, version)
        if to is None:
            return content
        return await asyncio.to_thread(save, content, to, f"{name}{shelf.suffix}")

    async def _upload(
        self,
        shelf: Shelf[AnyEntry],
        own: dict[str, Any],
        content: object,
        overwrite: bool,
        metadata: Mapping[str, Any],
    ) -> BoltUpload:
        check_metadata(metadata)
        bolt = await self._bolt()
        # A profile may do without.
        if content is not None or shelf is not PROFILES:
            own[f"{shelf.name}_data"] = await asyncio.to_thread(read_content, content, shelf)
        document = {**own, "metadata": dict(metadata)}
        return await bolt.upload(shelf, document, overwrite=overwrite)

    async def _delete(self, shelf: Shelf[AnyEntry], name: str, version: str | None) -> None:
        await (await self._bolt()).delete(shelf, name, version)
