"""One value that says how far a transfer has come."""

from dataclasses import dataclass

__all__ = ["Progress"]


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of a pull, push, copy or other transfer.

    Attributes
    ----------
    item : str
        What moves: a layer's short id or a blob's digest; empty for the whole.
    status : str
        What is happening to it, in the source's words ("Downloading").
    current_bytes, total_bytes : int or None
        How much of the item is done and how much there is; None if unknown.
    overall_current_bytes, overall_total_bytes : int
        The same summed over all items whose size is known so far.
    done : bool
        True for an item (or, with an empty `item`, the whole) that is finished.
    """

    item: str
    status: str
    current_bytes: int | None = None
    total_bytes: int | None = None
    overall_current_bytes: int = 0
    overall_total_bytes: int = 0
    done: bool = False
