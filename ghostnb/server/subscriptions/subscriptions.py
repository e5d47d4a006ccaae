"""All subscriptions of an agent."""

import asyncio
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ghostnb.errors import GhostnbError, redact_url
from ghostnb.server.subscriptions import configured
from ghostnb.server.subscriptions.addresses import Resolve, resolve
from ghostnb.server.subscriptions.courier import Courier
from ghostnb.server.subscriptions.limits import Limits
from ghostnb.server.subscriptions.mailbox import Mailbox
from ghostnb.server.subscriptions.signing import decode_secret, new_secret
from ghostnb.server.subscriptions.subscription import DeliveryState, Subscription, checked_names
from ghostnb.server.subscriptions.targets import parse_target
from ghostnb.wire.clock import now
from ghostnb.wire.events import Event

__all__ = ["Subscriptions", "TooManySubscriptionsError"]


class TooManySubscriptionsError(GhostnbError):
    """There are as many subscriptions as there may be."""


class Subscriptions:
    """Who wants our events; they live as long as the agent.

    Parameters
    ----------
    allow_internal : bool
        Send to this machine and to link-local addresses, too.
    limits : Limits
    resolve : callable
        Gives a host's addresses, as `addresses.resolve` does.

    Notes
    -----
    All of it belongs to the server's loop: it is called from there. Nothing is written to disk;
    subscriptions that are to outlive the agent stand in its configuration.
    """

    def __init__(
        self,
        *,
        allow_internal: bool = False,
        limits: Limits | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._allow_internal = allow_internal
        self._limits = limits or Limits()
        self._courier = Courier(self._limits, resolve, allow_internal=allow_internal)
        self._mailboxes: dict[str, Mailbox] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<Subscriptions: {len(self._mailboxes)}>"

    @classmethod
    def from_config(
        cls,
        entries: Sequence[Mapping[str, object]],
        *,
        allow_internal: bool = False,
        limits: Limits | None = None,
        resolve: Resolve = resolve,
    ) -> "Subscriptions":
        """Make the subscriptions that a configuration names.

        Parameters
        ----------
        entries : list of dict
            Each with ``url``, ``secret`` (``env:NAME`` reads an environment variable), and
            optionally ``actions`` and ``registries``.
        allow_internal, limits, resolve
            As for the class.

        Raises
        ------
        ConfigError
            That says which of them is wrong, and in what.
        TooManySubscriptionsError
        """
        made = cls(allow_internal=allow_internal, limits=limits, resolve=resolve)
        for number, entry in enumerate(configured.checked_entries(entries), 1):
            with configured.naming(number):
                made.add(**configured.arguments(entry))
        return made

    def add(
        self,
        url: str,
        secret: str | None = None,
        actions: Iterable[str] = (),
        registries: Iterable[str] = (),
    ) -> Subscription:
        """Add a subscription.

        Parameters
        ----------
        url : str
            ``https://…`` or ``http://…``, without user information.
        secret : str, optional
            ``whsec_`` and the base64 of 24 to 64 bytes; one is made if none is given.
        actions, registries : list of str
            As in `Subscription`; empty for all.

        Returns
        -------
        Subscription
            With its secret if that was made here: it is not to be had again.

        Raises
        ------
        ConfigError
            If one of them cannot be right.
        TooManySubscriptionsError
        """
        target = parse_target(url, allow_internal=self._allow_internal)
        made = new_secret() if secret is None else None
        key = decode_secret(made or secret)
        subscription = Subscription(
            f"sub_{secrets.token_hex(8)}",
            redact_url(url),
            checked_names(actions, "actions"),
            checked_names(registries, "registries"),
            now(),
        )
        self._ensure_room()
        box = Mailbox(subscription, target, key, self._courier, self._limits)
        self._mailboxes[subscription.id] = box
        return replace(subscription, secret=made)

    def _ensure_room(self) -> None:
        if len(self._mailboxes) >= self._limits.subscriptions:
            raise TooManySubscriptionsError(
                f"There are {len(self._mailboxes)} webhooks, which is as many as there may be.",
                hint="Remove one first.",
            )

    def remove(self, subscription_id: str) -> bool:
        """Remove a subscription; what waits for it is not delivered, a try under way is broken off.

        Returns
        -------
        bool
            False if there is none of this id.
        """
        box = self._mailboxes.pop(subscription_id, None)
        if box is None:
            return False
        self._end(box)
        return True

    def list(self) -> tuple[Subscription, ...]:
        """Give all subscriptions, the oldest first, without their secrets."""
        return tuple(box.subscription for box in self._mailboxes.values())

    def state(self, subscription_id: str) -> DeliveryState | None:
        """Say how delivering to a subscription goes; None if there is none of this id."""
        box = self._mailboxes.get(subscription_id)
        return None if box is None else box.state

    def offer(self, event: Event) -> None:
        """Keep an event for every subscription that wants it.

        It neither waits nor fails: how delivering goes is in `state`.
        """
        for box in self._mailboxes.values():
            box.offer(event)

    async def close(self) -> None:
        """End every delivery; what waits is dropped."""
        boxes, self._mailboxes = self._mailboxes, {}
        for box in boxes.values():
            self._end(box)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _end(self, box: Mailbox) -> None:
        task = box.stop()
        if task is not None and not task.done():
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
