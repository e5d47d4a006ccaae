"""In what state a panel is: what its place says while there is nothing else to show."""

from typing import Any, Literal

__all__ = ["StateKind", "state"]

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
