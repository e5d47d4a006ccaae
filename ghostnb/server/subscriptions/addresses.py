"""Which addresses events may be sent to."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Sequence

from ghostnb.errors import GhostnbError

__all__ = ["Address", "AddressRefusedError", "Resolve", "allowed_addresses", "objection", "resolve"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# RFC 6052, section 2.1: the last 32 bits are the IPv4 address that the network's gateway asks.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Those of the clouds' services for the machine itself that are not link-local: AWS (EC2 and
# EKS), Google, Alibaba, Azure, Oracle.
_CLOUD_SERVICES = frozenset(
    map(
        ipaddress.ip_address,
        (
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
        ),
    )
)


class AddressRefusedError(GhostnbError):
    """A name leads to an address that events are not sent to."""


async def resolve(host: str, port: int) -> list[str]:
    """Ask the system for a host's addresses.

    Parameters
    ----------
    host : str
        A name, or an address in any spelling.
    port : int

    Returns
    -------
    list of str
        In the order in which the system would try them.

    Raises
    ------
    OSError
        If there is no such host.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def objection(address: Address) -> str:
    """Say why events are not sent to an address; empty if they are.

    Notes
    -----
    Private networks (10/8, 172.16/12, 192.168/16, fc00::/7) are allowed: registries and those who
    want to hear of them are mostly there. Of addresses that hold another (IPv4-mapped, NAT64,
    6to4), the other counts.

    Examples
    --------
    >>> objection(ipaddress.ip_address("169.254.169.254"))
    'a link-local address'
    >>> objection(ipaddress.ip_address("10.0.0.1"))
    ''
    """
    address = _meant(address)
    if address in _CLOUD_SERVICES:
        return "a cloud's service for this machine"
    if address.is_loopback or address.is_unspecified:
        return "this machine"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast:
        return "a multicast address"
    return "a reserved address" if address.is_reserved else ""


def _meant(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


async def allowed_addresses(
    host: str, port: int, resolve: Resolve, *, allow_internal: bool
) -> list[Address]:
    """Look a host up, and refuse it unless events may be sent to all of its addresses.

    Parameters
    ----------
    host : str
    port : int
    resolve : callable
        As `resolve`.
    allow_internal : bool
        Take every address.

    Returns
    -------
    list of Address
        At least one.

    Raises
    ------
    AddressRefusedError
    OSError
        If there is no such host.
    """
    addresses = [ipaddress.ip_address(text) for text in await resolve(host, port)]
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "no such host")
    for address in addresses:
        if not allow_internal and (why := objection(address)):
            raise AddressRefusedError(f"{host} leads to {address}, which is {why}")
    return addresses
