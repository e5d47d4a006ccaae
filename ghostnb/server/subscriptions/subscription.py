"""Who wants which events, and how delivering them goes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ghostnb.errors import ConfigError
from ghostnb.wire.events import Event

__all__ = ["DeliveryState", "Subscription", "checked_names"]

_MAX_NAMES = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who wants which events.

    Attributes
    ----------
    id : str
    url : str
        As it may be shown: the query's values are left out.
    actions : frozenset of str
        Of `Event.action`; empty for all.
    registries : frozenset of str
        Of `Event.registry`; empty for all, those of no registry, too.
    created : str
        RFC 3339, in UTC.
    secret : str or None
        Only in what `Subscriptions.add` gives, and only if it made the secret: to be shown once.
        Never in ``repr``, nor in what is listed.
    """

    id: str
    url: str
    actions: frozenset[str]
    registries: frozenset[str]
    created: str
    secret: str | None = field(default=None, repr=False, compare=False)

    def wants(self, event: Event) -> bool:
        """Tell whether an event is among those that are wanted."""
        is_action = not self.actions or event.action in self.actions
        return is_action and (not self.registries or event.registry in self.registries)


@dataclass(frozen=True, slots=True)
class DeliveryState:
    """How delivering to one subscription goes, since it was added.

    Attributes
    ----------
    delivered : int
        Events that the receiver took.
    failed : int
        Events that it refused, or that were given up after all tries.
    dropped : int
        Events that were not tried to the end: too many waited, or the receiver is gone.
    waiting : int
        Events still to be delivered, with the one under way.
    last_error : str
        Why the last try failed; empty if it went well, or there was none.
    disabled : bool
        The receiver answered 410: nothing is sent to it any more. Remove it, and add it anew.
    """

    delivered: int = 0
    failed: int = 0
    dropped: int = 0
    waiting: int = 0
    last_error: str = ""
    disabled: bool = False


def checked_names(names: Iterable[str], what: str) -> frozenset[str]:
    """Give what a subscription is limited to.

    Parameters
    ----------
    names : iterable of str
    what : str
        ``actions`` or ``registries``, for messages.

    Raises
    ------
    ConfigError
        If these are no names, or too many.
    """
    # A text alone would be taken for its letters.
    listed = list(names) if isinstance(names, list | tuple | set | frozenset) else [None]
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in listed):
        raise ConfigError(
            f"The {what} of a webhook must be a list of names.",
            hint=f'Write {what} = ["…"]; leave it out for all of them.',
        )
    if len(listed) > _MAX_NAMES:
        raise ConfigError(
            f"A webhook has {len(listed)} {what}; {_MAX_NAMES} are allowed.",
            hint="Leave them out for all, and let the receiver choose.",
        )
    return frozenset(map(str, listed))
