"""Who sends notifications, how each proves itself, and how its bodies are read."""

from collections.abc import Callable
from dataclasses import dataclass

from ghostnb.wire.events import Event
from ghostnb.wire.notifications.delivery import Delivery

__all__ = ["Source"]

Proof = Callable[[Delivery, bytes], bool]


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of sender.

    Attributes
    ----------
    name : str
        As it stands in the webhook's URL: ``docker-hub``.
    title : str
        For people.
    proofs : tuple of callable
        Each tells of a delivery and a secret whether the sender knows it; one is enough.
    decode : callable
        A delivery to its events, in order; none for a kind of event that says nothing of a
        registry. Raises `NotificationError` for what the source is not documented to send.
    setup : str
        How the sender is given the secret: a sentence.
    """

    name: str
    title: str
    proofs: tuple[Proof, ...]
    decode: Callable[[Delivery], list[Event]]
    setup: str

    def proves(self, delivery: Delivery, secret: bytes) -> bool:
        """Tell whether a delivery comes from somebody who knows the secret.

        Notes
        -----
        Nothing is proved by a secret that is empty.
        """
        return bool(secret) and any(proof(delivery, secret) for proof in self.proofs)
