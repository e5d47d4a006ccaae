"""The requests of the distribution specification, built but not sent."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from ghostnb.oci import media_types
from ghostnb.wire.messages import Request

_ACCEPT_MANIFESTS = {"accept": ", ".join(media_types.ACCEPTED_MANIFESTS)}
# Blobs are named by the digest of their bytes: no coding may change them on the way.
_IDENTITY = {"accept-encoding": "identity"}
CATALOG_SCOPE = "registry:catalog:*"


def pull_scope(repository: str) -> str:
    """Give the token scope that reading a repository needs.

    Notes
    -----
    Source: distribution, "Token Scope Documentation".
    """
    return f"repository:{repository}:pull"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Builds the requests to one registry.

    Attributes
    ----------
    base_url : str
        Without a slash at its end: ``http://localhost:5000``. A registry may
        stand under a path.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Endpoints"; ``_catalog`` is of
    distribution, "Listing Repositories".
    """

    base_url: str

    @property
    def host(self) -> str:
        """Host and port, as references have them before the first slash."""
        return urlsplit(self.base_url).netloc

    def ping(self) -> Request:
        """Ask whether this is a registry (end-1)."""
        return Request("GET", f"{self.base_url}/v2/", "the ping")

    def catalog(self, page_size: int | None, last: str = "") -> Request:
        """Ask for a page of repository names."""
        url = f"{self.base_url}/v2/_catalog{_page(page_size, last)}"
        return Request("GET", url, "the list of repositories", (CATALOG_SCOPE,))

    def tags(self, repository: str, page_size: int | None, last: str = "") -> Request:
        """Ask for a page of a repository's tags (end-8)."""
        url = f"{self.base_url}/v2/{repository}/tags/list{_page(page_size, last)}"
        return Request("GET", url, f"the tags of {repository}", (pull_scope(repository),))

    def manifest(self, repository: str, locator: str, *, method: str = "GET") -> Request:
        """Ask for a manifest by tag or digest (end-3)."""
        url = f"{self.base_url}/v2/{repository}/manifests/{locator}"
        what = f"{repository}{'@' if ':' in locator else ':'}{locator}"
        return Request(method, url, what, (pull_scope(repository),), _ACCEPT_MANIFESTS)

    def blob_size(self, repository: str, digest: str) -> Request:
        """Ask for a blob's size alone (end-2)."""
        url = f"{self.base_url}/v2/{repository}/blobs/{digest}"
        what = f"the size of blob {digest} of {repository}"
        return Request("HEAD", url, what, (pull_scope(repository),), _IDENTITY)

    def referrers(self, repository: str, digest: str) -> Request:
        """Ask for what is attached to a manifest (end-12)."""
        url = f"{self.base_url}/v2/{repository}/referrers/{digest}"
        what = f"the referrers of {repository}@{digest}"
        return Request("GET", url, what, (pull_scope(repository),), _ACCEPT_MANIFESTS)

    def blob(self, repository: str, digest: str, *, first: int = 0, last: int = -1) -> Request:
        """Ask for a blob (end-2), or for its rest: the bytes from `first` to `last` inclusive.

        Where `first` is 0, the whole blob is asked for without a range.

        Notes
        -----
        A closed range: some storage services behind registries refuse open ones.
        """
        url = f"{self.base_url}/v2/{repository}/blobs/{digest}"
        headers = dict(_IDENTITY)
        if first:
            headers["range"] = f"bytes={first}-{last}"
        what = f"blob {digest} of {repository}"
        return Request("GET", url, what, (pull_scope(repository),), headers)


def _page(page_size: int | None, last: str) -> str:
    pairs = [f"n={page_size}"] if page_size else []
    pairs += [f"last={quote(last, safe='')}"] if last else []
    return f"?{'&'.join(pairs)}" if pairs else ""
