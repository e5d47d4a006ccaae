"""What the agent answers: one class each, as the OpenAPI description shows it.

Times are RFC 3339, sizes are bytes as a registry stores them, and null is unknown.
"""

from ghostnb.server.answers.answer import Answer, Done, FailureAnswer, Health
from ghostnb.server.answers.containers import (
    ContainerAnswer,
    ContainerEntry,
    ContainerList,
    PortEntry,
    StatsEntry,
)
from ghostnb.server.answers.events import EventList, SubscriptionEntry, SubscriptionList, Taken
from ghostnb.server.answers.images import (
    Found,
    FoundImage,
    ImageDetails,
    LayerEntry,
    PullEnded,
    RegistryFailure,
)
from ghostnb.server.answers.jobs import JobAnswer, JobEntry, JobList, JobProgress
from ghostnb.server.answers.plans import CopyRow, Deletion, PlanRow, SyncPlanned
from ghostnb.server.answers.registries import (
    Registries,
    RegistryEntry,
    Repositories,
    TagEntry,
    Tags,
    Usage,
)

__all__ = [
    "Answer",
    "ContainerAnswer",
    "ContainerEntry",
    "ContainerList",
    "CopyRow",
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
    "PortEntry",
    "PullEnded",
    "Registries",
    "RegistryEntry",
    "RegistryFailure",
    "Repositories",
    "StatsEntry",
    "SubscriptionEntry",
    "SubscriptionList",
    "SyncPlanned",
    "TagEntry",
    "Tags",
    "Taken",
    "Usage",
]
