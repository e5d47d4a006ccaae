"""Azure Container Registry: its own lists, tags that go alone, and logins by Entra ID."""

from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

from ghostnb.errors import ForbiddenError, NotFoundError, RegistryError, UnauthorizedError
from ghostnb.oci import is_within
from ghostnb.registries.concurrency import for_each
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, TagRecord
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.acr.api import (
    ACRAPI,
    PAGE_SIZE,
    catalog_api,
    deleting_api,
    manifest_path,
    reading_api,
    repository_path,
    tag_path,
)
from ghostnb.registries.vendors.acr.documents import (
    Catalog,
    Child,
    ManifestEntry,
    Manifests,
    OneManifest,
    TagEntry,
    Tags,
    claims_of,
    tag_record,
)
from ghostnb.registries.vendors.acr.entra import NULL_USER, EntraLogin
from ghostnb.registries.vendors.acr.refusals import hint_for, is_locked, locked, rights_told
from ghostnb.registries.vendors.plain import Needs, Vendor
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.endpoints import DELETED, Endpoint
from ghostnb.wire.messages import Reply
from ghostnb.wire.tokens import Credentials
from ghostnb.wire.urls import origin

__all__ = ["ACR"]

_DOMAINS = (".azurecr.io", ".azurecr.cn", ".azurecr.us")
_TOKENS = "/oauth2/token"
_CORRELATION = "x-ms-correlation-request-id"
# Of so many tags the indexes are asked for before any of them is given out.
_BATCH = 100
_WORKERS = 8
# What an index names never changes; an entry has some 100 bytes an image.
_MAX_INDEXES = 10_000


