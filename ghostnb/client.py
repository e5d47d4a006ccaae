"""One registry, as a notebook user holds it."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd

from ghostnb.arguments import checked_text, first, parsed_platform, parsed_reference, wrong_type
from ghostnb.bolt import BoltMethods
from ghostnb.frames import (
    history_frame,
    layers_frame,
    repositories_frame,
    search_frame,
    tags_frame,
)
from ghostnb.handle import RegistryHandle
from ghostnb.inside import FileMethods
from ghostnb.inventory import as_patterns, attach_failures, failures_of, gather_layers
from ghostnb.loop import hop
from ghostnb.progress_bar import ProgressBar, ProgressOption, StepProgress, transfer_bar
from ghostnb.pushing import PushMethods
from ghostnb.registries.catalog import details_of
from ghostnb.registries.images import Image
from ghostnb.registries.reading import read_image, read_images
from ghostnb.registries.records import Ping, TagRecord
from ghostnb.registries.walk import Tally
from ghostnb.search import check_search, find_images
from ghostnb.transfer import TransferTally, full_name, save_image
from ghostnb.usage import UsageMethods

__all__ = ["RegistryClient"]

_SEARCH_LIMIT = 25
Tabulate = Callable[[Iterable[Image]], pd.DataFrame]


class RegistryClient(RegistryHandle, UsageMethods, PushMethods, FileMethods, BoltMethods):
    """Asks one registry, and answers with DataFrames.

    Parameters
    ----------
    config_or_url : RegistryConfig or str
        A configuration, or an address alone: ``https://registry.example.com``,
        ``localhost:5000``, ``docker.io``, ``oci:PATH`` (an image layout's directory,
        or an archive that was saved).
    transport : Transport, optional
        Carries the requests instead of the network: an
        ``httpx2.ASGITransport``, for a registry in the same process.

    Attributes
    ----------
    config : RegistryConfig

    Notes
    -----
    Every method is awaited, on any event loop; `ghostnb.run` waits where there
    is no ``await``. Nothing is contacted before the first call. Errors are of
    the tree of `ghostnb.GhostnbError`.

    Examples
    --------
    >>> registry = RegistryClient("localhost:5000")
    >>> registry
    <RegistryClient localhost-5000 at http://localhost:5000>
    """

    async def ping(self) -> Ping:
        """Ask whether the registry answers, and takes the credentials.

        Returns
        -------
        Ping
            Its kind and what that offers, how long it took, whether credentials were
            used and with which rights, and the pull limit if the registry tells one.

        Raises
        ------
        TransportError
            If it does not answer.
        UnauthorizedError
            If it wants other credentials.
        """
        return await hop(self.registry.ping())

    async def repositories(
        self, limit: int | None = None, *, namespace: str | None = None
    ) -> pd.DataFrame:
        """List the repositories.

        Parameters
        ----------
        limit : int, optional
            At most so many.
        namespace : str, optional
            Only those of this project, organisation or group: their names begin with it and
            a slash. By default the configured one; Docker Hub lists nothing without one.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.repositories_frame`.

        Raises
        ------
        UnsupportedError
            If the registry does not list its repositories; the message says
            what to do instead.
        """
        if limit is not None and not isinstance(limit, int):
            raise wrong_type("limit", "a number (a namespace has its name: namespace=…)", limit)
        if namespace is not None:
            checked_text(namespace, "A namespace", "library")

        async def read() -> pd.DataFrame:
            found = self.registry.repositories(namespace)
            return repositories_frame([record async for record in first(found, limit)])

        return await hop(read())

    async def tags(self, repository: str, *, details: bool = False) -> pd.DataFrame:
        """List a repository's tags.

        Parameters
        ----------
        repository : str
            For example ``library/nginx``.
        details : bool
            Also digest, size, creation and platforms: by the vendor's API
            where it has one, else by two requests a tag.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.tags_frame`; without details only the first
            three columns are filled. Tags whose content is damaged stand in
            ``.attrs["errors"]`` too, a list of dictionaries with ``registry``,
            ``repository``, ``tag``, ``error`` and ``message``.

        Raises
        ------
        NotFoundError
            If there is no such repository.

        Warns
        -----
        UserWarning
            If some tags are damaged.
        """
        name = self.registry.repository(checked_text(repository, "A repository", "library/nginx"))

        async def read() -> list[TagRecord]:
            if details:
                return [record async for record in self.registry.tag_details(name)]
            return [TagRecord(self.name, name, tag) async for tag in self.registry.tags(name)]

        records = await hop(read())
        return attach_failures(tags_frame(records), failures_of(records), "The table of tags")

    async def tag_details(self, repository: str, tags: Iterable[str]) -> pd.DataFrame:
        """Tabulate some of a repository's tags with all that is known of each.

        Parameters
        ----------
        repository : str
        tags : iterable of str
            Names; one that is not there has no row.

        Returns
        -------
        pandas.DataFrame
            As `tags` with details.
        """
        name = self.registry.repository(checked_text(repository, "A repository", "library/nginx"))
        records = await hop(details_of(self.registry, name, list(tags)))
        return attach_failures(tags_frame(records), failures_of(records), "The table of tags")

    async def image(self, reference: str, *, platform: str | None = None) -> Image:
        """Read one image's manifest and config.

        Parameters
        ----------
        reference : str
            ``repository[:tag][@digest]``; the tag is ``latest`` if none is given.
        platform : str, optional
            ``os/architecture[/variant]``, of those that an index offers. By
            default this machine's, else linux/amd64, else the first.

        Returns
        -------
        Image

        Raises
        ------
        NotFoundError
            If there is no such image, or not for that platform.
        IntegrityError
            If what came does not have the digest that it should.
        UnsupportedError
            If it is a Docker schema 1 image.
        """
        parsed = parsed_reference(self.registry, reference)
        return await hop(read_image(self.registry, parsed, parsed_platform(platform)))

    async def layers(self, reference: str, *, platform: str | None = None) -> pd.DataFrame:
        """Tabulate an image's layers, for each of its platforms.

        Parameters
        ----------
        reference, platform : str
            As for `image`; without a platform, all that an index offers.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.layers_frame`.
        """
        return await hop(self._images_frame(layers_frame, reference, platform))

    async def history(self, reference: str, *, platform: str | None = None) -> pd.DataFrame:
        """Tabulate every step of an image's build, for each of its platforms.

        Parameters
        ----------
        reference, platform : str
            As for `layers`.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.history_frame`.
        """
        return await hop(self._images_frame(history_frame, reference, platform))

    async def search(self, query: str, *, limit: int = _SEARCH_LIMIT) -> pd.DataFrame:
        """Search the registry: by the vendor's search, else by the names in its catalog.

        Parameters
        ----------
        query : str
        limit : int
            At most so many results.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.search_frame`, the best first. What was found
            and could not be read (a repository that these credentials may not
            see into) stands in ``.attrs["errors"]`` too, as for `tags`.

        Raises
        ------
        ValueError
            If the query is empty, or the limit negative.

        Warns
        -----
        UserWarning
            If some of it could not be read.
        """
        check_search(query, limit)
        found = await hop(find_images(self.registry, query, limit))
        return attach_failures(search_frame(found), failures_of(found), "The search")

    async def inventory(
        self,
        repositories: str | Iterable[str] | None = None,
        *,
        tags: str | Iterable[str] | None = None,
        progress: ProgressOption = None,
    ) -> pd.DataFrame:
        """Tabulate every layer of every image of the registry.

        Parameters
        ----------
        repositories, tags : str or iterable of str, optional
            Only these; names, or patterns such as ``team/*`` and ``v1.*``.
        progress : bool or callable, optional
            By default a bar where there is someone to see it, for what takes
            over a second; False for none; or a function of done and total tags.

        Returns
        -------
        pandas.DataFrame
            As `ghostnb.frames.layers_frame`, repositories and tags in the
            registry's order. What could not be read stands in
            ``.attrs["errors"]``, a list of dictionaries with ``registry``,
            ``repository``, ``tag``, ``error`` and ``message``.

        Warns
        -----
        UserWarning
            If some images could not be read.

        Raises
        ------
        RegistryError
            If nothing could be read.

        Notes
        -----
        What was read before by its digest comes from the cache: then this
        costs one request a tag. Memory is some 100 bytes a row at most.
        """
        tally = Tally()
        wanted = as_patterns(repositories), as_patterns(tags)
        with ProgressBar(tally, self.name, progress) as bar:
            walking = gather_layers(self.registry, tally, *wanted)
            table = await hop(walking, on_tick=bar.refresh)
        if tally.failures and not len(table):
            raise tally.failures[0].error
        return attach_failures(table.frame(), tally.failures, "The inventory")

    async def save(
        self,
        reference: str,
        path: str | os.PathLike[str],
        *,
        platform: str | None = None,
        overwrite: bool = False,
        progress: StepProgress = None,
    ) -> Path:
        """Save an image to a file that needs no registry: an OCI archive.

        Parameters
        ----------
        reference : str
            ``repository[:tag][@digest]``; the tag is ``latest`` if none is given.
        path : str or path
            The file; or a directory, for one in it such as ``team-app_1.0.tar``.
        platform : str, optional
            Only this one of an index; by default all that it offers, with attestations.
        overwrite : bool, optional
            Replace a file that is there.
        progress : bool or callable, optional
            By default a bar of bytes, where there is someone to see it, for what takes over a
            second; False for none; or a function that takes the `Progress` of each blob.

        Returns
        -------
        pathlib.Path
            Of the file. ``docker load -i`` takes it (of several platforms: this machine's, else
            linux/amd64, else the first), ``podman load -i``, and skopeo as ``oci-archive:PATH``.

        Raises
        ------
        ArchiveError
            If the file is there already, or cannot be written.
        NotFoundError
            If there is no such image, or not for that platform, or not all of it.
        IntegrityError
            If what came is not what its digest says; nothing is left then, nor when this is
            cancelled.
        UnsupportedError
            If it is a Docker schema 1 image.

        Notes
        -----
        Manifests and layers are the bytes that the registry has. Foreign layers stay where they
        are: in no registry.
        """
        parsed, wanted, tally = (
            parsed_reference(self.registry, reference),
            parsed_platform(platform),
            TransferTally(),
        )
        with transfer_bar(tally, self.name, progress) as bar:
            saving = save_image(
                self.registry,
                parsed,
                Path(path),
                name=full_name(parsed, self.config.host),
                platform=wanted,
                overwrite=overwrite,
                tally=tally,
            )
            return await hop(tally.watch(saving), on_tick=bar.refresh)

    async def _images_frame(
        self, tabulate: Tabulate, reference: str, platform: str | None
    ) -> pd.DataFrame:
        parsed = parsed_reference(self.registry, reference)
        found = read_images(self.registry, parsed, parsed_platform(platform))
        return tabulate([image async for image in found])
