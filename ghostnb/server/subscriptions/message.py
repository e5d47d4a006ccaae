"""An event as receivers of webhooks get it."""

import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass

from ghostnb.wire.events import Event

__all__ = ["Message"]

_NOT_IN_TYPES = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted, the same at every try.

    Attributes
    ----------
    id : str
        The same for the same event.
    body : bytes
        JSON: ``type`` (``registry.push``), ``timestamp`` (of the event), ``data`` (the event's
        fields; null is unknown).
    """

    id: str
    body: bytes

    @classmethod
    def of(cls, event: Event) -> "Message":
        """Write an event down.

        Notes
        -----
        Source: Standard Webhooks 1.0.0, "Payload structure" and "Event types" (letters, digits
        and underscores between full stops). An event's own id is others' word, and no full stop
        may be in what is signed before the body ("Signature scheme"): so its digest is sent, and
        the id itself is in ``data``.
        """
        digest = hashlib.sha256(event.id.encode("utf-8", "surrogatepass")).hexdigest()
        data = dataclasses.asdict(event)
        body = {"type": _type(event), "timestamp": event.time, "data": data}
        # Not by msgspec: it refuses half a surrogate pair, which others' words may hold.
        written = json.dumps(body, separators=(",", ":")).encode()
        return cls(f"msg_{digest[:32]}", written)


def _type(event: Event) -> str:
    is_of_agent = event.source == "agent" and event.registry is None
    action = _NOT_IN_TYPES.sub("_", event.action)
    return f"{'agent' if is_of_agent else 'registry'}.{action}"
