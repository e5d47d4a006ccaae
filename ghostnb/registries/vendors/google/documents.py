"""What Google's registry and its API answer, and the records that it makes."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from ghostnb.oci.media_types import INDEXES
from ghostnb.registries.records import RepositoryRecord, TagRecord, UsageRecord
from ghostnb.registries.vendors.google.places import Place

__all__ = [
    "DescribedManifest",
    "DescribedTags",
    "Names",
    "PackagePage",
    "Permissions",
    "Repository",
    "RepositoryPage",
    "TagPage",
    "VersionPage",
]

# The API writes 64-bit numbers as texts; Artifact Registry writes some as numbers all the same.
Count = int | str | None
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class DescribedManifest(msgspec.Struct, rename="camel"):
    """A manifest in the registry's own list of tags.

    Notes
    -----
    Source: github.com/google/go-containerregistry, pkg/v1/google/list.go, ``ManifestInfo``.
    """

    tag: list[str] = []
    image_size_bytes: Count = None
    media_type: str = ""
    time_created_ms: Count = None

    def record(self, registry: str, repository: str, tag: str, digest: str) -> TagRecord:
        """Give a tag of it as a record.

        Notes
        -----
        What ``imageSizeBytes`` of an index means is not documented: it is left out. A zero means
        that nothing is known (github.com/marekaf/gcr-lifecycle-policy, issue 6).
        """
        size_bytes = None if self.media_type in INDEXES else _number(self.image_size_bytes)
        return TagRecord(
            registry,
            repository,
            tag,
            digest=digest,
            media_type=self.media_type or None,
            size_bytes=size_bytes,
            created=_moment(self.time_created_ms),
        )


class DescribedTags(msgspec.Struct):
    """The registry's own list of tags, with what they lead to.

    Notes
    -----
    Source: as `DescribedManifest`, ``Tags``. ``manifest`` has untagged ones, too; ``child`` are
    repositories below, whose tags are not here.
    """

    tags: list[str] | None = None
    manifest: dict[str, DescribedManifest] | None = None
    next: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All tags of the page."""
        return tuple(self.tags or ())

    @property
    def count(self) -> int:
        """How many tags or manifests the page has, whichever are more: both are limited."""
        return max(len(self.names), len(self.manifest or ()))

    def by_tag(self) -> dict[str, tuple[str, DescribedManifest]]:
        """Give what each tag leads to, by digest."""
        return {tag: found for found in (self.manifest or {}).items() for tag in found[1].tag}


class Names(msgspec.Struct):
    """A page of the catalog; Container Registry put the next one's address into it.

    Notes
    -----
    Source: github.com/vmware-tanzu/kubeapps, design notes on OCI catalogs;
    github.com/hytromo/faulty-crane, internal/containerregistry.
    """

    repositories: list[str]
    next: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All repositories of the page."""
        return tuple(self.repositories)


class DockerConfig(msgspec.Struct, rename="camel"):
    """What holds for a repository's images."""

    immutable_tags: bool = False


class Repository(msgspec.Struct, rename="camel"):
    """A repository of Artifact Registry.

    Notes
    -----
    Source: github.com/googleapis/googleapis, google/devtools/artifactregistry/v1/repository.proto,
    ``Repository``.
    """

    name: str
    format: str = ""
    size_bytes: Count = None
    docker_config: DockerConfig | None = None

    @property
    def has_images(self) -> bool:
        """True if it is one of container images."""
        return self.format == "DOCKER"

    def usage(self, registry: str, place: Place) -> UsageRecord:
        """Give what it takes; how much it may take, Google does not say."""
        namespace = place.within(self.name).prefix.rstrip("/")
        stored = _number(self.size_bytes, zero=0)
        return UsageRecord(registry, namespace, stored_bytes=stored)


class RepositoryPage(msgspec.Struct, rename="camel"):
    """A page of a project's repositories; an empty list is left out."""

    repositories: list[Repository] = []
    next_page_token: str = ""


class Package(msgspec.Struct, rename="camel"):
    """An image's name, with all its versions.

    Notes
    -----
    Source: as `Repository`, package.proto, ``Package``.
    """

    name: str
    update_time: str | None = None

    def record(self, registry: str, place: Place) -> RepositoryRecord | None:
        """Give it as a record; None if it is not in that place."""
        found = place.within(self.name)
        if not found.package or not place.holds(found.package):
            return None
        name = f"{found.prefix}{found.package}"
        return RepositoryRecord(registry, name, updated=self.update_time)


class PackagePage(msgspec.Struct, rename="camel"):
    """A page of a repository's packages."""

    packages: list[Package] = []
    next_page_token: str = ""


class Tag(msgspec.Struct):
    """A tag in the API: its name, and that of the version it leads to.

    Notes
    -----
    Source: as `Repository`, tag.proto, ``Tag``.
    """

    name: str
    version: str = ""

    @property
    def tag(self) -> str:
        """The tag itself."""
        return self.name.rpartition("/tags/")[2]

    @property
    def digest(self) -> str:
        """What it leads to."""
        return self.version.rpartition("/versions/")[2]


class TagPage(msgspec.Struct, rename="camel"):
    """A page of a package's tags."""

    tags: list[Tag] = []
    next_page_token: str = ""


class Metadata(msgspec.Struct, rename="camel"):
    """What is told of a version that is an image: the fields of ``DockerImage``."""

    image_size_bytes: Count = None
    media_type: str = ""
    build_time: str | None = None


class Version(msgspec.Struct, rename="camel"):
    """An image, by its digest, with at most a hundred of its tags.

    Notes
    -----
    Source: as `Repository`, version.proto, ``Version``.
    """

    name: str
    related_tags: list[Tag] = []
    metadata: Metadata | None = None

    def records(self, registry: str, repository: str) -> Iterator[TagRecord]:
        """Give its tags as records."""
        told = self.metadata or Metadata()
        size_bytes = None if told.media_type in INDEXES else _number(told.image_size_bytes)
        for tag in self.related_tags:
            yield TagRecord(
                registry,
                repository,
                tag.tag,
                digest=self.name.rpartition("/versions/")[2] or None,
                media_type=told.media_type or None,
                size_bytes=size_bytes,
                created=told.build_time,
            )


class VersionPage(msgspec.Struct, rename="camel"):
    """A page of a package's versions."""

    versions: list[Version] = []
    next_page_token: str = ""


class Permissions(msgspec.Struct):
    """Those that one has, of those that were asked for.

    Notes
    -----
    Source: REST reference, ``repositories.testIamPermissions``; with none it is left out.
    """

    permissions: list[str] = []


def _number(told: Count, *, zero: int | None = None) -> int | None:
    """Read a number that may be a text; what cannot be is unknown, and so may zero be."""
    if isinstance(told, str):
        told = int(told) if told.isdecimal() and len(told) < 20 else None
    return told or (zero if told == 0 else None)


def _moment(milliseconds: Count) -> str | None:
    """Give a moment in RFC 3339; a zero stands for none, and so does the year 1 (Go's zero)."""
    number = _number(milliseconds)
    if number is None or number < 0:
        return None
    try:
        moment = _EPOCH + timedelta(milliseconds=number)
    except OverflowError:
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
