"""What a digest names is read once, for each registry and user apart."""

import asyncio
from contextlib import nullcontext

import pytest

from ghostnb.errors import IntegrityError, NotFoundError, TransportError
from ghostnb.oci import Digest
from ghostnb.registries.cache import ContentCache
from tests.parts import media_types
from tests.parts.faults import faulty_server
from tests.parts.images import encode, plain_image
from tests.parts.replies import reply
from tests.registries.asking import ask, blob_of, blob_path, descriptor, manifest_of

CONTENT = b"content" * 30
DIGEST = Digest.of(CONTENT)
IMAGE = plain_image("cached")


def counting(calls, body=CONTENT, *, delay_seconds=0.0, error=None):
    async def load():
        calls.append(1)
        await asyncio.sleep(delay_seconds)
        if error is not None:
            raise error
        return body

    return load


def test_what_was_read_once_is_not_asked_for_again():
    async def question(registry):
        by_tag = await registry.manifest("app", "1")
        by_digest = await registry.manifest("app", IMAGE.digest)
        blobs = [await registry.blob("app", descriptor(CONTENT)) for _ in range(3)]
        return by_tag == by_digest, blobs

    answer = reply(body=IMAGE.raw, headers={"Content-Type": IMAGE.media_type})
    routes = {"/v2/app/manifests/1": answer, blob_path("app", CONTENT): reply(body=CONTENT)}
    with faulty_server(routes) as server:
        assert ask(server.url, question) == (True, [CONTENT] * 3)
        assert server.count() == 2


def test_a_size_that_is_wrong_is_an_error_wherever_the_content_comes_from():
    wrong = blob_of("app", CONTENT, size_bytes=len(CONTENT) + 1)
    cache = ContentCache()
    with faulty_server({"/v2/*": reply(body=CONTENT)}) as server:
        for question in (wrong, blob_of("app", CONTENT), wrong):
            with (
                nullcontext()
                if question is not wrong
                else pytest.raises(
                    IntegrityError,
                    match=f"gave {len(CONTENT)} bytes .* which has {len(CONTENT) + 1}",
                )
            ):
                ask(server.url, question, cache=cache)
        # the last one came from the cache
        assert server.count() == 2


NAMELESS = encode({k: v for k, v in IMAGE.manifest.items() if k != "mediaType"})
EMPTY_INDEX = encode({"schemaVersion": 2})


@pytest.mark.parametrize(
    ("raw", "media_type", "requests"),
    [
        (IMAGE.raw, media_types.OCI_MANIFEST, 1),
        (NAMELESS, media_types.OCI_MANIFEST, 1),
        (NAMELESS, media_types.DOCKER_MANIFEST, 2),
        (EMPTY_INDEX, media_types.OCI_INDEX, 2),
    ],
    ids=["said", "usual", "by header", "by header alone"],
)
def test_a_manifest_is_of_one_kind_however_often_it_is_read(raw, media_type, requests):
    """Without a mediaType in it the Content-Type counts, which is not in the cache."""

    async def question(registry):
        return [await registry.manifest("app", Digest.of(raw)) for _ in range(2)]

    answer = reply(body=raw, headers={"Content-Type": media_type})
    with faulty_server({"/v2/app/manifests/*": answer}) as server:
        first, second = ask(server.url, question)
        assert first == second
        assert first.media_type == media_type
        assert server.count() == requests


def test_a_tag_is_asked_for_each_time():
    async def question(registry):
        return [(await registry.manifest("app", "1")).digest for _ in range(2)]

    headers = {"Content-Type": IMAGE.media_type}
    later = plain_image("later")
    answers = [reply(body=image.raw, headers=headers) for image in (IMAGE, later)]
    with faulty_server({"/v2/app/manifests/1": answers}) as server:
        assert ask(server.url, question) == [IMAGE.digest, later.digest]


def test_content_of_another_user_or_registry_is_not_given_out():
    cache = ContentCache()
    with faulty_server({"/v2/*": reply(body=CONTENT)}) as server, faulty_server() as other:
        question = blob_of("app", CONTENT)
        assert ask(server.url, question, cache=cache) == CONTENT
        assert ask(server.url, question, cache=cache) == CONTENT
        assert server.count() == 1
        ask(server.url, question, cache=cache, username="ghost")
        assert server.count() == 2
        with pytest.raises(Exception, match="not scripted"):
            ask(other.url, question, cache=cache)


def test_many_who_want_the_same_wait_for_one():
    async def question(registry):
        reads = (registry.blob("app", descriptor(CONTENT)) for _ in range(50))
        return await asyncio.gather(*reads)

    with faulty_server({"/v2/*": reply(body=CONTENT, delay_seconds=0.05)}) as server:
        assert ask(server.url, question) == [CONTENT] * 50
        assert server.count() == 1


