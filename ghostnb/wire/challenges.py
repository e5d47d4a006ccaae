"""WWW-Authenticate: what a registry wants to see."""

import re
from dataclasses import dataclass

# RFC 7235, section 2.1: challenge = auth-scheme [ 1*SP ( token68 / #auth-param ) ]
_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_NAME})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_TOKEN68 = r"[A-Za-z0-9._~+/-]+=*(?=\s*(?:,|$))"
_SCHEME = re.compile(rf"({_NAME})(?:[ \t]+{_TOKEN68})?(?=\s|,|$)")
# The whole word, not one character: else a long one takes quadratic time.
_UNREADABLE = re.compile(r"[^\s,]+")
_SEPARATOR = re.compile(r"[\s,]*")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate.

    Attributes
    ----------
    scheme : str
        In lower case: ``basic``, ``bearer``.
    realm : str
        For ``bearer`` the token server's URL.
    service : str
    scopes : tuple of str
        What the token should allow.
    error : str
        ``invalid_token``, ``insufficient_scope``; empty if not given.
    """

    scheme: str
    realm: str = ""
    service: str = ""
    scopes: tuple[str, ...] = ()
    error: str = ""


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Read a WWW-Authenticate header, or several joined by commas.

    Parameters
    ----------
    header : str
        Values may be quoted or not; schemes may follow each other.

    Returns
    -------
    tuple of Challenge
        In order. What cannot be read is passed over.

    Notes
    -----
    Source: RFC 7235, section 4.1; distribution, "Token Authentication
    Specification".

    Examples
    --------
    >>> parse_challenges('Basic realm="a, b", Bearer realm=https://x/t,service=s')[1].realm
    'https://x/t'
    """
    found: list[tuple[str, dict[str, str]]] = []
    position = _skip(header, 0)
    while position < len(header):
        if found and (match := _PARAMETER.match(header, position)):
            name, quoted, plain = match.groups()
            text = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain
            found[-1][1].setdefault(name.lower(), text)
        elif match := _SCHEME.match(header, position):
            found.append((match[1].lower(), {}))
        else:
            match = _UNREADABLE.match(header, position)
        position = _skip(header, match.end() if match else len(header))
    return tuple(_challenge(scheme, parameters) for scheme, parameters in found)


def _skip(header: str, position: int) -> int:
    match = _SEPARATOR.match(header, position)
    return match.end() if match else position


def _challenge(scheme: str, parameters: dict[str, str]) -> Challenge:
    return Challenge(
        scheme,
        parameters.get("realm", ""),
        parameters.get("service", ""),
        tuple(parameters.get("scope", "").split()),
        parameters.get("error", ""),
    )
