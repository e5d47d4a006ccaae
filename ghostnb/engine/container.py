"""What a daemon says of one container."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from ghostnb.engine.frames import container_name, familiar_image
from ghostnb.engine.ports import Port
from ghostnb.engine.problems import invalid, shown

__all__ = ["Container", "checked_container"]

# Podman takes one character. Whatever else is in a name could lead to another place of the API.
_CONTAINER = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
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
        None while it has none, and in a list.
    started, finished : str or None
        The last time, in RFC 3339; None for never, and in a list.
    error : str
        Why it could not be started; empty where the daemon does not say, and in a list.
    ports : tuple of Port
        As published now; as they were asked for while it does not run, and in a list none then.
    created : str or None
        In RFC 3339.
    command : str
        What it runs, as for a shell.
    labels : mapping of str to str
        The image's among them.
    networks : tuple of str
        Those that it is in, by name.
    status : str or None
        For people, in a list alone: ``Up 3 minutes``.
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
    created: str | None = None
    command: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    networks: tuple[str, ...] = ()
    status: str | None = None

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
            created=_time(reply.get("Created")),
            command=_command(reply),
            labels=reply["Config"].get("Labels") or {},
            networks=_networks(reply),
        )

    @classmethod
    def from_listing(cls, entry: Mapping[str, Any]) -> Self:
        """Read one of the reply to ``GET /containers/json``.

        Notes
        -----
        Source: Docker Engine API v1.41, "ContainerList".
        """
        return cls(
            id=entry["Id"],
            name=container_name(entry) or "",
            image=familiar_image(entry.get("Image") or ""),
            state=entry.get("State") or "",
            exit_code=None,
            started=None,
            finished=None,
            error="",
            ports=tuple(_published(entry.get("Ports") or ())),
            created=_moment(entry.get("Created")),
            command=entry.get("Command") or "",
            labels=entry.get("Labels") or {},
            networks=_networks(entry),
            status=entry.get("Status"),
        )


def checked_container(container: str) -> str:
    """Give back what can be a container's name or id.

    Raises
    ------
    InvalidContainerError
        If it cannot.
    """
    if _CONTAINER.fullmatch(container):
        return container
    said = f"{shown(container)} is no name or id of a container."
    raise invalid({"container": f"{said} They are letters, digits, _ . or -."})


def _time(text: str | None) -> str | None:
    return text if text and not text.startswith(_NEVER) else None


def _moment(seconds: int | None) -> str | None:
    return None if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%FT%TZ}"


def _command(reply: Mapping[str, Any]) -> str:
    program = reply.get("Path")
    return shlex.join([program, *(reply.get("Args") or ())]) if program else ""


def _ports(reply: Mapping[str, Any]) -> Iterator[Port]:
    """Prefer what is: a free port has its number only there."""
    published = (reply.get("NetworkSettings") or {}).get("Ports") or {}
    wanted = (reply.get("HostConfig") or {}).get("PortBindings") or {}
    for key, bindings in (published if any(published.values()) else wanted).items():
        number, _, protocol = key.partition("/")
        for binding in bindings or ():
            host_port = int(binding.get("HostPort") or 0) or None
            yield Port(int(number), host_port, protocol or "tcp", binding.get("HostIp") or None)


def _published(ports: Iterable[Mapping[str, Any]]) -> list[Port]:
    """Leave out what is only exposed."""
    published = (port for port in ports if port.get("PublicPort"))
    return sorted(
        (
            Port(
                one["PrivatePort"],
                one["PublicPort"],
                one.get("Type") or "tcp",
                one.get("IP") or None,
            )
            for one in published
        ),
        key=lambda port: (port.container_port, port.protocol, port.host_ip or ""),
    )


def _networks(reply: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted((reply.get("NetworkSettings") or {}).get("Networks") or {}))