def test_where_the_loader_is_cancelled_the_next_in_line_loads():
    async def race():
        cache, calls = ContentCache(), []
        load = counting(calls, delay_seconds=0.05)
        first, second = (asyncio.create_task(cache.fetch("s", DIGEST, load)) for _ in range(2))
        await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second, len(calls)

    assert asyncio.run(race()) == (CONTENT, 2)


def test_a_waiter_that_is_cancelled_takes_nothing_from_the_others():
    async def race():
        cache, calls = ContentCache(), []
        load = counting(calls, delay_seconds=0.05)
        first, second, third = (
            asyncio.create_task(cache.fetch("s", DIGEST, load)) for _ in range(3)
        )
        await asyncio.sleep(0.01)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        return await first, await third, len(calls)

    assert asyncio.run(race()) == (CONTENT, CONTENT, 1)


def test_a_load_that_nobody_waits_for_is_cancelled():
    ended = []

    async def load():
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(True)

    async def leave():
        cache = ContentCache()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await cache.fetch("s", DIGEST, load)
        # who comes next begins anew, and is not cancelled with what was before
        body = await cache.fetch("s", DIGEST, counting([]))
        return body, list(ended)

    assert asyncio.run(leave()) == (CONTENT, [True])


def test_a_failure_is_each_callers_own_and_is_not_kept():
    """The same digest may be refused in one repository and given in another."""

    async def fail_and_try_again():
        cache, calls = ContentCache(), []
        failing = counting(calls, error=TransportError("lost"), delay_seconds=0.01)
        reads = (cache.fetch("s", DIGEST, failing) for _ in range(3))
        outcomes = await asyncio.gather(*reads, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [TransportError] * 3
        return await cache.fetch("s", DIGEST, counting(calls)), len(calls)

    assert asyncio.run(fail_and_try_again()) == (CONTENT, 4)


def test_those_who_wait_for_a_load_that_fails_do_not_wait_for_each_other():
    """Many tags may share a config that is not there."""
    under_way, most = 0, []

    async def load():
        nonlocal under_way
        under_way += 1
        most.append(under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        raise NotFoundError("not there")

    async def read():
        cache = ContentCache()
        reads = (cache.fetch("s", DIGEST, load) for _ in range(10))
        return await asyncio.gather(*reads, return_exceptions=True)

    assert [type(outcome) for outcome in asyncio.run(read())] == [NotFoundError] * 10
    assert most == [1, *range(1, 10)]


def test_where_one_is_refused_those_who_wait_get_it_and_it_is_kept():
    async def read():
        cache, calls = ContentCache(), []
        refused = counting(calls, error=NotFoundError("not here"), delay_seconds=0.01)
        loads = [refused, *[counting(calls)] * 3]
        outcomes = await asyncio.gather(
            *(cache.fetch("s", DIGEST, load) for load in loads), return_exceptions=True
        )
        return outcomes[1:], cache.get("s", DIGEST)

    assert asyncio.run(read()) == ([CONTENT] * 3, CONTENT)


def test_two_loops_may_share_a_cache():
    cache = ContentCache()

    async def slow():
        return await cache.fetch("s", DIGEST, counting([], delay_seconds=0.3))

    async def both():
        other = asyncio.create_task(asyncio.to_thread(asyncio.run, slow()))
        await asyncio.sleep(0.1)
        mine = await cache.fetch("s", DIGEST, counting([]))
        return mine, await other

    assert asyncio.run(both()) == (CONTENT, CONTENT)


def test_memory_is_bounded_and_the_least_used_goes():
    cache = ContentCache(memory_bytes=1000)
    bodies = [bytes([n]) * 300 for n in range(4)]
    digests = [Digest.of(body) for body in bodies]
    for body, digest in zip(bodies[:3], digests, strict=False):
        cache.put("s", digest, body)
    assert cache.get("s", digests[0]) == bodies[0]
    cache.put("s", digests[3], bodies[3])
    assert [cache.get("s", d) is not None for d in digests] == [True, False, True, True]
    cache.put("s", Digest.of(b"x" * 2000), b"x" * 2000)
    assert cache.get("s", Digest.of(b"x" * 2000)) is None


def test_wrong_content_never_gets_in():
    cache = ContentCache()
    with faulty_server({"/v2/*": reply(body=CONTENT[::-1])}) as server:
        for _ in range(2):
            with pytest.raises(IntegrityError):
                ask(server.url, blob_of("app", CONTENT), cache=cache)
        assert server.count() == 2


def test_manifests_are_cached_by_their_own_digest():
    cache = ContentCache()
    answer = reply(body=IMAGE.raw, headers={"Content-Type": IMAGE.media_type})
    with faulty_server({"/v2/app/manifests/*": answer}) as server:
        ask(server.url, manifest_of("app", "1"), cache=cache)
        scope = f"@{server.url}/app"
    assert cache.get(scope, Digest(IMAGE.digest)) == IMAGE.raw
    assert cache.get("", Digest(IMAGE.digest)) is None
