"""What the agent answers: one class each, as the OpenAPI description shows it.

Times are RFC 3339, sizes are bytes as a registry stores them, and null is unknown.
"""

from typing import Any

import msgspec

from ghostnb.registries.images import Image
from ghostnb.registries.records import RepositoryRecord, SearchRecord
from ghostnb.wire.events import Event

__all__ = [
    "Answer",
    "Deletion",
    "Done",
    "EventList",
    "FailureAnswer",
    "Found",
    "FoundImage",
    "Health",
    "ImageDetails",
    "JobAnswer",
    "JobEntry",
    "JobList",
    "JobProgress",
    "LayerEntry",
    "PlanRow",
    "PullEnded",
    "Registries",
    "RegistryEntry",
    "RegistryFailure",
    "Repositories",
    "SubscriptionEntry",
    "SubscriptionList",
    "Tags",
    "Taken",
]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Something answered."""


class FailureAnswer(Answer, frozen=True, kw_only=True):
    """What is wrong, for people and (`code`) for programs."""

    success: bool = False
    message: str
    code: str


class Done(Answer, frozen=True, kw_only=True):
    """It is done."""

    success: bool = True
    message: str


class Health(Answer, frozen=True, kw_only=True):
    """The agent answers."""

    status: str
    service: str
    timestamp: str
    version: str


class RegistryEntry(Answer, frozen=True, kw_only=True):
    """A registry, without its credentials; `status` is ``ok``, or what is wrong."""

    name: str
    url: str
    has_auth: bool
    insecure: bool
    kind: str
    status: str | None


class Registries(Answer, frozen=True, kw_only=True):
    """The registries, in the order of the configuration."""

    registries: list[RegistryEntry]


class Repositories(Answer, frozen=True, kw_only=True):
    """A part of a registry's repositories, sorted; `details` has what is known of each."""

    repositories: list[str]
    details: list[RepositoryRecord]


class Tags(Answer, frozen=True, kw_only=True):
    """A part of a repository's tags, sorted."""

    name: str
    tags: list[str]


class LayerEntry(Answer, frozen=True, kw_only=True):
    """A layer."""

    digest: str
    size: int
    media_type: str
    created_by: str | None


class ImageDetails(Answer, frozen=True, kw_only=True):
    """An image of one platform."""

    repository: str
    tag: str
    digest: str
    size: int
    created: str | None
    author: str | None
    layers: list[LayerEntry]
    platform: str | None
    platforms: list[str]

    @classmethod
    def of(cls, image: Image) -> "ImageDetails":
        """Tell an image."""
        layers = [
            LayerEntry(
                digest=str(layer.digest),
                size=layer.size_bytes,
                media_type=layer.media_type,
                created_by=layer.created_by,
            )
            for layer in image.layers
        ]
        return cls(
            repository=image.repository,
            tag=image.tag,
            digest=str(image.digest),
            size=image.size_bytes,
            created=image.created,
            author=image.author,
            layers=layers,
            platform=image.platform,
            platforms=list(image.platforms),
        )


class PlanRow(Answer, frozen=True, kw_only=True):
    """What happens, or has happened, to one tag or manifest."""

    action: str
    tag: str | None
    digest: str | None
    reason: str | None
    bytes_freed: int
    outcome: str


class Deletion(Answer, frozen=True, kw_only=True):
    """What a deletion does, or did: `bytes_freed` is what garbage collection frees by it."""

    success: bool = True
    message: str
    dry_run: bool
    bytes_freed: int
    notes: list[str]
    plan: list[PlanRow]


class FoundImage(Answer, frozen=True, kw_only=True):
    """Something that a search found."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    size: int | None
    created: str | None
    description: str | None
    pull_count: int | None
    star_count: int | None
    official: bool | None

    @classmethod
    def of(cls, found: SearchRecord) -> "FoundImage":
        """Tell what was found."""
        names = (name for name in cls.__struct_fields__ if name != "size")
        return cls(size=found.size_bytes, **{name: getattr(found, name) for name in names})


class RegistryFailure(Answer, frozen=True, kw_only=True):
    """A registry that could not be asked, or something there that could not be read."""

    registry: str
    repository: str
    tag: str
    message: str


class Found(Answer, frozen=True, kw_only=True):
    """What a search found, and what failed meanwhile."""

    images: list[FoundImage]
    errors: list[RegistryFailure]


class JobProgress(Answer, frozen=True, kw_only=True):
    """How far a job has come; bytes where it moves some, else steps."""

    current: int = 0
    total: int | None = None
    unit: str = "bytes"
    status: str = ""


class JobEntry(Answer, frozen=True, kw_only=True):
    """Work that takes its time.

    `state` is ``waiting``, ``running``, ``done``, ``failed``, ``cancelled``, or ``interrupted``
    for what the agent's end broke off.
    """

    id: str
    kind: str
    title: str
    state: str
    actor: str | None
    created: str
    started: str | None = None
    ended: str | None = None
    progress: JobProgress = JobProgress()
    message: str = ""
    code: str | None = None
    result: dict[str, Any] | None = None


class JobAnswer(Answer, frozen=True, kw_only=True):
    """A job."""

    job: JobEntry


class JobList(Answer, frozen=True, kw_only=True):
    """Jobs, the newest first."""

    jobs: list[JobEntry]


class EventList(Answer, frozen=True, kw_only=True):
    """What happened, the newest first."""

    events: list[Event]


class SubscriptionEntry(Answer, frozen=True, kw_only=True):
    """Who is sent what happens, and how that goes; `secret` is told once, where it was made."""

    id: str
    url: str
    actions: list[str]
    registries: list[str]
    created: str
    delivered: int
    failed: int
    dropped: int
    waiting: int
    last_error: str
    disabled: bool
    secret: str | None = None


class SubscriptionList(Answer, frozen=True, kw_only=True):
    """Who is sent what happens."""

    subscriptions: list[SubscriptionEntry]


class Taken(Answer, frozen=True, kw_only=True):
    """How many events of a delivery were new."""

    success: bool = True
    new: int


class PullEnded(Answer, frozen=True, kw_only=True):
    """An image that the daemon has now."""

    success: bool = True
    message: str
    job: str
