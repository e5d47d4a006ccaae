"""Ports of a container, and where the host offers them."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ghostnb.engine.problems import invalid, shown
from ghostnb.errors import InvalidContainerError

__all__ = ["Port", "clash_problem"]

_PROTOCOLS = ("tcp", "udp", "sctp")
_SHORT = re.compile(
    r"(?:(?:(?P<ip>\[[^\]]*\]|[^:\[\]]+):(?P<ip_host>[^:]*)|(?P<host>[^:]+)):)?"
    r"(?P<container>[^:/]+)(?:/(?P<protocol>[^/]*))?"
)
_FORMS = "Write 80, 8080:80, 8080:80/udp, 127.0.0.1:8080:80 or [::1]:8080:80."
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104  compared with, not listened on


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a container, published on its host.

    Attributes
    ----------
    container_port : int
        1 to 65535.
    host_port : int or None
        None lets the daemon choose a free one.
    protocol : str
        ``tcp``, ``udp`` or ``sctp``.
    host_ip : str or None
        An address of the host; None for all of them.

    Raises
    ------
    InvalidContainerError
        If a part is wrong.

    Examples
    --------
    >>> Port.parse("127.0.0.1:8080:80")
    Port(container_port=80, host_port=8080, protocol='tcp', host_ip='127.0.0.1')
    >>> str(Port(53, protocol="udp"))
    '53/udp'
    """

    container_port: int
    host_port: int | None = None
    protocol: str = "tcp"
    host_ip: str | None = None

    def __post_init__(self) -> None:
        if not _is_port(self.container_port):
            raise _invalid(f"{shown(self.container_port)} is no port; ports are 1 to 65535.")
        if self.host_port is not None and not _is_port(self.host_port):
            said = f"{shown(self.host_port)} is no port of the host; ports are 1 to 65535."
            raise _invalid(f"{said} Leave it out for a free one.")
        if self.protocol not in _PROTOCOLS:
            raise _invalid(f"{shown(self.protocol)} is no protocol; write tcp, udp or sctp.")
        if self.host_ip is not None and not _is_address(self.host_ip):
            said = f"{shown(self.host_ip)} is no address of a host."
            raise _invalid(f"{said} Write one such as 127.0.0.1, or none for all.")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one port as for ``docker run --publish``.

        Parameters
        ----------
        text : str
            ``[[host_ip:][host_port]:]container_port[/protocol]``. IPv6 stands in brackets.
            Ranges are not taken.

        Returns
        -------
        Port

        Raises
        ------
        InvalidContainerError
            If it is none.
        """
        match = _SHORT.fullmatch(text.strip())
        if match is None:
            raise _invalid(f"{shown(text)} is no port. {_FORMS}")
        host = match["ip_host"] or match["host"]
        return cls(
            container_port=_number(match["container"]),
            host_port=_number(host) if host else None,
            protocol="tcp" if match["protocol"] is None else match["protocol"].lower(),
            host_ip=match["ip"].strip("[]") if match["ip"] else None,
        )

    @property
    def key(self) -> str:
        """Port and protocol as Docker's API names them: ``80/tcp``."""
        return f"{self.container_port}/{self.protocol}"

    def __str__(self) -> str:
        """Write it as `parse` reads it."""
        host = "" if self.host_port is None else f"{self.host_port}"
        if self.host_ip is not None:
            host = f"[{self.host_ip}]:{host}" if ":" in self.host_ip else f"{self.host_ip}:{host}"
        protocol = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return (f"{host}:" if host else "") + f"{self.container_port}{protocol}"


def clash_problem(ports: Iterable[Port]) -> str:
    """Say which port of the host is asked for twice; empty if none is."""
    taken: dict[tuple[int, str], set[str | None]] = {}
    for port in ports:
        if port.host_port is None:
            continue
        others = taken.setdefault((port.host_port, port.protocol), set())
        ip = None if port.host_ip in _EVERYWHERE else port.host_ip
        if ip in others or None in others or (ip is None and others):
            said = f"Port {port.host_port}/{port.protocol} of the host is given twice."
            return f"{said} Choose another, or leave it out for a free one."
        others.add(ip)
    return ""


def _number(text: str) -> int:
    """Read a port's digits; what is too long to be one is not converted at all."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5):
        raise _invalid(f"{shown(text)} is no port. {_FORMS}")
    return int(text)


def _is_port(value: object) -> bool:
    return type(value) is int and 1 <= value <= 65535


def _is_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _invalid(problem: str) -> InvalidContainerError:
    return invalid({"ports": problem})
