"""Lists that come in pages."""

import re
from dataclasses import dataclass, replace

import msgspec

from ghostnb.errors import ProtocolError, UnsafeRedirectError, redact_url
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.urls import guard, keeps_credentials

# RFC 8288, section 3: <target>; rel="next"
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_PARAMETER = re.compile(r';\s*([^\s=;,"]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))')

# More than a filter leaves empty in a row, few enough where a registry counts on for ever.
_MAX_IN_VAIN = 100


class _Names(msgspec.Struct):
    name: str | msgspec.UnsetType | None = msgspec.UNSET
    repositories: list[str] | msgspec.UnsetType | None = msgspec.UNSET
    tags: list[str] | msgspec.UnsetType | None = msgspec.UNSET


_decoder = msgspec.json.Decoder(_Names)


@dataclass(frozen=True, slots=True)
class Page:
    """Some names, and where the next ones are.

    Attributes
    ----------
    names : tuple of str
    next_url : str
        Empty if the reply has no link to a next page.
    """

    names: tuple[str, ...]
    next_url: str = ""


def decode_page(reply: Reply, *, registry: str) -> Page:
    """Read a page of ``_catalog`` or ``tags/list``.

    A repository whose last tag was deleted answers ``{"tags": null}``
    (distribution): no names.

    Raises
    ------
    ProtocolError
        If the reply is no such list.
    UnsafeRedirectError
        If the next link leads away from the registry.
    """
    try:
        names = _decoder.decode(reply.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as e:
        raise not_json(reply, registry, e) from e
    if names == _Names():
        raise not_json(reply, registry, ValueError("a list of names was expected"))
    return Page(tuple(names.repositories or names.tags or ()), next_url(reply, registry))


def not_json(reply: Reply, registry: str, cause: Exception) -> ProtocolError:
    """Make the error for a reply that should have been JSON of some shape."""
    kind = reply.headers.get("content-type", "nothing that says what it is")
    return ProtocolError(
        f"{registry} answered with {kind} that cannot be read ({cause}).",
        hint="Is this the address of a registry, or of a web page or proxy?",
        registry=registry,
        url=reply.url,
        status=reply.status,
    )


def next_link(header: str) -> str:
    """Find the target with relation ``next`` in a Link header; empty if there is none.

    Examples
    --------
    >>> next_link('</v2/_catalog?last=b&n=2>; rel="next"')
    '/v2/_catalog?last=b&n=2'
    """
    for target, parameters in _LINK.findall(header):
        for name, quoted, plain in _PARAMETER.findall(parameters):
            if name.lower() == "rel" and "next" in (quoted or plain).lower().split():
                return target
    return ""


def next_url(reply: Reply, registry: str) -> str:
    """Give the URL of the next page; empty if there is none.

    Raises
    ------
    UnsafeRedirectError
        If it leads away from the registry.
    """
    link = next_link(reply.headers.get("link", ""))
    if not link:
        return ""
    url = guard(reply.url, link, registry=registry, role="next link")
    if not keeps_credentials(reply.url, url):
        raise UnsafeRedirectError(
            f"{registry} says that its list goes on at another host ({redact_url(url)}); "
            "it was not followed.",
            registry=registry,
            url=reply.url,
        )
    return url


class Pager:
    """Decides which page to ask for next: the Link header first, then ``last``.

    Parameters
    ----------
    page_size : int
        How many names a page was asked for; 0 if that was left to the registry.
    registry : str
        Its name, for messages.

    Notes
    -----
    A page may be empty and have a Link nevertheless: some registries leave out
    of each page what one may not see, or what was deleted. So a link is
    followed wherever it was not followed before, for as long as that leads on.

    Some registries send no Link; some ignore ``n``, or begin again when
    ``last`` is past the end. So a page is asked for by ``last`` only after a
    full one that brought something new.
    """

    def __init__(self, page_size: int, *, registry: str) -> None:
        self._page_size = page_size
        self._registry = registry
        self._seen: set[str] = set()
        self._asked: set[str] = set()
        self._in_vain = 0

    def take(self, page: Page) -> list[str]:
        """Give the page's names that no page before it had."""
        fresh = [name for name in dict.fromkeys(page.names) if name not in self._seen]
        self._seen.update(fresh)
        return fresh

    def following(self, request: Request, page: Page, fresh: list[str]) -> str | None:
        """Say how to go on after a page.

        Returns
        -------
        str or None
            A URL, or empty for "by ``last``", or None when the list is complete.

        Raises
        ------
        ProtocolError
            If the links go on and on, and nothing new comes.
        """
        self._asked.add(request.url)
        self._in_vain = 0 if fresh else self._in_vain + 1
        if page.next_url and page.next_url not in self._asked:
            if self._in_vain > _MAX_IN_VAIN:
                raise self._leads_nowhere(request)
            return page.next_url
        return "" if fresh and len(page.names) == self._page_size else None

    def _leads_nowhere(self, request: Request) -> ProtocolError:
        return ProtocolError(
            f"{self._registry} goes on with {request.what} at {redact_url(request.url)}, "
            f"though {_MAX_IN_VAIN} pages in a row brought nothing new.",
            hint="Its next links are wrong: whoever runs it can tell why.",
            registry=self._registry,
            url=request.url,
        )


def at_url(request: Request, url: str) -> Request:
    """Give the same request for another URL."""
    return replace(request, url=url)
