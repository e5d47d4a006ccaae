"""What would be done, and what was."""

from ghostnb.server.answers.answer import Answer

__all__ = ["Deletion", "PlanRow"]


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
