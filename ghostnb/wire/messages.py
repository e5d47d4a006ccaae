"""Requests and replies as plain values: what any transport can carry."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

__all__ = ["Content", "Reply", "Request"]

Content = Callable[[], AsyncIterator[bytes]]
"""Opens a large body; called again where it must be sent again."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, complete but for its credentials.

    Attributes
    ----------
    method : str
    url : str
        Absolute.
    what : str
        What is asked for, in words that fit a message: ``the tags of team/app``.
    scopes : tuple of str
        What a bearer token must allow: ``repository:team/app:pull``.
    headers : mapping of str to str
        Never shown, and neither is `body`: they may hold credentials.
    body : bytes
    content : callable, optional
        Instead of a body: opens one that is read piece by piece. Its length stands in the
        headers.
    as_is : bool
        True for a vendor's own API at the registry's address: nothing is added but what stands
        in the headers.
    is_blob : bool
        True if a manifest's piece is asked for: where that is missing, nobody spelt it wrongly.
    """

    method: str
    url: str
    what: str
    scopes: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    content: Content | None = field(default=None, repr=False)
    is_blob: bool = False
    as_is: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP reply.

    Attributes
    ----------
    status : int
    headers : mapping of str to str
        Names in lower case; a repeated header's values are joined by ``, ``.
    body : bytes
        As it came over the wire, after any transfer coding.
    url : str
        What was asked, after redirects.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)
    url: str = ""
