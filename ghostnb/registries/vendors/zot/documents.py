"""What zot's own API answers, and the records that it makes.

Notes
-----
Source: github.com/project-zot/zot, ``pkg/extensions/search/schema.graphql``, where every field
may be null unless it says otherwise; sizes are decimal texts there.
"""

from typing import Annotated, Any, Generic, TypeVar

import msgspec

from ghostnb.oci import Platform
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord

__all__ = ["Answer", "Found", "Image", "Management", "Page", "Repository", "Search"]

Entry = TypeVar("Entry")
Data = TypeVar("Data")

Bytes = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,18}$")]
# Go's zero time: nobody knows when.
_NEVER = "0001-01-01T00:00:00Z"


class Problem(msgspec.Struct):
    """Why a query was not answered."""

    message: str = ""


class Answer(msgspec.Struct, Generic[Data]):
    """An answer to a GraphQL query: what was asked for by its name, or what went wrong.

    Notes
    -----
    Source: GraphQL specification, "Response Format".
    """

    data: dict[str, Data] | None = None
    errors: list[Problem] | None = None


class Found(msgspec.Struct, rename="pascal"):
    """How many entries a list has on all pages; schema ``PageInfo``."""

    total_count: int


class Page(msgspec.Struct, Generic[Entry], rename="pascal"):
    """A page of a list; schemas ``PaginatedReposResult`` and ``PaginatedImagesResult``."""

    results: list[Entry]
    page: Found | None = None


class ImagePlatform(msgspec.Struct, rename="pascal"):
    """What an image runs on, the variant beside the architecture; schema ``Platform``."""

    os: str | None = None
    arch: str | None = None

    @property
    def text(self) -> str:
        """As ``os/architecture[/variant]``; empty if a half is not told."""
        return f"{self.os}/{self.arch}" if self.os and self.arch else ""


class Layer(msgspec.Struct, rename="pascal"):
    """A layer; schema ``LayerSummary``."""

    size: Bytes | None = None
    digest: str | None = None


class ImageManifest(msgspec.Struct, rename="pascal"):
    """An image of a tag: of an index, the one for a platform; schema ``ManifestSummary``."""

    last_updated: str | None = None
    platform: ImagePlatform | None = None
    layers: list[Layer] | None = None

    @property
    def is_attestation(self) -> bool:
        """True for what BuildKit puts into an index beside the images."""
        found = self.platform or ImagePlatform()
        return Platform(found.arch or "", found.os or "").is_unknown


class Image(msgspec.Struct, rename="pascal"):
    """What a tag leads to; schema ``ImageSummary``."""

    repo_name: str | None = None
    tag: str | None = None
    digest: str | None = None
    media_type: str | None = None
    size: Bytes | None = None
    last_updated: str | None = None
    last_pull_timestamp: str | None = None
    description: str | None = None
    download_count: int | None = None
    manifests: list[ImageManifest] | None = None

    @property
    def images(self) -> list[ImageManifest]:
        """The images, attestations set apart."""
        return [one for one in self.manifests or () if not one.is_attestation]

    @property
    def size_bytes(self) -> int | None:
        """Each layer once; where layers are not told, zot's own sum, with manifests and configs."""
        layers = [layer for image in self.images for layer in image.layers or ()]
        sizes = {layer.digest: layer.size for layer in layers}
        if sizes and all(sizes.values()):
            return sum(int(size or 0) for size in sizes.values())
        return int(self.size) if self.size else None

    @property
    def created(self) -> str | None:
        """When the first image was built."""
        told = (known(one.last_updated) for one in self.images)
        return next(filter(None, told), None) or known(self.last_updated)

    @property
    def platforms(self) -> tuple[str, ...] | None:
        """One text for each platform."""
        texts = (one.platform.text for one in self.images if one.platform is not None)
        return tuple(dict.fromkeys(filter(None, texts))) or None

    def tag_record(self, registry: str, repository: str) -> TagRecord:
        """Give the tag as a record.

        Notes
        -----
        Source: ``pkg/extensions/search/convert/metadb.go``: an index is an OCI index there,
        though it be a Docker manifest list, and nobody knows when it was last pulled.
        """
        return TagRecord(
            registry,
            repository,
            self.tag or "",
            digest=self.digest or None,
            media_type=self.media_type or None,
            size_bytes=self.size_bytes,
            created=self.created,
            platforms=self.platforms,
            last_pulled=known(self.last_pull_timestamp),
        )

    def search_record(self, registry: str) -> SearchRecord:
        """Give a tag that a search found."""
        return SearchRecord(
            registry,
            self.repo_name or "",
            tag=self.tag,
            digest=self.digest or None,
            size_bytes=self.size_bytes,
            created=self.created,
            description=self.description or None,
            pull_count=self.download_count,
        )


class Repository(msgspec.Struct, rename="pascal"):
    """A repository; schema ``RepoSummary``."""

    name: str | None = None
    last_updated: str | None = None
    size: Bytes | None = None
    download_count: int | None = None
    star_count: int | None = None
    newest_image: Image | None = None

    @property
    def size_bytes(self) -> int | None:
        """What its blobs take, each counted once in it."""
        return int(self.size) if self.size else None

    def record(self, registry: str) -> RepositoryRecord:
        """Give the repository as a record; it is its newest image that describes it."""
        newest = self.newest_image or Image()
        return RepositoryRecord(
            registry,
            self.name or "",
            description=newest.description or None,
            pull_count=self.download_count,
            star_count=self.star_count,
            updated=known(self.last_updated),
        )

    def search_record(self, registry: str) -> SearchRecord:
        """Give a repository that a search found, with its newest image."""
        newest = self.newest_image or Image()
        return SearchRecord(
            registry,
            self.name or "",
            tag=newest.tag or None,
            digest=newest.digest or None,
            size_bytes=newest.size_bytes,
            created=newest.created,
            description=newest.description or None,
            pull_count=self.download_count,
            star_count=self.star_count,
        )


class Search(msgspec.Struct, rename="pascal"):
    """What a search found; schema ``GlobalSearchResult``. The query's form says which of them."""

    repos: list[Repository] | None = None
    images: list[Image] | None = None


class Logins(msgspec.Struct):
    """How one may log in; ``pkg/extensions/extension_mgmt.go``, ``Auth``."""

    htpasswd: dict[str, Any] | None = None
    bearer: dict[str, Any] | None = None
    openid: dict[str, Any] | None = None
    apikey: bool | None = None

    @property
    def ways(self) -> list[str]:
        """In words."""
        by_password = "a user name and a password" if self.htpasswd is not None else ""
        by_key = "an API key" if self.apikey else ""
        by_token = "a token server" if self.bearer is not None else ""
        by_browser = "OpenID in a browser" if self.openid is not None else ""
        return [way for way in (by_password, by_key, by_token, by_browser) if way]


class Settings(msgspec.Struct):
    """What is told of zot's configuration; ``pkg/extensions/extension_mgmt.go``, ``HTTP``."""

    auth: Logins | None = None


class Management(msgspec.Struct):
    """What zot tells everybody of itself; ``pkg/extensions/extension_mgmt.go``."""

    http: Settings | None = None

    @property
    def ways(self) -> list[str]:
        """How one may log in; empty if it knows no users."""
        found = self.http or Settings()
        return (found.auth or Logins()).ways


def known(moment: str | None) -> str | None:
    """Give a moment; None for none."""
    return None if moment in (None, "", _NEVER) else moment
