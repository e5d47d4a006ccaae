"""What a client refuses: wrong types, hostile names and content that is not what it says."""

import re

import pytest

from ghostnb import InvalidReferenceError, RegistryClient, RegistryConfig, TransportError, run
from ghostnb.errors import IntegrityError, NotFoundError
from tests.parts.faults import faulty_server
from tests.parts.images import Settings, Step, image, plain_image
from tests.parts.layers import layer_of
from tests.parts.processes import free_port
from tests.parts.replies import reply
from tests.serving import serving_images

HOSTILE = [
    "../x",
    "a b",
    "a" * 1000,
    "a\nb",
    "%2e%2e",
    "",
    "/",
    "a//b",
    "A/B",
    "ä",
    "a/../b",
    "a#b",
]
CALLS = {
    "tags": lambda client, name: client.tags(name),
    "details": lambda client, name: client.tags(name, details=True),
    "image": lambda client, name: client.image(name),
    "layers": lambda client, name: client.layers(name),
    "history": lambda client, name: client.history(name),
    "inventory": lambda client, name: client.inventory([name]),
}


@pytest.fixture
def server():
    with faulty_server({"/*": reply(json={})}) as running:
        yield running


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_hostile_names_are_refused_before_any_request(server, call):
    client = RegistryClient(server.url)
    for name in HOSTILE:
        with pytest.raises(InvalidReferenceError):
            run(call(client, name))

    assert server.requests == []


@pytest.mark.parametrize(
    "name",
    ["a/b:", "a/b:bad tag", "a/b@sha256:12", "a/b@", "other:5000/a/b", "ghcr.io/a/b"],
)
def test_hostile_tags_digests_and_hosts_are_refused_before_any_request(server, name):
    with pytest.raises(InvalidReferenceError):
        run(RegistryClient(server.url).image(name))

    assert server.requests == []


@pytest.mark.parametrize("platform", ["linux", "", "a/b/c/d", "linux/am d64"])
def test_what_is_no_platform_is_refused_before_any_request(server, platform):
    with pytest.raises(InvalidReferenceError, match="is not a platform"):
        run(RegistryClient(server.url).image("a/b", platform=platform))

    assert server.requests == []


@pytest.mark.parametrize("wrong", [None, 5, b"a/b", ["a/b"]])
def test_names_of_a_wrong_type_are_a_type_error(server, wrong):
    client = RegistryClient(server.url)
    shown = re.escape(repr(wrong))
    for call in (client.image, client.layers, client.history):
        with pytest.raises(TypeError, match=f"A reference is a text such as .*, not {shown}"):
            run(call(wrong))
    for details in (False, True):
        with pytest.raises(TypeError, match=f"A repository is a text such as .*, not {shown}"):
            run(client.tags(wrong, details=details))
    with pytest.raises(TypeError, match=f"A query is a text, not {shown}"):
        run(client.search(wrong))
    if wrong is not None:
        with pytest.raises(TypeError, match=f"A platform is a text such as .*, not {shown}"):
            run(client.image("a/b", platform=wrong))
        with pytest.raises(TypeError, match=f"A namespace is a text such as .*, not {shown}"):
            run(client.repositories(namespace=wrong))

    assert server.requests == []


@pytest.mark.parametrize("wrong", [5, [None], [5], b"a"])
def test_an_inventory_of_no_names_is_a_type_error(server, wrong):
    client = RegistryClient(server.url)
    for arguments in ({"repositories": wrong}, {"tags": wrong}):
        with pytest.raises(TypeError, match=f"texts such as .*, not {re.escape(repr(wrong))}"):
            run(client.inventory(**arguments))
    with pytest.raises(TypeError):
        run(client.inventory(progress="yes"))

    assert server.requests == []


@pytest.mark.parametrize("query", ["", "   ", "\n"])
def test_an_empty_query_is_a_value_error(server, query):
    with pytest.raises(ValueError, match="empty"):
        run(RegistryClient(server.url).search(query))

    assert server.requests == []


def test_a_negative_limit_is_a_value_error(server):
    with pytest.raises(ValueError, match="negative"):
        run(RegistryClient(server.url).search("a", limit=-1))


@pytest.mark.parametrize("wrong", [None, 5, object()])
def test_a_client_of_nothing_is_a_type_error(wrong):
    with pytest.raises(TypeError, match="an address or a RegistryConfig"):
        RegistryClient(wrong)


def test_a_registry_that_is_not_there_is_an_error_that_says_so():
    url = f"http://127.0.0.1:{free_port()}"

    with pytest.raises(TransportError, match="connection refused") as caught:
        run(RegistryClient(RegistryConfig("team", url)).repositories())

    assert "team" in str(caught.value)
    assert url in str(caught.value)


def test_an_image_that_is_not_there_is_not_found(registry):
    with pytest.raises(NotFoundError, match="library/nginx"):
        run(RegistryClient(registry.url).image("library/nginx:9.9"))


def test_content_that_is_not_what_its_digest_says_is_never_shown():
    built = plain_image("sound")
    config = built.blobs[0]
    with serving_images({"a/b:1": built}) as server:
        server.routes[f"/v2/a/b/blobs/{config.digest}"] = reply(body=config.data[:-1] + b" ")
        for call in (CALLS["image"], CALLS["layers"], CALLS["history"]):
            with pytest.raises(IntegrityError, match=config.digest):
                run(call(RegistryClient(server.url), "a/b:1"))


def test_an_images_html_escapes_what_strangers_wrote(fresh_registry):
    from tests.parts.pushes import Pusher

    bad = "<script>alert(1)</script>"
    settings = Settings(labels={bad: bad}, env=(bad,), cmd=(bad,), entrypoint=(bad,), author=bad)
    built = image([Step(bad, layer_of("x", size_bytes=123_456))], settings)
    with Pusher(fresh_registry.url) as pusher:
        pusher.push("a/b", "1", built)
    found = run(RegistryClient(fresh_registry.url).image("a/b:1"))
    html = found._repr_html_()

    assert found.labels == {bad: bad}
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 6
    assert f"{built.total_bytes:,} bytes" in html
    assert built.digest in html
