"""What is asked again, when, how often, and what never is."""

import asyncio
import time

import pytest

from ghostnb.errors import (
    IntegrityError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    ServerError,
    TransportError,
)
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.wire.messages import Request
from ghostnb.wire.retries import RetryPolicy
from tests.parts.faults import faulty_server
from tests.parts.replies import cut, drop, error, reply, stall, too_many
from tests.registries.asking import (
    QUICK,
    ask,
    blob_of,
    blob_path,
    descriptor,
    open_registry,
    pieces_of,
    ping,
    refused,
    tags_of,
)

TAGS = "/v2/app/tags/list"
ONE = reply(json={"tags": ["one"]})
CONTENT = bytes(range(256)) * 400
PATH = blob_path("app", CONTENT)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_asked_again(status):
    with faulty_server({TAGS: [error(status, "X"), error(status, "X"), ONE]}) as server:
        assert ask(server.url, tags_of("app")) == ["one"]
        assert server.count() == 3


def test_what_does_not_pass_is_an_error_after_all_attempts():
    with faulty_server({TAGS: error(503, "UNAVAILABLE", "full")}) as server:
        words = ("refused the tags of app (UNAVAILABLE: full)", "the registry's log says why")
        refused(ServerError, *words, url=server.url, question=tags_of("app"))
        assert server.count() == QUICK.max_attempts


def test_attempts_end_with_the_time_allowed():
    policy = RetryPolicy(total_seconds=0.3, max_attempts=100, first_wait_seconds=0.1)
    with faulty_server({TAGS: error(503, "X")}) as server:
        started = time.monotonic()
        refused(ServerError, url=server.url, question=tags_of("app"), policy=policy)
        assert server.count() < 5
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(("status", "kind"), [(404, NotFoundError), (418, RejectedError)])
def test_what_will_not_pass_is_asked_once(status, kind):
    with faulty_server({TAGS: error(status, "X")}) as server:
        refused(kind, url=server.url, question=tags_of("app"))
        assert server.count() == 1


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_waited_for(as_date):
    # A date has whole seconds only: two of them are at least one.
    limit = too_many(2 if as_date else 1, as_date=as_date)
    with faulty_server({TAGS: [limit, ONE]}) as server:
        started = time.monotonic()
        assert ask(server.url, tags_of("app")) == ["one"]
    assert 0.9 <= time.monotonic() - started < 2.5


@pytest.mark.parametrize("question", [tags_of("app"), pieces_of("app", CONTENT)])
def test_an_hour_is_not_waited_for_but_told(question):
    with faulty_server({"/v2/*": too_many(3600)}) as server:
        found = refused(RateLimitedError, "Wait and try again", url=server.url, question=question)
        assert found.retry_after_seconds == 3600
        assert server.count() == 1


def test_a_post_that_may_have_been_taken_is_not_sent_again():
    with faulty_server({"/v2/*": [reply(), drop()]}) as server:
        with pytest.raises(TransportError):
            posted(server)
        assert server.count(method="POST") == 1


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_post_that_failed_is_not_sent_again(status):
    with faulty_server({"/v2/*": [reply(), error(status, "X")]}) as server:
        with pytest.raises(ServerError):
            posted(server)
        assert server.count(method="POST") == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_post_that_was_not_taken_is_sent_again(status):
    with faulty_server({"/v2/*": [reply(), error(status, "X"), reply(202)]}) as server:
        posted(server)
        assert server.count(method="POST") == 2


def posted(server):
    async def posting():
        session = Session(RegistryConfig("reg", server.url), policy=QUICK)
        try:
            await session.fetch(Request("GET", f"{server.url}/v2/", "the version"))
            request = Request("POST", f"{server.url}/v2/app/blobs/uploads/", "an upload")
            return await session.fetch(request, expected=(202,))
        finally:
            await session.aclose()

    return asyncio.run(posting())


def test_a_config_that_is_cut_is_read_again():
    with faulty_server({PATH: [cut(CONTENT, 1000), reply(body=CONTENT)]}) as server:
        assert ask(server.url, blob_of("app", CONTENT)) == CONTENT
        assert server.count() == 2


def test_a_config_that_is_always_cut_is_an_error_and_leaves_nothing():
    cache = ContentCache()
    settings = {"question": blob_of("app", CONTENT), "cache": cache}
    with faulty_server({PATH: cut(CONTENT, 1000)}) as server:
        refused(TransportError, "broke off", url=server.url, **settings)
        assert server.count() == QUICK.max_attempts
        server.routes[PATH] = reply(body=CONTENT)
        assert ask(server.url, blob_of("app", CONTENT), cache=cache) == CONTENT
        assert server.count() == QUICK.max_attempts + 1


def ranged(request):
    """Answer a closed range as storage services do."""
    first, _, last = request.headers["range"].removeprefix("bytes=").partition("-")
    body = CONTENT[int(first) : int(last) + 1]
    return reply(206, body=body, headers={"Content-Range": f"bytes {first}-{last}/{len(CONTENT)}"})


def test_a_blob_goes_on_where_it_broke():
    with faulty_server({PATH: [cut(CONTENT, 30_000), ranged]}) as server:
        assert ask(server.url, pieces_of("app", CONTENT)) == CONTENT
        first, second = server.requests
    assert "range" not in first.headers
    begun, _, end = second.headers["range"].removeprefix("bytes=").partition("-")
    # what was read before the end of the connection was noticed may be less than was sent
    assert 0 < int(begun) <= 30_000
    assert int(end) == len(CONTENT) - 1


