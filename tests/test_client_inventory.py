"""Inventories: all there is, what could not be read, what it costs, what it holds in memory."""

import asyncio
import base64
import json
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import pytest

from ghostnb import NotFoundError, RegistryClient, RegistryConfig, ServerError, run
from ghostnb.registries.cache import default_cache
from tests.parts.images import index, plain_image
from tests.parts.pushes import push_many
from tests.parts.registries import docker_registry
from tests.parts.replies import reply
from tests.parts.standard import STANDARD_IMAGES
from tests.parts.storage import write_storage
from tests.scripts import run_script
from tests.serving import CountingTransport, serving_images, wait_until


@pytest.fixture(autouse=True)
def nothing_known():
    """Begin with an empty cache; its directory is this test's own home."""
    default_cache.cache_clear()
    yield
    default_cache.cache_clear()


def rows(frame) -> Counter:
    names = ["repository", "tag", "image_digest", "position", "digest"]
    return Counter(zip(*(map(str, frame[name]) for name in names), strict=True))


def expected_rows(wanted=lambda name: True) -> Counter:
    found: Counter = Counter()
    for name, document in STANDARD_IMAGES.items():
        repository, _, tag = name.rpartition(":")
        for leaf in leaves(document) if wanted(name) else ():
            for n, layer in enumerate(leaf.manifest["layers"]):
                found[repository, tag, leaf.digest, str(n), layer["digest"]] += 1
    return found


def leaves(document):
    if not document.children:
        return [] if document.platform == "unknown/unknown" else [document]
    return [leaf for child in document.children for leaf in leaves(child)]


@pytest.fixture
def transport():
    return CountingTransport()


@pytest.fixture
def client(registry, transport):
    made = RegistryClient(RegistryConfig("local", registry.url), transport=transport)
    yield made
    run(made.aclose())


def test_an_inventory_is_every_layer_of_every_image(client, recwarn):
    frame = run(client.inventory())

    assert rows(frame) == expected_rows()
    assert set(frame["registry"]) == {"local"}
    assert frame.attrs["errors"] == []
    assert not recwarn.list


@pytest.mark.parametrize(
    ("repositories", "tags", "wanted"),
    [
        ("library/alpine", None, lambda name: name.startswith("library/alpine:")),
        (["library/*"], None, lambda name: name.startswith("library/")),
        (
            ("library/nginx", "team/multi"),
            None,
            lambda n: n.startswith(("library/n", "team/multi")),
        ),
        (["library/nginx", "team/m*"], None, lambda n: n.startswith(("library/n", "team/m"))),
        (None, "latest", lambda name: name.endswith(":latest")),
        (None, ["3.*", "1.?"], lambda name: ":3." in name or name[-4:-1] in (":1.",)),
        ("*/app/*", "1.[01]", lambda name: name.startswith("team/app/api:1.")),
        ("library/alpine", ["absent"], lambda name: False),
        ([], None, lambda name: False),
        ("absent/*", None, lambda name: False),
    ],
)
def test_an_inventory_of_names_and_patterns(client, repositories, tags, wanted):
    assert rows(run(client.inventory(repositories, tags=tags))) == expected_rows(wanted)


def test_names_alone_need_no_catalog_and_patterns_do(client, transport):
    run(client.inventory(["library/alpine", "library/alpine"], tags="3.19"))
    assert transport.count("_catalog") == 0
    assert transport.count("/tags/list") == 1
    assert transport.count("/manifests/") == 1

    run(client.inventory("library/alp*", tags="3.19"))
    assert transport.count("_catalog") == 1


def test_a_second_inventory_costs_at_most_one_request_a_tag(client, transport):
    cold = rows(run(client.inventory()))
    first = len(transport.paths)
    for _ in range(2):
        transport.paths.clear()
        assert rows(run(client.inventory())) == cold
        manifests = [path for path in transport.paths if "/manifests/" in path]
        assert len(manifests) <= len(STANDARD_IMAGES)
        assert transport.count("/blobs/") == 0
        assert len(transport.paths) < first


