"""What Amazon's APIs answer, as boto3 gives it, and the records that it makes."""

import base64
import binascii
from datetime import UTC, datetime

import msgspec

from ghostnb.oci.media_types import INDEXES
from ghostnb.registries.records import RepositoryRecord, TagRecord
from ghostnb.wire.tokens import Credentials

__all__ = [
    "Authorization",
    "Deletion",
    "Identity",
    "Image",
    "ImagePage",
    "PublicAuthorization",
    "PublicRegistries",
    "RepositoryEntry",
    "RepositoryPage",
]


class RepositoryEntry(msgspec.Struct, rename="camel"):
    """A repository.

    Notes
    -----
    Source: Amazon ECR API Reference and Amazon ECR Public API Reference, ``Repository``.
    """

    repository_name: str
    repository_uri: str = ""

    def record(self, registry: str) -> RepositoryRecord:
        """Give a private repository as a record; the API tells when it was made, nothing more."""
        return RepositoryRecord(registry, self.repository_name)


class RepositoryPage(msgspec.Struct, rename="camel"):
    """A page of repositories.

    Notes
    -----
    Source: Amazon ECR API Reference, ``DescribeRepositories``.
    """

    repositories: list[RepositoryEntry]
    next_token: str | None = None


class Image(msgspec.Struct, rename="camel"):
    """An image: a digest with its tags.

    Notes
    -----
    Source: Amazon ECR API Reference, ``ImageDetail``. No member is required there.
    """

    image_digest: str
    image_tags: list[str] | None = None
    image_size_in_bytes: int | None = None
    image_manifest_media_type: str | None = None
    last_recorded_pull_time: datetime | None = None

    def record(self, registry: str, repository: str, tag: str) -> TagRecord:
        """Give one of its tags as a record.

        Notes
        -----
        `size_bytes` is told of single images alone: an index has "the max size of all
        manifests in the list" there. `created` stays unknown: when an image was pushed
        says nothing about when it was made. The time of the last pull is up to a day old.
        """
        media_type = self.image_manifest_media_type or None
        is_single = media_type is not None and media_type not in INDEXES
        return TagRecord(
            registry,
            repository,
            tag,
            digest=self.image_digest,
            media_type=media_type,
            size_bytes=self.image_size_in_bytes if is_single else None,
            last_pulled=_rfc3339(self.last_recorded_pull_time),
        )


class ImagePage(msgspec.Struct, rename="camel"):
    """A page of images.

    Notes
    -----
    Source: Amazon ECR API Reference, ``DescribeImages``.
    """

    image_details: list[Image]
    next_token: str | None = None


class ImageIdentifier(msgspec.Struct, rename="camel"):
    """A digest, a tag, or both."""

    image_digest: str = ""
    image_tag: str = ""


class Failure(msgspec.Struct, rename="camel"):
    """Why an image was not deleted.

    Notes
    -----
    Source: Amazon ECR API Reference, ``ImageFailure``.
    """

    failure_code: str = ""
    failure_reason: str = ""


class Deletion(msgspec.Struct, rename="camel"):
    """What came of a deletion: it is answered with 200 though it failed.

    Notes
    -----
    Source: Amazon ECR API Reference, ``BatchDeleteImage``.
    """

    image_ids: list[ImageIdentifier] = []
    failures: list[Failure] = []


class AuthorizationData(msgspec.Struct, rename="camel"):
    """A password for the registry, and its end."""

    authorization_token: str
    expires_at: datetime

    def credentials(self) -> Credentials | None:
        """Read what ``docker login`` would be given; None if it cannot be read."""
        try:
            pair = base64.b64decode(self.authorization_token, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError):
            return None
        username, _, password = pair.partition(":")
        return Credentials(username, password) if username and password else None


class Authorization(msgspec.Struct, rename="camel"):
    """A private registry's answer.

    Notes
    -----
    Source: Amazon ECR API Reference, ``GetAuthorizationToken``: a list of one.
    """

    authorization_data: list[AuthorizationData]


class PublicAuthorization(msgspec.Struct, rename="camel"):
    """The public registry's answer.

    Notes
    -----
    Source: Amazon ECR Public API Reference, ``GetAuthorizationToken``: no list.
    """

    authorization_data: AuthorizationData


class Identity(msgspec.Struct, rename="pascal"):
    """Whose the AWS credentials are.

    Notes
    -----
    Source: AWS Security Token Service API Reference, ``GetCallerIdentity``.
    """

    account: str
    arn: str


class Alias(msgspec.Struct):
    """A name of a public registry: what its repositories' names begin with."""

    name: str


class PublicRegistry(msgspec.Struct):
    """A registry of one's own in Amazon ECR Public."""

    aliases: list[Alias] = []


class PublicRegistries(msgspec.Struct, rename="camel"):
    """The registries of one's own in Amazon ECR Public.

    Notes
    -----
    Source: Amazon ECR Public API Reference, ``DescribeRegistries``.
    """

    registries: list[PublicRegistry]
    next_token: str | None = None


def _rfc3339(moment: datetime | None) -> str | None:
    """Write a moment as RFC 3339; boto3 gives the zone of this machine."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
