"""One request of a webhook, and what is wrong with one that cannot be read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ghostnb.errors import GhostnbError

__all__ = ["MAX_BODY_BYTES", "MAX_EVENTS", "Delivery", "NotificationError"]

# A thousand of distribution's events, or GitHub's longest description of a package.
MAX_BODY_BYTES = 2 * 2**20
MAX_EVENTS = 1_000


class NotificationError(GhostnbError, ValueError):
    """A body is not what its source is documented to send.

    Parameters
    ----------
    path : str
        Where, as a JSON path: ``$.events[3].id``.
    problem : str
        What was expected there and what came; of what came, no more than can be shown.
    """

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"The notification cannot be read at {path}: {problem}")
        self.path = path
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Delivery:
    """One request of a webhook.

    Attributes
    ----------
    body : bytes
        As it came: signatures are over these bytes.
    headers : mapping of str to str
        Names in lower case. They, the query and the body may hold secrets, so none is shown.
    query : mapping of str to str
        Of the URL, decoded.
    received : datetime
        When it came, in UTC; the time of what a source tells without one.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    received: datetime = field(default_factory=lambda: datetime.now(UTC))
