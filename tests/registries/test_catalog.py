"""Search and details from lists alone: although some of it cannot be read."""

import asyncio

import pytest

from ghostnb.errors import (
    ForbiddenError,
    IntegrityError,
    InvalidReferenceError,
    ProtocolError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Digest
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.catalog import (
    details_by_digest,
    details_of_tags,
    main_tag,
    search_catalog,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.wire.retries import RetryPolicy
from tests.parts import media_types
from tests.parts.images import Document, encode, index, plain_image
from tests.parts.replies import drop, html, reply
from tests.serving import serving_images

ONE, TWO = plain_image("one"), plain_image("two", platform="linux/arm64/v8")
IMAGES = {"a/app:1": ONE, "b/app:1": TWO}


def ask(server, question):
    async def work():
        config = RegistryConfig("team", server.url)
        registry = HTTPRegistry(config, cache=ContentCache(), policy=RetryPolicy(max_attempts=1))
        try:
            return [record async for record in question(registry)]
        finally:
            await registry.aclose()

    return asyncio.run(work())


def found(server, query="app", limit=25):
    return ask(server, lambda registry: search_catalog(registry, query, limit=limit))


def details(server):
    return ask(server, lambda registry: details_of_tags(registry, "a/b"))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([], None),
        (["1.9", "1.10", "1.2"], "1.10"),
        (["z", "latest", "1"], "latest"),
        (["v2", "v10", "v9-rc1"], "v10"),
        (["9" * 5000, "1"], "9" * 5000),
        (["1.0", "1.0-alpine"], "1.0-alpine"),
    ],
)
def test_the_main_tag_is_latest_or_the_highest(tags, expected):
    assert main_tag(tags) == expected


FAULTS = [
    pytest.param(reply(404), None, id="absent"),
    pytest.param(reply(401), UnauthorizedError, id="unauthorized"),
    pytest.param(reply(403), ForbiddenError, id="forbidden"),
    pytest.param(reply(405), UnsupportedError, id="switched off"),
    pytest.param(reply(body=b"{"), ProtocolError, id="broken"),
    pytest.param(html(), ProtocolError, id="web page"),
]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
def test_a_search_gives_a_name_though_its_image_cannot_be_read(fault, kind):
    with serving_images(IMAGES) as server:
        server.routes["/v2/a/app/manifests/1"] = fault
        records = found(server)

    assert [(one.repository, one.tag, one.digest) for one in records] == [
        ("a/app", "1", None),
        ("b/app", "1", TWO.digest),
    ]
    assert [kind_of(one) for one in records] == [kind, None]


@pytest.mark.parametrize(("fault", "kind"), FAULTS)
def test_a_search_gives_a_name_though_its_tags_cannot_be_read(fault, kind):
    with serving_images(IMAGES) as server:
        server.routes["/v2/a/app/tags/list"] = fault
        records = found(server)

    assert [(one.repository, one.tag) for one in records] == [("a/app", None), ("b/app", "1")]
    assert [kind_of(one) for one in records] == [kind, None]


def kind_of(record):
    return None if record.error is None else type(record.error)


def test_a_search_gives_a_name_though_its_content_is_damaged():
    with serving_images(IMAGES) as server:
        server.routes[f"/v2/a/app/blobs/{ONE.blobs[0].digest}"] = reply(body=b"other")
        records = found(server)

    assert [one.size_bytes for one in records] == [None, TWO.total_bytes]
    assert [kind_of(one) for one in records] == [IntegrityError, None]


def test_a_search_gives_a_name_though_its_only_tag_can_be_none():
    with serving_images(IMAGES) as server:
        server.routes["/v2/a/app/tags/list"] = reply(json={"tags": ["bad tag"]})
        records = found(server)

    assert [(one.repository, one.tag) for one in records] == [("a/app", "bad tag"), ("b/app", "1")]
    assert [kind_of(one) for one in records] == [InvalidReferenceError, None]


def test_a_search_of_a_registry_that_went_away_is_an_error():
    with serving_images(IMAGES) as server:
        server.routes["/v2/a/app/tags/list"] = drop()
        with pytest.raises(TransportError):
            found(server)


