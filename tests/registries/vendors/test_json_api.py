"""Lists of a vendor's own API that link each page to the next."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from ghostnb.errors import ProtocolError, UnsafeRedirectError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors import json_api
from ghostnb.registries.vendors.json_api import JSONAPI
from tests.registries.vendors.replaying import Answers, Replay, answer

HOST, OTHER = "registry.example.com", "cdn.example.net"
API = f"https://{HOST}/api"


class KeyedAPI(JSONAPI):
    async def authorization(self) -> str | None:
        return "Bearer s3cret"


def pages(replay: Replay) -> list[Any]:
    async def main() -> list[Any]:
        session = Session(RegistryConfig("mine", f"https://{HOST}"), transport=replay)
        found = KeyedAPI(session, API).linked("/tags", list[int], "the tags")
        try:
            return [page async for page in found]
        finally:
            await session.aclose()

    return asyncio.run(main())


def page(number: int, following: str) -> httpx2.Response:
    return answer(200, [number], {"link": f'<{following}>; rel="next"'} if following else {})


def list_of(*following: str) -> Answers:
    """Answer page by page, each with its link, and want to see the credentials."""
    left = list(enumerate(following, 1))

    def answers(request: httpx2.Request, path: str) -> httpx2.Response:
        assert request.headers["authorization"] == "Bearer s3cret"
        return page(*left.pop(0))

    return answers


def test_pages_are_followed_to_the_last():
    replay = Replay({HOST: list_of("/api/tags?last=1", "?last=2", "")})

    assert pages(replay) == [[1], [2], [3]]
    assert replay.asked == [f"GET {API}/tags", f"GET {API}/tags?last=1", f"GET {API}/tags?last=2"]


@pytest.mark.parametrize("following", ["/api/tags", ""])
def test_a_page_that_links_to_itself_is_the_last(following):
    replay = Replay({HOST: list_of(following)})

    assert pages(replay) == [[1]]
    assert len(replay.asked) == 1


def test_a_link_to_another_host_is_not_followed():
    replay = Replay({HOST: list_of(f"https://{OTHER}/tags"), OTHER: list_of("")})

    with pytest.raises(UnsafeRedirectError, match=OTHER):
        pages(replay)
    assert len(replay.asked) == 1


def test_a_list_that_was_redirected_goes_on_there_without_credentials():
    """A link leads to the host that sent it: that is not yet one that may see them."""
    seen: list[str | None] = []
    links = ["/tags?last=1", ""]

    def elsewhere(request: httpx2.Request, path: str) -> httpx2.Response:
        seen.append(request.headers.get("authorization"))
        return page(len(seen), links.pop(0))

    moved = answer(307, b"", {"location": f"https://{OTHER}/tags"})
    replay = Replay({HOST: lambda request, path: moved, OTHER: elsewhere})

    assert pages(replay) == [[1], [2]]
    assert seen == [None, None]


def test_a_list_without_an_end_is_an_error(monkeypatch):
    monkeypatch.setattr(json_api, "_MAX_PAGES", 5)
    replay = Replay({HOST: list_of(*(f"/api/tags?last={number}" for number in range(9)))})

    with pytest.raises(ProtocolError, match="the tags in more than 5 pages"):
        pages(replay)

    assert len(replay.asked) == 5
