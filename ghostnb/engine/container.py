"""What a daemon says of one container."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from ghostnb.engine.frames import familiar_image
from ghostnb.engine.ports import Port

__all__ = ["Container"]

_NEVER = "0001-01-01"  # Go's zero time
_ENDED = ("exited", "dead", "stopped")


@dataclass(frozen=True, slots=True)
class Container:
    """A container as it was when the daemon was asked.

    Attributes
    ----------
    id, name : str
    image : str or None
        In Docker's familiar form, or an id.
    state : str
        One of Docker's words: ``created``, ``running``, ``paused``, ``restarting``,
        ``removing``, ``exited``, ``dead``.
    exit_code : int or None
        None while it has none.
    started, finished : str or None
        The last time, in RFC 3339; None for never.
    error : str
        Why it could not be started; empty where the daemon does not say.
    ports : tuple of Port
        As published now; as they were asked for while it does not run.
    """

    id: str
    name: str
    image: str | None
    state: str
    exit_code: int | None
    started: str | None
    finished: str | None
    error: str
    ports: tuple[Port, ...]

    @classmethod
    def from_inspection(cls, reply: Mapping[str, Any]) -> Self:
        """Read the reply to ``GET /containers/ID/json``.

        Notes
        -----
        Source: Docker Engine API v1.41, "ContainerInspect". What it says of the environment is
        left where it is.
        """
        state = reply["State"]
        return cls(
            id=reply["Id"],
            name=reply["Name"].removeprefix("/"),
            image=familiar_image(reply["Config"].get("Image") or ""),
            state=state["Status"],
            exit_code=state["ExitCode"] if state["Status"] in _ENDED else None,
            started=_time(state.get("StartedAt")),
            finished=_time(state.get("FinishedAt")),
            error=state.get("Error") or "",
            ports=tuple(_ports(reply)),
        )


def _time(text: str | None) -> str | None:
    return text if text and not text.startswith(_NEVER) else None


def _ports(reply: Mapping[str, Any]) -> Iterator[Port]:
    """Prefer what is: a free port has its number only there."""
    published = (reply.get("NetworkSettings") or {}).get("Ports") or {}
    wanted = (reply.get("HostConfig") or {}).get("PortBindings") or {}
    for key, bindings in (published if any(published.values()) else wanted).items():
        number, _, protocol = key.partition("/")
        for binding in bindings or ():
            host_port = int(binding.get("HostPort") or 0) or None
            yield Port(int(number), host_port, protocol or "tcp", binding.get("HostIp") or None)
