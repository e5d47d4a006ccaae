"""What can be done: a button's name and label, and whether it asks first."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Action", "changed", "shown"]


@dataclass(frozen=True, slots=True)
class Action:
    """A button, and what its press is called when it is told.

    Attributes
    ----------
    name, label : str
    enabled : bool
    reason : str
        Why it is not enabled, for who points at it.
    confirm : str
        A question that is asked in the button's place before anything is told.
    confirm_from : int
        Of a selection: only so many rows are worth the question.
    copies : tuple of str
        Of a selection: nothing is told, but for each key a line is copied, in
        which the key stands between these texts.
    asked_with : str
        Another action's name: no button of its own, but one more answer to that
        one's question, offered while it is enabled.
    is_lesser : bool
        Of a selection: it stands behind the button "More".
    """

    name: str
    label: str
    enabled: bool = True
    reason: str = ""
    confirm: str = ""
    confirm_from: int = 0
    copies: tuple[str, ...] = ()
    asked_with: str = ""
    is_lesser: bool = False


def shown(actions: Iterable[Action]) -> list[dict[str, Any]]:
    """Give actions as the browser has them."""
    return [{**asdict(action), "copies": [*action.copies]} for action in actions]


def changed(actions: list[dict[str, Any]], name: str, **fields: Any) -> list[dict[str, Any]]:
    """Give the actions with other fields for one of them."""
    return [{**action, **fields} if action["name"] == name else action for action in actions]
