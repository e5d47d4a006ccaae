"""The requests of the distribution specification, built but not sent."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from ghostnb.oci import media_types
from ghostnb.wire.messages import Content, Request

_ACCEPT_MANIFESTS = {"accept": ", ".join(media_types.ACCEPTED_MANIFESTS)}
# Blobs are named by the digest of their bytes: no coding may change them on the way.
_IDENTITY = {"accept-encoding": "identity"}
DELETED = (202, 200, 204)
"""The statuses of a deletion that was done: the specification's first."""
CATALOG_SCOPE = "registry:catalog:*"


def pull_scope(repository: str) -> str:
    """Give the token scope that reading a repository needs.

    Notes
    -----
    Source: distribution, "Token Scope Documentation".
    """
    return f"repository:{repository}:pull"


def push_scope(repository: str) -> str:
    """Give the token scope that writing to a repository needs."""
    return f"repository:{repository}:pull,push"


def delete_scope(repository: str) -> str:
    """Give the token scope that deleting from a repository needs."""
    return f"repository:{repository}:delete"


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
        return Request("HEAD", url, what, (pull_scope(repository),), _IDENTITY, is_blob=True)

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
        return Request("GET", url, what, (pull_scope(repository),), headers, is_blob=True)

    def begin_upload(self, repository: str) -> Request:
        """Ask for a place to upload a blob to (end-4a)."""
        url = f"{self.base_url}/v2/{repository}/blobs/uploads/"
        return Request("POST", url, f"an upload to {repository}", (push_scope(repository),))

    def mount(self, repository: str, digest: str, source: str) -> Request:
        """Ask for a blob of another repository (end-11)."""
        query = f"?mount={digest}&from={quote(source, safe='')}"
        url = f"{self.base_url}/v2/{repository}/blobs/uploads/{query}"
        scopes = (push_scope(repository), pull_scope(source))
        return Request("POST", url, f"blob {digest} of {source} for {repository}", scopes)

    def upload_status(self, repository: str, location: str) -> Request:
        """Ask how far an upload has come (end-13)."""
        what = f"the state of an upload to {repository}"
        return Request("GET", location, what, (push_scope(repository),))

    def append_upload(
        self, repository: str, location: str, first: int, last: int, content: Content
    ) -> Request:
        """Send the bytes from `first` to `last` inclusive (end-5).

        Notes
        -----
        The range stands without its unit, unlike RFC 9110's: "Pushing a blob in chunks".
        """
        headers = {**_octets(last - first + 1), "content-range": f"{first}-{last}"}
        what = f"the rest of an upload to {repository}"
        return Request("PATCH", location, what, (push_scope(repository),), headers, content=content)

    def finish_upload(
        self,
        repository: str,
        location: str,
        digest: str,
        size_bytes: int = 0,
        content: Content | None = None,
    ) -> Request:
        """Make a blob of an upload, perhaps with all of its bytes (end-6)."""
        # A location's own query is the registry's, and is kept as it is.
        url = f"{location}{'&' if urlsplit(location).query else '?'}digest={quote(digest)}"
        what = f"blob {digest} for {repository}"
        scopes, headers = (push_scope(repository),), _octets(size_bytes)
        return Request("PUT", url, what, scopes, headers, content=content)

    def cancel_upload(self, repository: str, location: str) -> Request:
        """Give an upload up."""
        what = f"the end of an upload to {repository}"
        return Request("DELETE", location, what, (push_scope(repository),))

    def push_manifest(self, repository: str, locator: str, raw: bytes, media_type: str) -> Request:
        """Send a manifest for a tag or under its digest (end-7)."""
        url = f"{self.base_url}/v2/{repository}/manifests/{locator}"
        what = f"the manifest of {repository}{'@' if ':' in locator else ':'}{locator}"
        headers = {"content-type": media_type}
        return Request("PUT", url, what, (push_scope(repository),), headers, raw)

    def delete_manifest(self, repository: str, locator: str) -> Request:
        """Ask for a tag's or a manifest's end (end-9)."""
        url = f"{self.base_url}/v2/{repository}/manifests/{locator}"
        what = f"the deletion of {repository}{'@' if ':' in locator else ':'}{locator}"
        return Request("DELETE", url, what, (delete_scope(repository),))

    def delete_blob(self, repository: str, digest: str) -> Request:
        """Ask for a blob's end (end-10)."""
        url = f"{self.base_url}/v2/{repository}/blobs/{digest}"
        what = f"the deletion of blob {digest} of {repository}"
        return Request("DELETE", url, what, (delete_scope(repository),))


def _octets(size_bytes: int) -> dict[str, str]:
    return {"content-type": "application/octet-stream", "content-length": str(size_bytes)}


def _page(page_size: int | None, last: str) -> str:
    pairs = [f"n={page_size}"] if page_size else []
    pairs += [f"last={quote(last, safe='')}"] if last else []
    return f"?{'&'.join(pairs)}" if pairs else ""
