"""GitHub's container registry: images of packages, which GitHub's own API lists and deletes."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from urllib.parse import urlsplit

from ghostnb.errors import (
    ForbiddenError,
    InvalidReferenceError,
    ProtocolError,
    RegistryError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Digest, is_within
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.ghcr.api import PackagesAPI
from ghostnb.registries.vendors.ghcr.deletion import Deletion
from ghostnb.registries.vendors.ghcr.documents import Version
from ghostnb.registries.vendors.ghcr.hosts import api_of, is_github
from ghostnb.registries.vendors.plain import LoginNeededError, Needs, Vendor
from ghostnb.wire.challenges import Challenge

__all__ = ["GHCR"]

# What the registry's own challenge to a ping names: no repository of anybody.
_PLACEHOLDER = "repository:user/image:pull"
_HINTS: dict[type[RegistryError], str] = {
    UnauthorizedError: "GHCR answers so, too, for an image that does not exist: check the "
    "spelling, or log in with a personal access token (classic) that has read:packages.",
    ForbiddenError: "The token may not do this: reading takes read:packages, pushing "
    "write:packages, and a role in the package.",
}
_LOGIN_HINT = (
    "GHCR refuses a token that is wrong or has ended, or may not do this, even for public "
    "images: make a new one (https://github.com/settings/tokens, classic, with "
    "read:packages; to push, write:packages), or leave user name and password out."
)


class GHCR(Vendor):
    """GitHub's container registry, of github.com and of GitHub Enterprise.

    Notes
    -----
    Source: docs.github.com, "Working with the Container registry"; docs.github.com/rest/
    packages/packages.

    The registry lists no repositories and deletes nothing. Both are done by the API of
    packages, which answers nobody without a token; tags of public images are read without.
    The API is asked where the registry is GitHub's own, or an Enterprise Server's by its
    name: a registry of this kind at any other address is asked itself.
    """

    kind = "ghcr"
    title = "GitHub Container Registry"
    has_catalog = False
    nests_namespaces = False
    final_refusals = Vendor.falls_back_on
    greets_strangers = False
    needs = Needs(
        "https://ghcr.io",
        "Your GitHub user name. Anonymous users see public images whose names they know.",
        "A personal access token (classic) that has read:packages; to push, and to take tags "
        "away, also write:packages; to delete, delete:packages.",
        "The organisation or user whose images are listed; by default you.",
        documents="https://docs.github.com/en/packages/working-with-a-github-packages-registry/"
        "working-with-the-container-registry",
        credential_name="Access token (classic)",
        namespace_name="Owner",
        has_one_address=True,
    )
    deletion_hint = (
        "GHCR deletes by GitHub's API of packages alone: with a personal access token (classic) "
        "that has delete:packages (and write:packages, to take one tag away), of somebody who "
        "administers the package."
    )

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        url = api_of(config.url)
        self._api = PackagesAPI(session, url) if url is not None else None
        self._deletion = Deletion(session, self._api) if self._api is not None else None

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host that a registry is GitHub's own."""
        return is_github(host)

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell by an answer to a ping that it is GitHub's: of an Enterprise Server.

        Notes
        -----
        Its challenge names a repository that is none; its answers have a number.
        """
        tokens = [one for one in challenges if one.scheme == "bearer"]
        if any(one.scopes == (_PLACEHOLDER,) for one in tokens):
            return True
        return "x-github-request-id" in headers and any(_is_token_url(one.realm) for one in tokens)

    def hint(self, error: RegistryError) -> str:
        """Say what GHCR's refusals may mean; the API's have hints of their own."""
        if self._api is not None and error.url.startswith(self._api.url):
            return ""
        # The token server's word on a login.
        if error.status == 403 and isinstance(error, UnauthorizedError):
            return _LOGIN_HINT if self._session.auth.has_credentials else _HINTS[UnauthorizedError]
        return _HINTS.get(type(error), "")

    async def rights(self) -> str:
        """Say whose the token is, and what its scopes allow.

        Notes
        -----
        Source: docs.github.com/rest/users/users, "Get the authenticated user"; "Scopes for
        OAuth apps". What somebody may do with one package is told nowhere.
        """
        if self._api is None:
            return ""
        try:
            return (await self._api.account()).described()
        except LoginNeededError:
            return "anonymous: public images, by name"

    def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord] | None:
        """Iterate over the repositories of an organisation or user; by default the user's own.

        Raises
        ------
        UnauthorizedError
            Without a token, while it is iterated over.

        Notes
        -----
        Source: docs.github.com/rest/packages/packages, "List packages for an organization".
        """
        return self._listed(self._api, namespace) if self._api is not None else None

    def tag_digests(self, repository: str) -> AsyncIterator[tuple[str, Digest]] | None:
        """Iterate over the tags with their digests, a hundred manifests a request.

        Notes
        -----
        Source: docs.github.com/rest/packages/packages, "List package versions for a package
        owned by an organization".
        """
        if self._api is None or "/" not in repository:
            return None
        return self._tagged(self._api, repository)

    async def delete_tag(self, repository: str, tag: str) -> bool:
        """See whether a tag can be taken away by a stand-in, without which it cannot.

        Raises
        ------
        UnsupportedError
            If so: nothing here deletes a tag and leaves what it leads to.
        RegistryError
            If it cannot.
        """
        if self._deletion is None or "/" not in repository:
            return False
        await self._deletion.check_untagging(repository, tag)
        raise UnsupportedError(
            f"{self.title} deletes a manifest with all its tags, and no tag alone.",
            registry=self._config.name,
            url=self._config.url,
            status=405,
        )

    async def delete_manifest(self, repository: str, digest: Digest) -> bool:
        """Delete a manifest with its tags: a version of the package."""
        if self._deletion is None or "/" not in repository:
            return False
        await self._deletion.delete(repository, digest)
        return True

    async def check_deletable(self, repository: str) -> bool:
        """Raise if the token has no right to delete, as far as that is told."""
        if self._deletion is None or "/" not in repository:
            return False
        await self._deletion.check(repository)
        return True

    async def _listed(
        self, api: PackagesAPI, namespace: str | None
    ) -> AsyncIterator[RepositoryRecord]:
        owner, _, within = (namespace or "").partition("/")
        async with aclosing(api.packages(owner or None)) as packages:
            async for package in packages:
                if is_within(package.name, within or None):
                    login = package.owner.login if package.owner else owner
                    login = login or (await api.account()).login
                    yield package.record(self._config.name, login)

    async def _tagged(self, api: PackagesAPI, repository: str) -> AsyncIterator[tuple[str, Digest]]:
        seen: set[str] = set()
        async with aclosing(api.versions(repository)) as versions:
            async for version in versions:
                # A tag that is moved meanwhile may stand at two.
                for tag in version.tags:
                    if tag not in seen:
                        seen.add(tag)
                        yield tag, self._digest(version)

    def _digest(self, version: Version) -> Digest:
        try:
            return Digest(version.name)
        except InvalidReferenceError as e:
            raise ProtocolError(
                f"GitHub's API names a version of a package {version.name[:200]!r}, which is no "
                "digest.",
                registry=self._config.name,
                url=self._config.url,
            ) from e


def _is_token_url(realm: str) -> bool:
    try:
        return urlsplit(realm).path == "/token"
    except ValueError:
        return False