def test_a_real_registry_goes_on_where_it_broke(registry):
    from tests.parts.standard import STANDARD_IMAGES

    layer = STANDARD_IMAGES["library/nginx:1.27"].layers[0]
    name = "library/nginx"
    first_half = [cut(layer.data, len(layer.data) // 2)]

    def onwards(request):
        return reply(307, headers={"Location": f"{registry.url}{request.target}"})

    with faulty_server({blob_path(name, layer.data): [*first_half, onwards]}) as server:
        assert ask(server.url, pieces_of(name, layer.data)) == layer.data
        assert server.count() == 2
        assert server.requests[1].headers["range"].startswith("bytes=")


def test_a_server_that_knows_no_ranges_begins_again():
    with faulty_server({PATH: [cut(CONTENT, 30_000), reply(body=CONTENT)]}) as server:
        assert ask(server.url, pieces_of("app", CONTENT)) == CONTENT
        assert server.count() == 2


def test_a_blob_that_stalls_goes_on():
    with faulty_server({PATH: [stall(CONTENT, 30_000), ranged]}) as server:
        assert ask(server.url, pieces_of("app", CONTENT), timeout_seconds=0.2) == CONTENT


def test_a_blob_whose_end_alone_is_missing_is_complete():
    unfinished = reply(
        headers={"Transfer-Encoding": "chunked"},
        body=b"%x\r\n%b\r\n" % (len(CONTENT), CONTENT),
        closes=True,
    )
    with faulty_server({PATH: unfinished}) as server:
        assert ask(server.url, pieces_of("app", CONTENT)) == CONTENT
        assert server.count() == 1


def test_a_blob_that_never_gets_further_is_given_up():
    with faulty_server({PATH: cut(CONTENT, 30_000)}) as server:
        refused(TransportError, "broke off", url=server.url, question=pieces_of("app", CONTENT))
        # the first gets somewhere, and then so many do not
        assert server.count() <= 1 + QUICK.max_attempts


@pytest.mark.parametrize("status", [404, 416, 418])
def test_a_blob_that_is_refused_is_asked_for_once(status):
    with faulty_server({PATH: error(status, "X")}) as server:
        kind = NotFoundError if status == 404 else RejectedError
        refused(kind, url=server.url, question=pieces_of("app", CONTENT))
        assert server.count() == 1


def test_a_blob_that_is_refused_for_now_is_asked_for_again():
    answers = [error(503, "X"), too_many(0), reply(body=CONTENT)]
    with faulty_server({PATH: answers}) as server:
        assert ask(server.url, pieces_of("app", CONTENT)) == CONTENT
        assert server.count() == 3


def test_a_continuation_with_other_content_is_an_integrity_error():
    other = reply(206, body=b"x" * (len(CONTENT) - 10))
    with faulty_server({PATH: [cut(CONTENT, 10), other]}) as server:
        refused(IntegrityError, url=server.url, question=pieces_of("app", CONTENT))


def test_a_cancelled_request_frees_its_place_and_connection():
    async def question(registry):
        await ping(registry)
        for ask_slowly in (tags_of("slow"), blob_of("slow", CONTENT), pieces_of("slow", CONTENT)):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await ask_slowly(registry)
        await asyncio.gather(*(ping(registry) for _ in range(200)))

    routes = {
        "/v2/": reply(),
        "/v2/slow/*": stall(CONTENT, 10),
        "/v2/slow/tags/list": stall(b"x", 0),
    }
    with faulty_server(routes) as server:
        ask(server.url, question, max_connections=1)
        assert server.count("/v2/") == 201


def test_a_blob_that_is_left_half_read_frees_its_place():
    async def question(registry):
        pieces = registry.open_blob("slow", descriptor(CONTENT))
        await anext(pieces)
        await pieces.aclose()
        async with asyncio.timeout(2):
            await ping(registry)

    slow = blob_path("slow", CONTENT)
    with faulty_server({"/v2/": reply(), slow: stall(CONTENT, 10)}) as server:
        ask(server.url, question, max_connections=1)


@pytest.mark.parametrize("carrier", ["fast", "httpx2"])
def test_never_more_requests_at_once_than_allowed(monkeypatch, carrier):
    monkeypatch.setenv("GHOSTNB_FAST", "off" if carrier == "httpx2" else "on")

    async def many(registry):
        await asyncio.gather(*(tags_of("app")(registry) for _ in range(40)))

    slow = reply(json={"tags": ["a"]}, delay_seconds=0.02)
    with faulty_server({TAGS: slow}) as server:
        started = time.monotonic()
        ask(server.url, many, max_connections=4)
        elapsed = time.monotonic() - started
        # ten rounds of four: with more at once it would be sooner over
        assert elapsed >= 0.2
        # one may be opened while another becomes free
        assert server.connections <= 8
        assert server.count() == 40


def test_a_wait_for_the_next_attempt_takes_no_place():
    async def question(registry):
        waiting = asyncio.create_task(tags_of("app")(registry))
        await asyncio.sleep(0.1)
        started = time.monotonic()
        await ping(registry)
        assert time.monotonic() - started < 0.8
        return await waiting

    with faulty_server({TAGS: [too_many(1), ONE], "/v2/": reply()}) as server:
        assert ask(server.url, question, max_connections=1) == ["one"]


def test_a_closed_client_opens_again():
    async def twice():
        registry = open_registry(server.url)
        await ping(registry)
        await registry.aclose()
        await ping(registry)
        await registry.aclose()

    with faulty_server({"/v2/": reply()}) as server:
        asyncio.run(twice())
        assert server.connections == 2
