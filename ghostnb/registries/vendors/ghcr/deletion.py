"""What is deleted at GitHub's registries, which is done by the API of packages alone."""

import asyncio
from contextlib import aclosing

from ghostnb.errors import ForbiddenError, NotFoundError, ProtocolError, RejectedError
from ghostnb.oci import Digest
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.ghcr.api import PAGE_SIZE, PackagesAPI
from ghostnb.wire.endpoints import Endpoint

__all__ = ["Deletion"]

_WRITE, _DELETE = "write:packages", "delete:packages"
# The API may list a manifest a moment after the registry has taken it.
_WAITS_SECONDS = (0.5, 1.0, 2.0, 4.0)


class Deletion:
    """Deletes versions of packages: manifests.

    Parameters
    ----------
    session : Session
    api : PackagesAPI

    Notes
    -----
    Source: docs.github.com/rest/packages/packages, "Delete package version for an
    organization"; "Deleting and restoring a package". A version is deleted by its number,
    with all its tags; it can be restored for 30 days.
    """

    def __init__(self, session: Session, api: PackagesAPI) -> None:
        self._session = session
        self._api = api
        self._endpoint = Endpoint(session.config.url)
        # Of the repository that was last deleted from: each number by its digest.
        self._repository = ""
        self._numbers: dict[str, int] = {}
        self._lock = asyncio.Lock()

    async def check(self, repository: str) -> None:
        """Raise if the token may not delete, or not see the package."""
        await self._check_scopes(repository, _DELETE)
        await self._api.ask("GET", await self._api.path(repository), f"the package {repository}")

    async def check_untagging(self, repository: str, tag: str) -> None:
        """Raise if a tag cannot be taken away, by what is known before it is tried.

        Raises
        ------
        RejectedError
            If it is the package's only tag: GitHub keeps the last version that has one.
        ForbiddenError
            If the token may not do what it takes.
        """
        await self._check_scopes(repository, _WRITE, _DELETE)
        async with aclosing(self._api.versions(repository)) as versions:
            async for version in versions:
                if any(other != tag for other in version.tags):
                    return
        raise RejectedError(
            f"{tag} is the only tag of {repository} in {self._session.config.name}, and GitHub "
            "keeps the last version that has one.",
            hint="Push another tag first; or delete the whole package on its page on github.com.",
            registry=self._session.config.name,
            url=self._api.url,
        )

    async def delete(self, repository: str, digest: Digest) -> None:
        """Delete a manifest, with its tags.

        Raises
        ------
        NotFoundError
            If there is none.
        ForbiddenError
            If the user may not.
        """
        known = self._known(repository, digest)
        if known is not None and await self._deleted(repository, digest, known):
            return
        number = await self._find(repository, digest)
        # Where it is gone when it was there a moment ago, an earlier try of ours was taken.
        await self._deleted(repository, digest, number)

    async def _deleted(self, repository: str, digest: Digest, number: int) -> bool:
        """Delete a version; False if it is not there any more."""
        path = f"{await self._api.path(repository)}/versions/{number}"
        what = f"the deletion of {repository}@{digest}"
        try:
            await self._api.ask("DELETE", path, what, expected=(204,))
        except NotFoundError as e:
            if await self._is_there(path, f"{repository}@{digest}"):
                raise self._not_allowed(repository, e) from e
            self._forget(repository, digest)
            return False
        self._forget(repository, digest)
        return True

    async def _is_there(self, path: str, what: str) -> bool:
        try:
            await self._api.ask("GET", path, what)
        except NotFoundError:
            return False
        return True

    async def _find(self, repository: str, digest: Digest) -> int:
        """Give a version's number, by all that are listed."""
        async with self._lock:
            for wait in (*_WAITS_SECONDS, None):
                await self._read(repository, digest)
                number = self._known(repository, digest)
                if number is not None:
                    return number
                # It raises if there is no such manifest.
                await self._session.fetch(
                    self._endpoint.manifest(repository, digest, method="HEAD")
                )
                if wait is not None:
                    await asyncio.sleep(wait)
        raise ProtocolError(
            f"{self._session.config.name} has {repository}@{digest}, but GitHub's API does not "
            "list it.",
            hint="Try again in a minute.",
            registry=self._session.config.name,
            url=self._api.url,
        )

    async def _read(self, repository: str, digest: Digest) -> None:
        """Note the versions' numbers: of all, unless the first page has what is wanted."""
        numbers: dict[str, int] = {}
        if self._repository == repository:
            numbers = self._numbers
        async with aclosing(self._api.versions(repository)) as versions:
            count = 0
            async for version in versions:
                count += 1
                numbers[version.name] = version.id
                if count >= PAGE_SIZE and digest in numbers:
                    break
        self._repository, self._numbers = repository, numbers

    def _known(self, repository: str, digest: Digest) -> int | None:
        return self._numbers.get(digest) if self._repository == repository else None

    def _forget(self, repository: str, digest: Digest) -> None:
        if self._repository == repository:
            self._numbers.pop(digest, None)

    async def _check_scopes(self, repository: str, *scopes: str) -> None:
        missing = (await self._api.account()).lacks(*scopes)
        if missing:
            raise ForbiddenError(
                f"The token of {self._session.config.name} lacks {' and '.join(missing)}, which "
                f"deleting in {repository} takes.",
                registry=self._session.config.name,
                url=self._api.url,
            )

    def _not_allowed(self, repository: str, error: NotFoundError) -> ForbiddenError:
        return ForbiddenError(
            f"GitHub refused to delete in {repository}, as it does where somebody is no "
            f"administrator of the package ({error.said}).",
            registry=error.registry,
            url=error.url,
            status=error.status,
            diagnostics=error.diagnostics,
        )
