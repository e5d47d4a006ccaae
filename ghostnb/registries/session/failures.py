"""What went wrong on the way to a host, in words."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator

import httpx2

from ghostnb.errors import TransportError, TransportTimeoutError, redact_url
from ghostnb.wire.urls import is_internal, origin

__all__ = ["hung_up", "transport_error"]

_ERRNO_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ETIMEDOUT: "no answer in time",
    errno.EHOSTUNREACH: "host unreachable",
    errno.ENETUNREACH: "network unreachable",
    errno.EPIPE: "connection closed",
}
# Somebody was there, and hung up.
_BROKEN = frozenset({errno.ECONNRESET, errno.EPIPE})
_TRUST_HINT = (
    "Set ca_file to the authority that signed its certificate; "
    "insecure=True skips the check, for a registry that you trust by other means."
)
_NAME_HINT = "Give an address whose host the certificate names, or have one issued for this host."
# By OpenSSL's numbers, X509_V_ERR_*: where another authority would not help.
_CERTIFICATE_HINTS = {
    9: "Is the clock of this machine right?",
    10: "Whoever runs it must renew it, unless the clock of this machine is wrong.",
    62: _NAME_HINT,
    64: _NAME_HINT,
}
_RELATED_TRUST_HINT = (
    "Set ca_file to the authority that signed its certificate; "
    "one file may hold those of the registry and of {host}."
)
_FOREIGN_TRUST_HINT = (
    "ca_file does not count for {host}, where the registry's credentials never go (token_host may "
    "name its token server). Add the authority that signed its certificate to those of this "
    "system; or name in SSL_CERT_FILE a file that holds it beside the usual ones, and start anew."
)
_NEAR_HINT = "Is the registry running?"
_FAR_HINT = "Check the host name and port, the network, and proxy settings."
_CLIENT_HINT = "Set client_cert and client_key to a certificate that it accepts."
_FOREIGN_CLIENT_HINT = (
    "client_cert is shown to the registry alone, never to {host}: ask whoever runs that for a way "
    "in without one."
)
_REFUSED_CERTIFICATE = re.compile("ALERT_(BAD|UNSUPPORTED|UNKNOWN|EXPIRED)_(CERTIFICATE|CA)")


def transport_error(
    error: BaseException, *, registry: str, base_url: str, url: str, takes_ca_file: bool = True
) -> TransportError:
    """Translate a transport's exception.

    Parameters
    ----------
    error : BaseException
        Of httpx2, or a `TimeoutError`.
    registry, base_url : str
        The registry's name and address.
    url : str
        What was asked; another host than the registry's is named too.
    takes_ca_file : bool
        False if the registry's authority does not count for what was asked.

    Returns
    -------
    TransportError
    """
    cause, hint = _explain(error, url)
    where = redact_url(base_url)
    if origin(url)[1:] != origin(base_url)[1:]:
        host = origin(url)[1]
        where = f"{where} (asking {host} for it)"
        hint = _hint_elsewhere(hint, takes_ca_file).format(host=host)
    kind = TransportTimeoutError if _is_timeout(error) else TransportError
    may_be_stopped = not hint and is_internal(origin(url)[1])
    translated = kind(
        f"Cannot reach {registry} at {where} ({cause}).",
        hint=hint or (_NEAR_HINT if may_be_stopped else _FAR_HINT),
        registry=registry,
        url=url,
    )
    translated.may_be_stopped = may_be_stopped
    return translated


def hung_up(error: BaseException, url: str) -> bool:
    """Tell whether somebody spoke TLS, and then wanted to go no further.

    So it is where another client certificate is wanted, or one at all. What a proxy between did
    looks the same.
    """
    # In TLS 1.3 the connection stands when the server looks, and some just close it.
    is_closed = isinstance(error, httpx2.RemoteProtocolError) and "disconnected" in str(error)
    if is_closed or isinstance(error, httpx2.ReadError | httpx2.WriteError):
        return origin(url)[0] == "https"
    failures = [link for link in _chain(error) if isinstance(link, ssl.SSLError)]
    return any(_explain_tls(link, url)[1] == _CLIENT_HINT for link in failures)


def _hint_elsewhere(hint: str, takes_ca_file: bool) -> str:
    """Give a hint that is right of another host than the registry's own."""
    if hint == _TRUST_HINT:
        return _RELATED_TRUST_HINT if takes_ca_file else _FOREIGN_TRUST_HINT
    if hint == _CLIENT_HINT:
        return _FOREIGN_CLIENT_HINT
    return hint or "Is {host} reachable from here?"


def _is_timeout(error: BaseException) -> bool:
    return isinstance(error, TimeoutError | httpx2.TimeoutException)


def _explain(error: BaseException, url: str) -> tuple[str, str]:
    """Give the cause in a few words, and a hint where the cause has one of its own."""
    for link in _chain(error):
        if isinstance(link, ssl.SSLError):
            return _explain_tls(link, url)
        if isinstance(link, socket.gaierror):
            return "no such host", ""
        if isinstance(link, OSError) and link.errno in _ERRNO_WORDS:
            hint = _broken_hint(url) if link.errno in _BROKEN else ""
            return _ERRNO_WORDS[link.errno], hint
    if _is_timeout(error):
        return "no answer in time", "Try again, or raise timeout_seconds."
    if isinstance(error, httpx2.ProxyError):
        return f"the proxy refused: {error}", "Check HTTP_PROXY, HTTPS_PROXY and NO_PROXY."
    if isinstance(error, httpx2.ReadError | httpx2.WriteError | httpx2.RemoteProtocolError):
        return f"its answer broke off or is not HTTP: {error}", _broken_hint(url)
    return str(error) or type(error).__name__, ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    queue = [error]
    while queue:
        link = queue.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        # anyio groups what each of several addresses of a host answered.
        queue += [*getattr(link, "exceptions", ()), link.__cause__, link.__context__]


def _explain_tls(error: ssl.SSLError, url: str) -> tuple[str, str]:
    if isinstance(error, ssl.SSLCertVerificationError):
        hint = _CERTIFICATE_HINTS.get(error.verify_code, _TRUST_HINT)
        return f"its certificate was not accepted: {error.verify_message}", hint
    reason = error.reason or str(error)
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return "it does not speak TLS there", _scheme_hint(url)
    # RFC 8446, section 6.2; Go's servers say bad_certificate of one that is missing, too.
    if "CERTIFICATE_REQUIRED" in reason:
        return "it wants a client certificate", _CLIENT_HINT
    if _REFUSED_CERTIFICATE.search(reason):
        return "it wants another client certificate, or one at all", _CLIENT_HINT
    return f"TLS failed: {reason}", ""


def _scheme_hint(url: str) -> str:
    scheme, host, port = origin(url)
    if scheme == "https":
        return f"If it speaks plain HTTP, use http://{host}:{port} with insecure=True."
    return f"If it speaks HTTPS, use https://{host}:{port}."


def _broken_hint(url: str) -> str:
    if origin(url)[0] == "https":  # TLS went well: it is no plain HTTP
        return "Try again; a proxy between may hang up, or it wants another client certificate."
    return _scheme_hint(url)
