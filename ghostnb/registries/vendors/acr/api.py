"""Azure's own API of a registry, at the registry's own address and with its tokens."""

from dataclasses import replace
from urllib.parse import quote

from ghostnb.errors import RegistryError
from ghostnb.oci import Digest
from ghostnb.registries.session import Session
from ghostnb.registries.vendors.json_api import JSONAPI
from ghostnb.wire.endpoints import CATALOG_SCOPE, delete_scope
from ghostnb.wire.messages import Reply, Request

__all__ = [
    "ACRAPI",
    "PAGE_SIZE",
    "catalog_api",
    "deleting_api",
    "manifest_path",
    "reading_api",
    "repository_path",
    "tag_path",
]

PAGE_SIZE = 1000  # More is cut down to it, and 100 come where nothing is asked for.


class ACRAPI(JSONAPI):
    """Asks Azure's API for what one scope allows.

    Parameters
    ----------
    session : Session
    scope : str
        What the registry's token must allow. The session asks for it, and for what the
        registry's challenge names beside it.

    Notes
    -----
    Source: github.com/Azure/azure-rest-api-specs, containerregistry.json 2021-07-01;
    github.com/Azure/acr, docs/AAD-OAuth.md. The number of entries that a page may have is in
    github.com/Azure/acr, issue 749.
    """

    def __init__(self, session: Session, scope: str) -> None:
        super().__init__(session, f"{session.config.url}/acr/v1")
        self._scope = scope

    async def fetch(self, request: Request, expected: tuple[int, ...] = (200,)) -> Reply:
        """Send a request with the registry's token for the scope."""
        own = replace(request, scopes=(self._scope,), as_is=False)
        return await super().fetch(own, expected)

    def refusal(self, request: Request, reply: Reply) -> RegistryError:
        """Make the error for a refusal, which is in the form of registries."""
        return self.session.refusal(request, reply)


def catalog_api(session: Session) -> ACRAPI:
    """Give what lists the repositories."""
    return ACRAPI(session, CATALOG_SCOPE)


def reading_api(session: Session, repository: str) -> ACRAPI:
    """Give what reads of one repository what Azure knows of it."""
    return ACRAPI(session, f"repository:{repository}:metadata_read")


def deleting_api(session: Session, repository: str) -> ACRAPI:
    """Give what deletes in one repository."""
    return ACRAPI(session, delete_scope(repository))


def repository_path(repository: str) -> str:
    """Give a repository's path; its slashes stay, as in Azure's own command line."""
    return f"/{quote(repository)}"


def manifest_path(repository: str, digest: Digest | str) -> str:
    """Give a manifest's path."""
    return f"{repository_path(repository)}/_manifests/{quote(digest, safe='')}"


def tag_path(repository: str, tag: str) -> str:
    """Give a tag's path."""
    return f"{repository_path(repository)}/_tags/{quote(tag, safe='')}"