COUNTED = """
import os, sys
os.environ["GHOSTNB_CACHE"] = sys.argv[2]
from ghostnb import RegistryClient, run
from tests.serving import CountingTransport
transport = CountingTransport()
frame = run(RegistryClient(sys.argv[1], transport=transport).inventory())
print(len(frame), transport.count("/blobs/"), transport.count("/manifests/"))
"""


def test_another_process_finds_what_the_first_has_read(registry, tmp_path):
    cold = run_script(COUNTED, registry.url, str(tmp_path)).split()
    warm = run_script(COUNTED, registry.url, str(tmp_path)).split()

    assert int(cold[1]) > 5
    assert warm[0] == cold[0]
    assert warm[1] == "0"
    assert int(warm[2]) <= len(STANDARD_IMAGES) < int(cold[2])


def test_another_process_of_the_same_docker_login_finds_it_too(htpasswd_registry, home, tmp_path):
    user = f"{htpasswd_registry.username}:{htpasswd_registry.password}".encode()
    auth = {"auth": base64.b64encode(user).decode()}
    (home / ".docker").mkdir()
    file = home / ".docker" / "config.json"
    file.write_text(json.dumps({"auths": {htpasswd_registry.host: auth}}))
    cold = run_script(COUNTED, htpasswd_registry.url, str(tmp_path)).split()
    warm = run_script(COUNTED, htpasswd_registry.url, str(tmp_path)).split()

    assert int(cold[1]) > 5
    assert warm[:2] == [cold[0], "0"]
    assert int(warm[2]) <= len(STANDARD_IMAGES) < int(cold[2])


def test_progress_tells_done_and_total_to_the_end(client):
    seen = []
    run(client.inventory(progress=lambda done, total: seen.append((done, total))))

    assert seen[-1] == (len(STANDARD_IMAGES), len(STANDARD_IMAGES))
    assert all(done <= total for done, total in seen)
    assert seen == sorted(seen)


IMAGES = {"a/b:good": plain_image("good"), "a/b:bad": plain_image("bad"), "c/d:1": plain_image("1")}


def test_what_could_not_be_read_is_told_once_and_the_rest_is_there():
    with serving_images(IMAGES) as server:
        broken = IMAGES["a/b:bad"].blobs[0].digest
        server.routes[f"/v2/a/b/blobs/{broken}"] = reply(404)
        client = RegistryClient(RegistryConfig("team", server.url))
        with pytest.warns(UserWarning, match="not whole") as told:
            frame = run(client.inventory())

    assert len(told) == 1
    assert 'attrs["errors"]' in str(told[0].message)
    assert frame["tag"].tolist() == ["good"] * 3 + ["1"] * 3
    (error,) = frame.attrs["errors"]
    assert set(error) == {"registry", "repository", "tag", "error", "message"}
    assert {**error, "message": ""} == {
        "registry": "team",
        "repository": "a/b",
        "tag": "bad",
        "error": "ProtocolError",
        "message": "",
    }
    assert broken in error["message"]


def test_a_repository_that_is_not_there_is_an_error_beside_the_rest():
    with serving_images(IMAGES) as server, pytest.warns(UserWarning, match="not whole"):
        frame = run(RegistryClient(server.url).inventory(["c/d", "no/such"]))

    assert len(frame) == 3
    assert [(e["repository"], e["tag"]) for e in frame.attrs["errors"]] == [("no/such", "")]


def test_where_nothing_could_be_read_the_error_is_raised():
    with serving_images(IMAGES) as server:
        client = RegistryClient(server.url)
        with pytest.raises(NotFoundError, match="no/such"):
            run(client.inventory("no/such"))
        server.routes["/v2/_catalog"] = reply(501)
        with pytest.raises(ServerError):
            run(client.inventory())