class ACR(Vendor):
    """Azure Container Registry.

    Parameters
    ----------
    config : RegistryConfig
    session : Session

    Notes
    -----
    Source: github.com/Azure/azure-rest-api-specs, containerregistry.json 2021-07-01;
    github.com/Azure/acr, docs/AAD-OAuth.md; github.com/Azure/azure-sdk-for-js,
    sdk/containerregistry/container-registry/recordings.

    There is no search, and what is stored only Azure Resource Manager tells, to another login.
    """

    kind = "acr"
    title = "Azure Container Registry"
    # A manifest is deleted by its digest alone there; what a tag's name would do is not told.
    final_refusals = Vendor.falls_back_on
    needs = Needs(
        "https://myregistry.azurecr.io",
        "Optional after az login (with pip install 'ghostnb[azure]'): the name of a "
        "repository-scoped token, a service principal's client id, or the admin user's name.",
        "The token's password, the client secret, or one of the admin user's two passwords.",
        "Optional: what the names of the repositories to list begin with.",
        documents="https://learn.microsoft.com/azure/container-registry/"
        "container-registry-authentication",
    )
    deletion_hint = (
        "Azure deletes for who has the role AcrDelete (where roles are by repository: Container "
        "Registry Repository Contributor; a repository-scoped token: content/delete and "
        "metadata/write), and nothing that is locked: az acr repository show --name REGISTRY "
        "--image NAME:TAG tells."
    )

    def __init__(self, config: RegistryConfig, session: Session) -> None:
        super().__init__(config, session)
        host = config.host.partition(":")[0].lower()
        # Not where the certificate is not looked at: anybody might be there, and the sign-in
        # is good for all of its owner's registries.
        is_certain = config.url.startswith("https://") and not config.insecure
        is_certain = is_certain and config.stored_credentials
        self._entra = EntraLogin(session) if is_certain and self.is_at(host) else None
        self._indexes: dict[str, tuple[Child, ...]] = {}

    @classmethod
    def is_at(cls, host: str) -> bool:
        """Tell by a host that a registry is in Azure, in one of its clouds."""
        return any(len(host) > len(end) for end in _DOMAINS if host.endswith(end))

    @classmethod
    def has_answered(cls, headers: Mapping[str, str], challenges: tuple[Challenge, ...]) -> bool:
        """Tell a registry with a domain of its own by its token server.

        Notes
        -----
        That is Azure's, or has Azure's path, and then the answer has a header of Azure's. The
        pair is what recorded replies have in common, and is nowhere promised.
        """
        return any(
            cls._is_token_server(challenge.realm, has_header=_CORRELATION in headers)
            for challenge in challenges
            if challenge.scheme == "bearer"
        )

    @classmethod
    def _is_token_server(cls, realm: str, *, has_header: bool) -> bool:
        try:
            host, path = origin(realm)[1], urlsplit(realm).path
        except ValueError:
            return False
        return path == _TOKENS and (has_header or cls.is_at(host))

    async def credentials(self) -> Credentials | None:
        """Log in by Entra ID, if azure-identity finds a sign-in here and this is Azure's host."""
        return await self._entra.credentials() if self._entra is not None else None

    async def rights(self) -> str:
        """Say who the credentials are, and whether they may list the repositories.

        Raises
        ------
        UnauthorizedError
            If they are wrong.

        Notes
        -----
        A repository-scoped token never may, and in a registry whose roles are by repository
        it takes a role of its own ("Container Registry Repository Catalog Lister").
        """
        try:
            query = {"n": 1}
            await catalog_api(self._session).ask("GET", "/_catalog", "the repositories", query)
            lists = "may list the repositories"
        except (ForbiddenError, UnauthorizedError):
            # Or is it the password?
            await self._session.fetch(Endpoint(self._config.url).ping())
            lists = "may not list the repositories"
        return f"{self._who(await self._session.auth.credentials())}; {lists}"

    def _who(self, found: Credentials | None) -> str:
        if found is None:
            return "anonymous"
        if not found.identity_token:
            return f"user {found.username}"
        claims = claims_of(found.identity_token)
        rights = f" ({', '.join(claims.actions)})" if claims.actions else ""
        name = claims.sub or (found.username if found.username != NULL_USER else "")
        return f"{name or 'a user'} by Entra ID{rights}"

    def hint(self, error: RegistryError) -> str:
        """Say which role, token or setting of Azure's a refusal asks for."""
        return hint_for(error, has_entra=self._entra is not None)

    def rewritten(self, reply: Reply) -> Reply:
        """Give what is refused for want of a right as that, and name the right."""
        return rights_told(reply, is_known=self._session.auth.has_credentials)

    def refined(self, error: RegistryError) -> RegistryError:
        """Give the error for what went wrong: what is locked is not unsupported."""
        return locked(error) if is_locked(error) else super().refined(error)

    async def repositories(self, namespace: str | None) -> AsyncIterator[RepositoryRecord]:
        """Iterate over the repositories' names, a thousand a request.

        Notes
        -----
        Source: containerregistry.json 2021-07-01, ``/acr/v1/_catalog``. Nothing but names: what
        else Azure knows of a repository would cost a request and a token for each.
        """
        seen: set[str] = set()
        pages = catalog_api(self._session).linked(
            "/_catalog", Catalog, "the repositories", {"n": PAGE_SIZE}
        )
        async for page in pages:
            for name in page.repositories or ():
                is_wanted = is_within(name, namespace)
                if is_wanted and name not in seen:
                    seen.add(name)
                    yield RepositoryRecord(self._config.name, name)

    async def tag_details(self, repository: str) -> AsyncIterator[TagRecord]:
        """Iterate over a repository's tags, by its lists of tags and of manifests.

        Notes
        -----
        Source: containerregistry.json 2021-07-01, ``/acr/v1/{name}/_manifests`` and ``_tags``:
        a thousand entries a request, the images that an index names among the manifests.
        Which those are is told by each index alone: that costs a request for each index that
        was not met before.
        """
        api = reading_api(self._session, repository)
        path, query = repository_path(repository), {"n": PAGE_SIZE}
        what = f"the manifests of {repository}"
        manifests: dict[str, ManifestEntry] = {}
        async for listed in api.linked(f"{path}/_manifests", Manifests, what, query):
            manifests.update((entry.digest, entry) for entry in listed.manifests or ())
        seen: set[str] = set()
        async for page in api.linked(f"{path}/_tags", Tags, f"the tags of {repository}", query):
            tags = [tag for tag in page.tags or () if tag.name not in seen]
            for start in range(0, len(tags), _BATCH):
                batch = [tag for tag in tags[start : start + _BATCH] if tag.name not in seen]
                children = await self._children(api, repository, batch, manifests)
                for tag in batch:
                    if tag.name not in seen:
                        seen.add(tag.name)
                        named = children.get(tag.digest, ())
                        yield tag_record(self._config.name, repository, tag, manifests, named)

    async def _children(
        self,
        api: ACRAPI,
        repository: str,
        tags: list[TagEntry],
        manifests: dict[str, ManifestEntry],
    ) -> dict[str, tuple[Child, ...]]:
        """Give what the indexes among the tags' manifests name.

        What the list of manifests has left out, since it came meanwhile, is asked for, too.
        """

        async def read(digest: str) -> None:
            try:
                what = f"{repository}@{digest}"
                found = await api.read(manifest_path(repository, digest), OneManifest, what)
            except NotFoundError:
                return  # it is gone meanwhile: its tag keeps its name
            entry = manifests[digest] = found.manifest
            if entry.is_index:
                self._keep(digest, tuple(entry.references or ()))

        digests = dict.fromkeys(tag.digest for tag in tags)
        unread = [one for one in digests if one not in manifests or self._is_unread(manifests[one])]
        await for_each(read, unread, workers=_WORKERS)
        return {one: self._indexes[one] for one in digests if one in self._indexes}

    def _is_unread(self, entry: ManifestEntry) -> bool:
        return entry.is_index and entry.digest not in self._indexes

    def _keep(self, digest: str, children: tuple[Child, ...]) -> None:
        self._indexes[digest] = children
        # The oldest goes, unless it was met just now: that many are not in one batch.
        while len(self._indexes) > _MAX_INDEXES:
            del self._indexes[next(iter(self._indexes))]

    async def delete_tag(self, repository: str, tag: str) -> bool:
        """Delete a tag alone; its manifest stays, untagged.

        Notes
        -----
        Source: containerregistry.json 2021-07-01, ``/acr/v1/{name}/_tags/{reference}``.
        """
        api, what = deleting_api(self._session, repository), f"the deletion of {repository}:{tag}"
        await api.ask("DELETE", tag_path(repository, tag), what, expected=DELETED)
        return True