def test_a_search_reads_no_more_than_it_gives():
    with serving_images(IMAGES) as server:
        assert [one.repository for one in found(server, limit=1)] == ["a/app"]
        assert server.count("/v2/b/app/tags/list") == 0


def test_details_leave_out_a_tag_that_went_away():
    with serving_images({"a/b:1": ONE, "a/b:2": TWO}) as server:
        server.routes["/v2/a/b/manifests/1"] = reply(404)
        records = details(server)

    assert [one.tag for one in records] == ["2"]


def test_details_keep_a_tag_of_which_a_part_was_never_pushed():
    with serving_images({"a/b:1": index([ONE, TWO])}) as server:
        server.routes[f"/v2/a/b/manifests/{ONE.digest}"] = reply(404)
        records = details(server)

    assert [(one.tag, one.platforms) for one in records] == [("1", ("linux/arm64/v8",))]


def test_details_keep_a_tag_of_which_an_index_was_never_pushed():
    nested = index([TWO])
    with serving_images({"a/b:1": index([ONE, nested])}) as server:
        server.routes[f"/v2/a/b/manifests/{nested.digest}"] = reply(404)
        records = details(server)

    assert [(one.tag, one.platforms, one.size_bytes, one.error) for one in records] == [
        ("1", ("linux/amd64",), ONE.total_bytes, None)
    ]


def test_details_and_a_search_say_so_where_a_config_is_not_there():
    with serving_images({"a/b:1": ONE}) as server:
        server.routes[f"/v2/a/b/blobs/{ONE.blobs[0].digest}"] = reply(404)
        records = [*details(server), *found(server, "a/b")]

    assert [(one.tag, one.size_bytes, kind_of(one)) for one in records] == [
        ("1", None, ProtocolError)
    ] * 2


def test_details_never_come_from_damaged_content():
    with serving_images({"a/b:1": ONE}) as server:
        server.routes[f"/v2/a/b/blobs/{ONE.blobs[0].digest}"] = reply(body=b"other")
        [record] = details(server)

    assert isinstance(record.error, IntegrityError)
    assert (record.tag, record.digest, record.size_bytes) == ("1", None, None)


def test_details_keep_the_name_of_a_tag_that_can_be_none():
    with serving_images({"a/b:1": ONE, "a/b:2": TWO}) as server:
        server.routes["/v2/a/b/tags/list"] = reply(json={"tags": ["1", "bad tag", "2"]})
        records = details(server)

    assert [(one.tag, one.size_bytes, kind_of(one)) for one in records] == [
        ("1", ONE.total_bytes, None),
        ("bad tag", None, InvalidReferenceError),
        ("2", TWO.total_bytes, None),
    ]


def test_details_keep_the_name_of_a_tag_whose_content_cannot_be_checked():
    """Its index names an image by an algorithm that is not known here."""
    entry = {**ONE.descriptor(), "digest": "blake3:abcdef"}
    raw = encode({"schemaVersion": 2, "mediaType": media_types.OCI_INDEX, "manifests": [entry]})
    odd = Document(media_types.OCI_INDEX, raw)
    with serving_images({"a/b:1": odd, "a/b:2": TWO}) as server:
        server.routes["/v2/a/b/manifests/blake3:abcdef"] = reply(body=ONE.raw)
        records = details(server)

    assert [(one.tag, one.size_bytes, kind_of(one)) for one in records] == [
        ("1", None, InvalidReferenceError),
        ("2", TWO.total_bytes, None),
    ]


def test_a_tag_that_was_moved_since_it_was_listed_leads_to_what_it_leads_to_now():
    """What it led to is gone, perhaps; the tag is not. One that is gone as well is left out."""

    async def listed():
        for tag in ("1", "none"):
            yield tag, Digest(TWO.digest)

    with serving_images({"a/b:1": ONE}) as server:
        told = ask(server, lambda registry: details_by_digest(registry, "a/b", listed()))

    assert [(one.tag, one.digest) for one in told] == [("1", ONE.digest)]