def test_one_image_without_layers_is_something_that_could_be_read():
    images = {"a/b:empty": STANDARD_IMAGES["team/empty:latest"], "a/b:bad": plain_image("bad")}
    bad = {"/v2/a/b/manifests/bad": reply(404)}
    with serving_images(images, **bad) as server, pytest.warns(UserWarning, match="not whole"):
        frame = run(RegistryClient(server.url).inventory())

    assert frame.empty
    assert len(frame.attrs["errors"]) == 1


def test_a_platform_that_was_never_pushed_does_not_hide_the_others():
    both = index([plain_image("amd"), plain_image("arm", platform="linux/arm64/v8")])
    with serving_images({"a/b:1": both}) as server:
        server.routes[f"/v2/a/b/manifests/{both.children[0].digest}"] = reply(404)
        with pytest.warns(UserWarning, match="not whole"):
            frame = run(RegistryClient(server.url).inventory())

    assert set(frame["platform"]) == {"linux/arm64/v8"}
    assert len(frame) == 3


def test_a_cancelled_inventory_asks_for_nothing_more():
    slow = reply(json={"tags": ["1"]}, delay_seconds=0.3)
    names = [f"a/r{n}" for n in range(60)]
    routes = {f"/v2/{name}/tags/list": slow for name in names}
    with serving_images({}, **routes) as server:
        server.routes["/v2/_catalog"] = reply(json={"repositories": names})
        client = RegistryClient(server.url)

        async def give_up():
            async with asyncio.timeout(0.5):
                await client.inventory(progress=False)

        with pytest.raises(TimeoutError):
            asyncio.run(give_up())

        async def tasks():
            await asyncio.sleep(0.05)
            return len(asyncio.all_tasks()) - 1

        wait_until(lambda: run(tasks()) == 0, seconds=1)
        asked = server.count()
        run(asyncio.sleep(0.5))
        assert server.count() == asked


@pytest.fixture
def fast_directory():
    """Give a directory in memory where there is one: ten thousand files are slow on disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


def test_3000_tags_and_1200_repositories(fast_directory):
    image = plain_image("same", layers=1)
    repositories = {f"r/{n:04}": {"1": image} for n in range(1200)}
    repositories["many/tags"] = {f"t{n}": image for n in range(3000)}
    write_storage(fast_directory, repositories)
    with docker_registry(storage_dir=fast_directory) as running:
        client = RegistryClient(running.url)
        tags = run(client.tags("many/tags"))["tag"]
        names = run(client.repositories())["repository"]
        some = run(client.repositories(1100))

    assert sorted(tags) == sorted(repositories["many/tags"])
    assert sorted(names) == sorted(repositories)
    assert len(some) == 1100


MEASURED = """
import resource
from ghostnb import RegistryClient, run
from tests.parts.storage import many_images
from tests.serving import MemoryTransport
images = many_images(4000)
named = {f"large:t{n}": image for n, image in enumerate(images)}
transport = MemoryTransport({"small:1": images[0], **named})
client = RegistryClient("https://registry.invalid", transport=transport)
run(client.inventory("small"))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
frame = run(client.inventory("large"))
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(len(frame), frame["image_digest"].nunique(), (after - before) // 1024, transport.most_held)
"""


def test_memory_stays_bounded_while_4000_images_are_read():
    count, distinct, megabytes, held = map(int, run_script(MEASURED).split())

    assert (count, distinct) == (16_000, 4000)
    # Some 12 are usual; 48 were seen when nothing held the reading back.
    assert megabytes < 32
    assert held <= 16


def test_an_inventory_may_be_pushed_to_while_it_is_read(fresh_registry):
    push_many(fresh_registry.url, [("a/b", f"t{n}", plain_image("x")) for n in range(5)])
    client = RegistryClient(fresh_registry.url)

    async def both():
        reading = asyncio.ensure_future(client.inventory())
        more = [("a/b", f"u{n}", plain_image("y")) for n in range(5)]
        await asyncio.to_thread(push_many, fresh_registry.url, more)
        return await reading

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(asyncio.run(both())) >= 15
