"""What would be done, and what was."""

from ghostnb.server.answers.answer import Answer
from ghostnb.server.answers.images import RegistryFailure

__all__ = ["CopyRow", "Deletion", "PlanRow", "SyncPlanned"]


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


class CopyRow(Answer, frozen=True, kw_only=True):
    """What a sync does to one tag: `action` is copy, update, repair or delete.

    `target_digest` is what the tag leads to now.
    """

    action: str
    repository: str | None
    tag: str | None
    digest: str | None
    target_repository: str
    target_tag: str | None
    target_digest: str | None
    bytes_moved: int | None
    reason: str | None


class SyncPlanned(Answer, frozen=True, kw_only=True):
    """What a sync would do, and what could not be read."""

    success: bool = True
    message: str
    dry_run: bool = True
    bytes_moved: int
    notes: list[str]
    rows: list[CopyRow]
    errors: list[RegistryFailure]
