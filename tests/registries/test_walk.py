"""Every image of a registry: in its order, bounded, and past what cannot be read."""

import asyncio
from contextlib import aclosing

import pytest

from ghostnb.errors import InvalidReferenceError, NotFoundError, ServerError
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.walk import Failure, Tally, walk
from ghostnb.wire.retries import RetryPolicy
from tests.parts.images import index, plain_image
from tests.parts.replies import html, reply
from tests.serving import serving_images, until

MULTI = index([plain_image("amd"), plain_image("arm", platform="linux/arm64/v8")])
IMAGES = {
    "b/two:z": plain_image("z"),
    "b/two:a": MULTI,
    "a/one:1": plain_image("one"),
    "c/three:latest": plain_image("three"),
}
ONCE = RetryPolicy(max_attempts=1)


def registry_at(server):
    return HTTPRegistry(RegistryConfig("team", server.url), cache=ContentCache(), policy=ONCE)


def walked(server, tally=None, **options):
    """Walk, and give repository, tag and platform of each image."""

    async def work():
        registry = registry_at(server)
        found = walk(registry, tally or Tally(), **options)
        images = [(one.repository, one.tag, one.platform) async for one in found]
        await registry.aclose()
        return images

    return asyncio.run(work())


def test_images_come_in_the_registrys_own_order_whatever_is_answered_first():
    with serving_images(IMAGES) as server:
        slow = server.routes["/v2/b/two/manifests/z"]
        late = dict(slow.headers), slow.body
        server.routes["/v2/b/two/manifests/z"] = reply(
            headers=late[0], body=late[1], delay_seconds=0.3
        )
        tally = Tally()
        found = walked(server, tally)

    assert found == [
        ("b/two", "z", "linux/amd64"),
        ("b/two", "a", "linux/amd64"),
        ("b/two", "a", "linux/arm64/v8"),
        ("a/one", "1", "linux/amd64"),
        ("c/three", "latest", "linux/amd64"),
    ]
    assert (tally.done, tally.total, tally.failures) == (4, 4, [])


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"repositories": ["c/three", "a/one"]}, ["c/three:latest", "a/one:1"]),
        ({"repositories": ["c/three", "c/three"]}, ["c/three:latest"]),
        ({"repositories": ["?/o*"]}, ["a/one:1"]),
        ({"repositories": ["[bc]/*"], "tags": ["[l-z]*"]}, ["b/two:z", "c/three:latest"]),
        ({"repositories": ["*"], "tags": ["1"]}, ["a/one:1"]),
        ({"tags": []}, []),
        ({"repositories": []}, []),
        ({"repositories": ["A/ONE*"]}, []),
    ],
)
def test_names_and_patterns_choose(options, expected):
    with serving_images(IMAGES) as server:
        found = walked(server, **options)

    assert [f"{repository}:{tag}" for repository, tag, _ in found] == expected


def test_names_are_taken_as_they_are_and_patterns_ask_the_catalog():
    with serving_images(IMAGES) as server:
        walked(server, repositories=["a/one"])
        assert server.count("/v2/_catalog") == 0
        assert server.count("/v2/b/two/tags/list") == 0
        walked(server, repositories=["a/*"])
        assert server.count("/v2/_catalog") == 1
        assert server.count("/v2/b/two/tags/list") == 0


def test_tags_that_are_not_wanted_are_not_read():
    with serving_images(IMAGES) as server:
        tally = Tally()
        walked(server, tally, tags=["z"])

        assert server.count("/v2/b/two/manifests/a") == 0
        assert (tally.done, tally.total) == (1, 1)


def test_what_cannot_be_read_is_told_with_its_place_and_the_rest_comes():
    with serving_images(IMAGES) as server:
        server.routes["/v2/b/two/manifests/z"] = reply(404)
        server.routes["/v2/a/one/tags/list"] = html(500)
        server.routes[f"/v2/b/two/manifests/{MULTI.children[0].digest}"] = reply(404)
        tally = Tally()
        found = walked(server, tally)

    assert found == [("b/two", "a", "linux/arm64/v8"), ("c/three", "latest", "linux/amd64")]
    assert {(f.registry, f.repository, f.tag, type(f.error)) for f in tally.failures} == {
        ("team", "b/two", "z", NotFoundError),
        ("team", "b/two", "a", NotFoundError),
        ("team", "a/one", "", ServerError),
    }
    assert tally.done == tally.total == 3


