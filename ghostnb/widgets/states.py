"""In what state a panel is: what its place says while there is nothing else to show."""

from typing import Any, Literal

import humanize

from ghostnb.progress import Progress

__all__ = ["StateKind", "reading", "state"]

StateKind = Literal["ready", "empty", "loading", "error", "partial"]


def state(
    kind: StateKind, text: str = "", hint: str = "", *, retry: bool = False
) -> dict[str, Any]:
    """Give a state as the browser has it.

    Parameters
    ----------
    kind : str
        ``ready``, ``empty``, ``loading``, ``partial`` or ``error``.
    text, hint : str, optional
        What is so, and what to do about it.
    retry : bool, optional
        Offer another attempt.
    """
    return {"kind": kind, "text": text, "hint": hint, "retry": retry}


def reading(step: Progress) -> str:
    """Say how far the reading of layers is."""
    done, total = map(humanize.naturalsize, (step.overall_current_bytes, step.overall_total_bytes))
    return f"Reading the layers: {done} of {total} …"
