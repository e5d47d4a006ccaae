"""Quay: an API that takes OAuth tokens, and a registry that takes robots and passwords, too."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from ghostnb.errors import (
    ForbiddenError,
    ProtocolError,
    RegistryError,
    RejectedError,
    ServerError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Digest
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.plain import Needs, Vendor
from ghostnb.registries.vendors.quay.api import OAUTH_USER, QuayAPI
from ghostnb.registries.vendors.quay.lists import HOST, QuayLists
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.endpoints import CATALOG_SCOPE, DELETED, Endpoint

__all__ = ["Quay"]

_DELETE, _WRITE = ":delete", ":pull,push"
_IMMUTABLE = (
    "The tag is immutable: on the repository's page of Quay, Tags, that can be taken back by who "
    "administers the repository; or leave the tag out. Nothing was changed."
)
_UNCHANGEABLE = (
    "The repository is a mirror or read-only: its state is among the repository's settings in "
    "Quay. Nothing was changed."
)


class Quay(Vendor):
    """Quay: quay.io, Project Quay and Red Hat Quay.

    Notes
    -----
    Source: Red Hat Quay API guide (docs.redhat.com/en/documentation/red_hat_quay/3); github.com/
    quay/quay, endpoints/v2 and endpoints/api. An OAuth access token is the password of the user
    ``$oauthtoken`` at the registry, and the API takes nothing else: for robots and passwords it is
    asked anonymously for what is public, and the registry for the rest.
    """

    kind = "quay"
    title = "Quay"
    needs = Needs(
        "https://quay.io",
        "Optional: $oauthtoken for an OAuth access token, which opens all that there is here; or a "
        "robot (namespace+name), which pulls, pushes, lists and deletes tags only.",
        "The OAuth access token (the organization's page, Applications, Generate Token: the scopes "
        "repo:read and user:read, and repo:write to delete), or the robot's token.",
        "The user or organization whose repositories are listed; by default all that the OAuth "
        "access token's user is a member of.",
        documents="https://docs.redhat.com/en/documentation/red_hat_quay/3/html-single/"
        "red_hat_quay_api_guide/index",
        credential_name="Token",
        namespace_name="Organization",
    )
    deletion_hint = (
        "Quay deletes for users and robots that may write to the repository: give it the role "
        "Write, or Admin; an OAuth access token needs the scope repo:write."
    )
    # Without a scope there is no token for nobody (endpoints/v2/v2auth.py).
    greets_strangers = False
    nests_namespaces = False
    pages = ("organization", "repository", "user")
    # Its 401, 403 and 404 to an OAuth access token are those of the registry as well.
    falls_back_on = (
        ProtocolError,
        RejectedError,
        ServerError,
        TransportError,
        UnsupportedError,
    )

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        self._endpoint = Endpoint(config.url)
        self._api = QuayAPI(session)
        self._lists = QuayLists(session, self._endpoint, self._api)

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host that a registry is quay.io."""
        return host == HOST

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell by a header that only Quay has, or by where it sends for tokens.

        Notes
        -----
        Source: endpoints/v2/__init__.py, ``v2_support_enabled``; auth/registry_jwt_auth.py,
        ``get_auth_headers``: the realm is ``/v2/auth`` at the host that is the service.
        """
        return "x-sparse-manifest-support" in headers or any(map(_is_quays, challenges))

    def scopes(self, wanted: tuple[str, ...]) -> tuple[str, ...]:
        """Give a token's scopes as Quay knows them.

        Notes
        -----
        Source: endpoints/v2/v2auth.py, ``SCOPE_REGEX_TEMPLATE``: anything but pull, push and * in
        a repository is 400. The catalog is for a token without a scope; who may push may delete.
        """
        known = (scope for scope in wanted if scope != CATALOG_SCOPE)
        return tuple(dict.fromkeys(map(_spelt, known)))

    def hint(self, error: RegistryError) -> str:
        """Say what the registry's refusals may mean."""
        if any(one.code == "TAG_EXPIRED" for one in error.diagnostics):
            return (
                "The tag was deleted or has expired: Tag History on the repository's page of Quay "
                "brings it back, for two weeks by default."
            )
        if isinstance(error, UnauthorizedError):
            return (
                "Quay also answers so for a repository that does not exist, and for what one may "
                "not do: check the spelling, and the role in the repository (Read to pull, Write "
                f"to push and delete); or log in with: docker login {self._config.host}"
            )
        return ""

    def how_to_delete(self, error: RegistryError) -> str:
        """Say what to try after a deletion was refused."""
        if error.status == 409:
            return _IMMUTABLE
        return _UNCHANGEABLE if error.status == 503 else super().how_to_delete(error)

    async def rights(self) -> str:
        """Say who the credentials are and what they may do.

        Raises
        ------
        UnauthorizedError
            If the registry does not take them.

        Notes
        -----
        The scopes of a token are told nowhere. The API knows no robots.
        """
        credentials = await self._lists.accepted()
        if credentials is None:
            return "anonymous: reads what is public"
        name = credentials.username
        if name != OAUTH_USER:
            known = f"the robot {name}" if "+" in name else f"the user {name}"
            who = known if name else "the owner of the token"
            return f"{who}: pulls and pushes as its roles allow; Quay's API wants an OAuth token"
        user = await self._api.user()
        if user is None:
            return "an OAuth token without the scope user:read: whose it is, is not told"
        members = ", ".join(user.namespaces[1:]) or "no organization"
        return f"the user {user.username} by an OAuth token, within its scopes; member of {members}"

    def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories, of one namespace or of all that are one's own."""
        return self._lists.repositories(namespace)

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags, a hundred a request."""
        async for entry in self._api.tags(repository):
            yield entry.record(self._config.name, repository)

    def search(self, query: str, *, limit: int) -> AsyncIterator[SearchRecord]:
        """Iterate over what a query finds in names and descriptions, a hundred at most."""
        return self._lists.search(query, limit)

    def usage(self, namespace: str | None) -> AsyncIterator[UsageRecord]:
        """Iterate over what namespaces take, as far as an OAuth access token is told."""
        return self._lists.usage(namespace)

    async def delete_tag(self, repository: str, tag: str) -> bool:
        """Delete a tag alone by the API; False without an OAuth access token.

        Notes
        -----
        The registry does so by the tag's name since August 2024 (quay/quay, pull request 3128).
        """
        if await self._api.authorization() is None:
            return False
        await self._api.delete_tag(repository, tag)
        return True

    async def delete_manifest(self, repository: str, digest: Digest) -> bool:
        """Leave it to the registry, for a manifest that is there.

        Raises
        ------
        NotFoundError
        UnauthorizedError

        Notes
        -----
        Who asks for a token that allows to push makes the repository, if there is none
        (endpoints/v2/v2auth.py, ``_authorize_or_downscope_request``): so it is read first.
        """
        await self._session.fetch(self._endpoint.manifest(repository, digest, method="HEAD"))
        return False

    async def check_deletable(self, repository: str) -> bool:
        """Raise if nothing is deleted there: by the API's word, else by the registry's.

        Raises
        ------
        ForbiddenError
            If one may not write there.
        RegistryError
        """
        if await self._api.authorization() is not None:
            with suppress(*self.falls_back_on):
                rights = await self._api.rights(repository)
                if rights.can_write is not None:
                    self._check_writable(repository, rights.can_write, is_usual=rights.is_usual)
                    return True
        await self._delete_nothing(repository)
        return True

    def _check_writable(self, repository: str, can_write: bool, *, is_usual: bool) -> None:
        if can_write and is_usual:
            return
        raise ForbiddenError(
            f"{self._config.name} deletes nothing in {repository} for these credentials.",
            hint=f"{self.deletion_hint} Nothing was changed." if is_usual else _UNCHANGEABLE,
            registry=self._config.name,
            url=self._config.url,
        )

    async def _delete_nothing(self, repository: str) -> None:
        """Ask the registry to delete what is not there, in a repository that is."""
        await self._session.fetch(self._endpoint.tags(repository, 1))
        absent = Digest.of(secrets.token_bytes(32))
        request = self._endpoint.delete_manifest(repository, absent)
        try:
            await self._session.fetch(request, expected=(*DELETED, 404))
        except (ForbiddenError, RejectedError, UnsupportedError) as e:
            e.hint = self.how_to_delete(e) or e.hint
            raise


def _is_quays(challenge: Challenge) -> bool:
    try:
        realm = urlsplit(challenge.realm)
    except ValueError:
        return False
    is_place = challenge.scheme == "bearer" and realm.path == "/v2/auth"
    return is_place and realm.netloc != "" and realm.netloc.lower() == challenge.service.lower()


def _spelt(scope: str) -> str:
    return scope.removesuffix(_DELETE) + _WRITE if scope.endswith(_DELETE) else scope
