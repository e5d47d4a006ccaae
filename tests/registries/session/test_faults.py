"""Answers that are wrong: each is a clear error, and none of it stays."""

import hashlib
import tracemalloc
import warnings
from dataclasses import dataclass

import pytest

from ghostnb.errors import (
    ForbiddenError,
    IntegrityError,
    NotFoundError,
    PlatformNotFoundError,
    ProtocolError,
    RejectedError,
    UnsupportedError,
)
from ghostnb.oci import Digest, Platform, Reference
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.reading import read_image
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.replies import Reply, error, html, reply
from tests.parts.standard import STANDARD_IMAGES
from tests.registries.asking import (
    ask,
    blob_of,
    blob_path,
    manifest_of,
    open_registry,
    pieces_of,
    ping,
    refused,
    repositories,
    tags_of,
)

IMAGE = plain_image("faults")
TYPE = {"Content-Type": IMAGE.media_type}
MANIFEST = "/v2/app/manifests/1"
CONTENT = b"0123456789" * 50


def test_an_absent_repository_is_named(registry):
    words = (
        f"reg at {registry.url}/v2/no/such/tags/list",
        "refused the tags of no/such (NAME_UNKNOWN: repository name not known to registry)",
        "Check the spelling",
    )
    found = refused(NotFoundError, *words, url=registry.url, question=tags_of("no/such"))
    assert (found.status, found.diagnostics[0].code) == (404, "NAME_UNKNOWN")


def test_an_absent_tag_is_named(registry):
    words = ("refused library/alpine:nope (MANIFEST_UNKNOWN: manifest unknown)",)
    question = manifest_of("library/alpine", "nope")
    refused(NotFoundError, *words, url=registry.url, question=question)


def test_an_absent_blob_is_named(registry):
    words = (f"refused blob {Digest.of(CONTENT)} of library/alpine (BLOB_UNKNOWN",)
    question = blob_of("library/alpine", CONTENT)
    refused(NotFoundError, *words, url=registry.url, question=question)


def test_an_absent_platform_lists_those_that_there_are(registry):
    def question(client):
        reference = Reference("", "team/multi", "latest")
        return read_image(client, reference, Platform.parse("windows/amd64"))

    words = ("no image for windows/amd64", "linux/amd64, linux/arm64/v8")
    refused(PlatformNotFoundError, *words, url=registry.url, question=question)


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (403, ForbiddenError, "ask for access"),
        (405, UnsupportedError, "switched off"),
        (410, RejectedError, "registry's log"),
    ],
)
def test_refusals_say_what_to_try(status, kind, hint):
    with faulty_server({"/v2/": error(status, "CODE", "its own words")}) as server:
        refused(kind, "(CODE: its own words)", hint, url=server.url)


def test_a_refusal_with_a_page_names_the_status():
    with faulty_server({"/v2/": html(403)}) as server:
        words = f"reg at {server.url}/v2/ refused the ping (HTTP 403)"
        refused(ForbiddenError, words, url=server.url)


@pytest.mark.parametrize(
    "body", [b"", b'{"tags": ["a"', b"null", b"[]", b"{}", b'{"tags": 5}', b"\xff\xfe", b"[" * 9999]
)
@pytest.mark.parametrize("question", [tags_of("app"), repositories])
def test_a_list_that_is_none_is_told(question, body):
    answer = reply(body=body, headers={"Content-Type": "application/json"})
    with faulty_server({"/v2/*": answer}) as server:
        words = ("reg answered with application/json that cannot be read",)
        refused(ProtocolError, *words, url=server.url, question=question)


@pytest.mark.parametrize("body", [b"", IMAGE.raw[:100], b"<html>", b"null"])
def test_a_manifest_that_is_none_is_told(body):
    with faulty_server({MANIFEST: reply(body=body, headers=TYPE)}) as server:
        refused(ProtocolError, "app:1 in reg", url=server.url, question=manifest_of("app", "1"))


def test_a_web_page_instead_of_a_manifest_is_told():
    with faulty_server({MANIFEST: html()}) as server:
        refused(ProtocolError, "app:1 in reg", url=server.url, question=manifest_of("app", "1"))


def test_a_manifest_that_is_not_what_its_header_says_is_refused():
    other = f"sha256:{hashlib.sha256(b'other').hexdigest()}"
    answer = reply(body=IMAGE.raw, headers={**TYPE, "Docker-Content-Digest": other})
    with faulty_server({MANIFEST: answer}) as server:
        words = ("app:1 in reg", other, IMAGE.digest, "it was discarded")
        refused(IntegrityError, *words, url=server.url, question=manifest_of("app", "1"))


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Docker-Content-Digest": "nonsense"},
        {"Docker-Content-Digest": f"sha384:{'a' * 96}"},
    ],
    ids=["absent", "nonsense", "cannot be checked"],
)
def test_a_manifest_needs_no_digest_header(header):
    with faulty_server({MANIFEST: reply(body=IMAGE.raw, headers={**TYPE, **header})}) as server:
        assert ask(server.url, manifest_of("app", "1")).digest == IMAGE.digest


