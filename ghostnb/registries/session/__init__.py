"""One registry's HTTP conversation, from the request to the socket."""

from ghostnb.registries.session.session import Session
from ghostnb.registries.session.transport import Transport

__all__ = ["Session", "Transport"]
