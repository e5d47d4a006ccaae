"""What two URLs have to do with each other, and where one must not lead."""

import ipaddress
import re
import socket
from urllib.parse import urljoin, urlsplit

from ghostnb.errors import UnsafeRedirectError, redact_url

_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLAIN_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f.]*:[0-9a-f:.]*(%[a-z0-9._-]+)?")


def origin(url: str) -> tuple[str, str, int]:
    """Give scheme, host and port, the defaults filled in.

    Examples
    --------
    >>> origin("https://Example.com/v2/")
    ('https', 'example.com', 443)
    """
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or _DEFAULT_PORTS.get(scheme, 0)


def is_plain_host(host: str) -> bool:
    """Tell whether every parser of URLs takes a host for the same.

    Notes
    -----
    Source: WHATWG URL, "Host parsing". Parsers of that school end a host at a
    backslash, decode ``%31`` and map letters such as full-width digits: they
    would ask another host than the one that was looked at here. International
    names are plain in their ASCII form (``xn--``).

    Examples
    --------
    >>> is_plain_host("registry.example.com"), is_plain_host("127.0.0.%31")
    (True, False)
    """
    return _PLAIN_HOST.fullmatch(host) is not None


def keeps_credentials(source: str, target: str) -> bool:
    """Tell whether what is secret at one URL may be sent to another.

    The same origin may see it; so may the same host's standard HTTPS port
    when the source was its standard HTTP port (a scheme upgrade).
    """
    here, there = origin(source), origin(target)
    upgraded = here[1] == there[1] and here[::2] == ("http", 80) and there[::2] == ("https", 443)
    return here == there or upgraded


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: what goes there is on no network.

    Notes
    -----
    Names are not looked up. Who connects to the unspecified address is on
    this machine, too.
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def is_internal(host: str) -> bool:
    """Tell whether a host is this machine or a link-local address.

    Notes
    -----
    Names are not looked up: a name that resolves to such an address is the
    resolver's to guard. Link-local holds the clouds' metadata services.
    """
    address = _address(host.rstrip("."))
    return is_loopback(host) or (address is not None and address.is_link_local)


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        pass
    else:
        return getattr(address, "ipv4_mapped", None) or address
    try:
        # Resolvers take "127.1" and "2130706433" for 127.0.0.1, too.
        return ipaddress.IPv4Address(socket.inet_aton(name))
    except (OSError, ValueError):
        return None


def guard(source: str, location: str, *, registry: str, role: str) -> str:
    """Resolve where a reply leads, or refuse.

    Parameters
    ----------
    source : str
        The URL whose reply it was.
    location : str
        As the reply has it; may be relative.
    registry : str
        The registry's name, for messages.
    role : str
        ``redirect``, ``next link`` or ``token realm``, for messages.

    Returns
    -------
    str
        The absolute URL.

    Raises
    ------
    UnsafeRedirectError
        If it is not HTTP, goes from HTTPS back to HTTP, or from a public host
        to this machine or a link-local address.
    """
    try:
        target = urljoin(source, location)
        (scheme, host, _), (source_scheme, source_host, _) = origin(target), origin(source)
    except ValueError as e:
        raise _unsafe(source, location, "is not a URL", registry, role) from e
    is_bare = is_plain_host(host) and urlsplit(target).username is None
    if scheme not in _DEFAULT_PORTS or not is_bare:
        raise _unsafe(source, target, "is not a plain HTTP address", registry, role)
    if source_scheme == "https" and scheme == "http":
        raise _unsafe(source, target, "would give up encryption", registry, role)
    if is_internal(host) and not is_internal(source_host):
        raise _unsafe(source, target, "is inside this machine or network", registry, role)
    return target


def _unsafe(source: str, target: str, why: str, registry: str, role: str) -> UnsafeRedirectError:
    return UnsafeRedirectError(
        f"{registry} answered {redact_url(source)} with a {role} to {redact_url(target)[:200]}, "
        f"which {why}; it was not followed.",
        hint="Check the registry's configuration, or a proxy between.",
        registry=registry,
        url=source,
    )
