"""What a container daemon says of itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ghostnb.engine.endpoints import Endpoint

__all__ = ["Daemon"]


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon that answered.

    Attributes
    ----------
    context : str
        The Docker context that led to it, or the URL where no context did.
    url : str
        Where it listens, without user information.
    product : str
        ``docker`` or ``podman``.
    version, api_version : str
        Of the product, and of Docker's API as the daemon offers it.
    os, architecture : str
        Of the machine on which containers run, in Go's words: ``linux``, ``amd64``.
    """

    context: str
    url: str
    product: str
    version: str
    api_version: str
    os: str
    architecture: str

    @classmethod
    def from_version(cls, endpoint: Endpoint, reply: Mapping[str, Any]) -> Self:
        """Read the reply to ``GET /version``.

        Raises
        ------
        KeyError
            If the reply is not that of a container daemon.

        Notes
        -----
        Source: Docker Engine API v1.41, "SystemVersion". Podman names itself only among the
        components.
        """
        components = {part.get("Name") for part in reply.get("Components") or ()}
        return cls(
            context=endpoint.context,
            url=endpoint.shown_url,
            product="podman" if "Podman Engine" in components else "docker",
            version=reply["Version"],
            api_version=reply["ApiVersion"],
            os=reply["Os"],
            architecture=reply["Arch"],
        )