def test_an_index_that_is_missing_within_another_is_told_and_the_rest_comes():
    nested = index([plain_image("inner", platform="linux/s390x")])
    with serving_images({"a/b:1": index([plain_image("amd"), nested])}) as server:
        server.routes[f"/v2/a/b/manifests/{nested.digest}"] = reply(404)
        tally = Tally()
        found = walked(server, tally)

    assert found == [("a/b", "1", "linux/amd64")]
    assert [(f.tag, type(f.error)) for f in tally.failures] == [("1", NotFoundError)]


def test_a_tag_that_can_be_none_is_told_and_the_rest_comes():
    with serving_images(IMAGES) as server:
        server.routes["/v2/b/two/tags/list"] = reply(json={"tags": ["z", "bad tag", "", "a"]})
        tally = Tally()
        found = walked(server, tally, repositories=["b/two", "a/one"])

    assert [(repository, tag) for repository, tag, _ in found] == [
        ("b/two", "z"),
        ("b/two", "a"),
        ("b/two", "a"),
        ("a/one", "1"),
    ]
    assert [(f.repository, f.tag, type(f.error)) for f in tally.failures] == [
        ("b/two", "bad tag", InvalidReferenceError),
        ("b/two", "", InvalidReferenceError),
    ]
    assert tally.done == tally.total == 3


def test_a_registry_that_lists_nothing_is_an_error():
    with serving_images(IMAGES) as server:
        server.routes["/v2/_catalog"] = reply(404)
        with pytest.raises(NotFoundError):
            walked(server, Tally())


def test_a_failure_is_plain_text_for_a_frame():
    error = NotFoundError("Not there.", hint="Look elsewhere.")

    assert Failure("r", "a/b", "1", error).as_dict() == {
        "registry": "r",
        "repository": "a/b",
        "tag": "1",
        "error": "NotFoundError",
        "message": "Not there. Look elsewhere.",
    }


def test_no_more_is_read_ahead_than_the_window():
    image = plain_image("same")
    with serving_images({f"a/b:t{n:04}": image for n in range(2000)}) as server:

        async def first_only():
            registry = registry_at(server)
            async with aclosing(walk(registry, Tally())) as images:
                first = await anext(images)
                # The reader goes no further while nobody takes what it has read.
                await asyncio.sleep(0.5)
                begun = len([r for r in server.seen() if "/manifests/" in r.path])
            await registry.aclose()
            return first.tag, begun

        tag, begun = asyncio.run(first_only())

    assert tag == "t0000"
    assert begun <= 257


def test_a_walk_that_is_left_stops_all_that_it_began():
    with serving_images(IMAGES) as server:
        for name in ("a/one", "c/three"):
            slow = reply(json={"tags": ["1"]}, delay_seconds=5)
            server.routes[f"/v2/{name}/tags/list"] = slow

        async def read_all(registry):
            return [image async for image in walk(registry, Tally())]

        async def leave():
            registry = registry_at(server)
            reading = asyncio.ensure_future(read_all(registry))
            await until(lambda: server.count("/v2/c/three/tags/list"))
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            await registry.aclose()
            return left

        assert asyncio.run(leave()) == set()


def test_a_catalog_that_breaks_off_leaves_what_it_gave():
    with serving_images(IMAGES) as server:
        pages = [
            reply(
                json={"repositories": ["a/one"]}, headers={"Link": '</v2/_catalog?n=2>; rel="next"'}
            ),
            reply(404),
        ]
        server.routes["/v2/_catalog"] = pages
        tally = Tally()

        async def read_all():
            registry = registry_at(server)
            try:
                return {image.repository async for image in walk(registry, tally)}
            finally:
                await registry.aclose()

        found = asyncio.run(read_all())

    assert found == {"a/one"}
    [failure] = tally.failures
    assert (failure.repository, type(failure.error)) == ("", NotFoundError)