def test_other_content_under_a_digest_is_refused_and_not_kept():
    """Even if the header lies along: what was asked for is what counts."""
    other = plain_image("other")
    headers = {**TYPE, "Docker-Content-Digest": IMAGE.digest}
    cache = ContentCache()
    settings = {"question": manifest_of("app", IMAGE.digest), "cache": cache}
    with faulty_server({"/v2/*": reply(body=other.raw, headers=headers)}) as server:
        words = (f"app@{IMAGE.digest} in reg", other.digest)
        refused(IntegrityError, *words, url=server.url, **settings)
        server.routes["/v2/*"] = reply(body=IMAGE.raw, headers=TYPE)
        assert ask(server.url, settings["question"], cache=cache).digest == IMAGE.digest
        assert server.count() == 2


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (CONTENT[:-1], ("gave 499 bytes for", "which has 500")),
        (CONTENT + b"x", ("gave 501 bytes for", "which has 500")),
        (b"x" * 500, (f"gave content with the digest {Digest.of(b'x' * 500)}",)),
        (b"", ("gave 0 bytes for",)),
    ],
    ids=["shorter", "longer", "other", "empty"],
)
@pytest.mark.parametrize("question", [blob_of("app", CONTENT), pieces_of("app", CONTENT)])
def test_a_blob_that_is_not_what_was_asked_for_is_refused(question, body, words):
    with faulty_server({"/v2/*": reply(body=body)}) as server:
        words = ("app in reg", str(Digest.of(CONTENT)), "discarded", "Try again", *words)
        refused(IntegrityError, *words, url=server.url, question=question)


def test_nothing_of_a_wrong_config_is_kept():
    cache = ContentCache()
    settings = {"question": blob_of("app", CONTENT), "cache": cache}
    with faulty_server({"/v2/*": [reply(body=CONTENT[:-1]), reply(body=CONTENT)]}) as server:
        refused(IntegrityError, url=server.url, **settings)
        assert ask(server.url, settings["question"], cache=cache) == CONTENT


@dataclass(frozen=True)
class Endless(Reply):
    """A body without an end, in chunks."""

    def pieces(self, request):
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        while True:
            yield b"10000\r\n" + b" " * 65536 + b"\r\n"


def test_a_manifest_without_an_end_is_given_up():
    with faulty_server({MANIFEST: Endless()}) as server:
        words = ("reg sent more than 4,194,304 bytes", "the rest was not read")
        refused(ProtocolError, *words, url=server.url, question=manifest_of("app", "1"))
        assert server.count() == 1


def test_a_refusal_without_an_end_is_given_up():
    @dataclass(frozen=True)
    class Refusal(Endless):
        def pieces(self, request):
            for piece in super().pieces(request):
                yield piece.replace(b"200 OK", b"401 Unauthorized")

    with faulty_server({"/v2/": Refusal()}) as server:
        refused(ProtocolError, "reg sent more than 1,048,576 bytes", url=server.url)


def test_a_list_without_an_end_takes_bounded_memory():
    with faulty_server({"/v2/*": Endless()}) as server:
        tracemalloc.start()
        try:
            words = ("reg sent more than 67,108,864 bytes",)
            refused(ProtocolError, *words, url=server.url, question=repositories)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 2 * 67_108_864


def test_a_blob_without_an_end_is_given_up_at_its_size():
    with faulty_server({"/v2/*": Endless()}) as server:
        words = ("which has 500",)
        refused(IntegrityError, *words, url=server.url, question=pieces_of("app", CONTENT))


def test_a_config_that_says_it_is_huge_is_not_asked_for():
    with faulty_server() as server:
        question = blob_of("app", CONTENT, size_bytes=2**30)
        refused(ProtocolError, "1,073,741,824 bytes", url=server.url, question=question)
        assert server.count() == 0


def test_a_coding_that_was_not_asked_for_is_not_undone():
    headers = {"Content-Encoding": "gzip"}
    with faulty_server({"/v2/*": reply(body=CONTENT, headers=headers)}) as server:
        assert ask(server.url, pieces_of("app", CONTENT)) == CONTENT
        assert server.requests[0].headers["accept-encoding"] == "identity"


def test_rate_limits_are_surfaced():
    headers = {
        "RateLimit-Limit": "100;w=21600",
        "RateLimit-Remaining": "76;w=21600",
        "Docker-RateLimit-Source": "192.0.2.1",
    }

    async def question(client):
        assert client.rate_limit is None
        return (await client.ping()).rate_limit, client.rate_limit

    with faulty_server({"/v2/": reply(headers=headers)}) as server:
        told, kept = ask(server.url, question)
    assert told == kept
    assert (told.limit, told.remaining, told.window_seconds) == (100, 76, 21600)
    assert told.source == "192.0.2.1"


def test_a_warning_of_the_registry_is_shown_once():
    text = '299 - "This registry goes away in May"'

    async def question(client):
        await client.ping()
        await client.ping()

    with (
        faulty_server({"/v2/": reply(headers={"Warning": text})}) as server,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always")
        ask(server.url, question)
    assert [str(w.message) for w in caught] == [f"reg says: {text}"]


def test_other_warnings_are_not_shown():
    answer = reply(headers={"Warning": '110 - "stale"'})
    with faulty_server({"/v2/": answer}) as server, warnings.catch_warnings():
        warnings.simplefilter("error")
        ask(server.url, ping)


def test_a_config_of_the_real_registry_is_read_whole(registry):
    document = STANDARD_IMAGES["library/nginx:1.27"]
    raw = document.blobs[0].data
    assert ask(registry.url, blob_of("library/nginx", raw)) == raw
    assert blob_path("library/nginx", raw).endswith(document.manifest["config"]["digest"])
    assert repr(open_registry(registry.url)) == f"<HTTPRegistry reg at {registry.url}>"


def test_a_web_server_that_is_no_registry_is_told_as_such():
    page = reply(404, body=b"<h1>Not Found</h1>")
    with faulty_server({"/*": page}) as server:
        refused(NotFoundError, "answers at", "no registry does", url=server.url)
        words = ("Is there a registry at", 'tags("team/app")')
        refused(NotFoundError, *words, url=server.url, question=repositories)
