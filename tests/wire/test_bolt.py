"""Bolt's requests and replies, without a network."""

import msgspec
import pytest

from ghostnb.errors import InvalidReferenceError, ProtocolError
from ghostnb.wire.bolt import (
    PLUGINS,
    PROFILES,
    TEMPLATES,
    BoltEndpoint,
    BoltUpload,
    ProfileEntry,
    SystemRequirements,
    decode_entries,
    decode_upload,
)
from ghostnb.wire.messages import Reply

BASE = "https://r.example:5000/under"
ENDPOINT = BoltEndpoint(BASE)
HOSTILE = ["", "..", "../x", "a/b", "Steam", "a b", "a\n", "ü", "%2e", "a" * 300]
ENTRY = {
    "name": "steam",
    "version": "1",
    "description": "d",
    "author": "a",
    "tags": ["x"],
    "compatible_games": ["g"],
    "downloads": 3,
    "rating": 4.5,
    "system_requirements": {
        "min_cpu_cores": 8,
        "min_memory_gb": None,
        "required_gpu_vendor": None,
        "min_gpu_memory_gb": None,
        "supported_os": ["linux"],
    },
}
PAGE = {"results": [ENTRY], "total": 1, "page": 1, "per_page": 20, "pages": 1}


def reply(document):
    return Reply(200, {"content-type": "application/json"}, msgspec.json.encode(document), BASE)


CATALOG = "registry:catalog:*"


@pytest.mark.parametrize(
    ("request_", "method", "url", "scope"),
    [
        (ENDPOINT.listing(PROFILES, 1, 20), "GET", "/v1/profiles?page=1&per_page=20", CATALOG),
        (ENDPOINT.search(PLUGINS, {}, 1, 20), "POST", "/v1/plugins/search", CATALOG),
        (
            ENDPOINT.download(TEMPLATES, "web", None),
            "GET",
            "/v1/templates/web/download",
            "repository:bolt/templates/web:pull",
        ),
        (
            ENDPOINT.download(PROFILES, "a.b_c-d", "1.0"),
            "GET",
            "/v1/profiles/a.b_c-d/download?version=1.0",
            "repository:bolt/profiles/a.b_c-d:pull",
        ),
        (
            ENDPOINT.delete(PLUGINS, "dlss", None),
            "DELETE",
            "/v1/plugins/dlss",
            "repository:bolt/plugins/dlss:delete",
        ),
        (
            ENDPOINT.delete(PLUGINS, "dlss", "1_0"),
            "DELETE",
            "/v1/plugins/dlss?version=1_0",
            "repository:bolt/plugins/dlss:delete",
        ),
        (
            ENDPOINT.upload(PROFILES, {"profile": {"name": "x"}}, overwrite=False),
            "POST",
            "/v1/profiles/upload",
            "repository:bolt/profiles/x:pull,push",
        ),
        (
            ENDPOINT.upload(PROFILES, {"profile": {"name": "x"}}, overwrite=True),
            "POST",
            "/v1/profiles/upload?overwrite=true",
            "repository:bolt/profiles/x:pull,push",
        ),
    ],
)
def test_requests(request_, method, url, scope):
    assert (request_.method, request_.url) == (method, BASE + url)
    assert request_.scopes == (scope,)


def test_a_search_carries_filters_and_page():
    request = ENDPOINT.search(PROFILES, {"query": "steam", "tags": ["a"]}, 2, 50)

    assert msgspec.json.decode(request.body) == {
        "query": "steam",
        "tags": ["a"],
        "page": 2,
        "per_page": 50,
    }
    assert request.headers["content-type"] == "application/json"


def test_bytes_are_sent_in_base64():
    document = {"plugin": {"name": "x"}, "plugin_data": b"\x00\xff"}
    request = ENDPOINT.upload(PLUGINS, document, overwrite=False)

    assert msgspec.json.decode(request.body)["plugin_data"] == "AP8="


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_hostile_names_are_refused_before_anything_is_sent(name):
    for build in (
        lambda: ENDPOINT.download(PROFILES, name, None),
        lambda: ENDPOINT.delete(PROFILES, name, None),
        lambda: ENDPOINT.upload(PROFILES, {"profile": {"name": name}}, overwrite=False),
    ):
        with pytest.raises(InvalidReferenceError, match="profile's name"):
            build()


@pytest.mark.parametrize("version", ["", "../x", "1 0", "1+b", "v" * 129])
def test_versions_that_cannot_be_are_refused(version):
    with pytest.raises(InvalidReferenceError):
        ENDPOINT.download(PROFILES, "steam", version)


def test_a_shelf_knows_where_its_things_are():
    assert PROFILES.repository("steam") == "bolt/profiles/steam"
    assert (PROFILES.folder, PLUGINS.folder, TEMPLATES.folder) == (
        "bolt/profiles",
        "bolt/plugins",
        "bolt/templates",
    )


def test_a_page_is_read_as_published():
    page = decode_entries(reply(PAGE), PROFILES, registry="reg")

    assert (page.total, page.page, page.per_page, page.pages) == (1, 1, 20, 1)
    assert page.results == (
        ProfileEntry(
            name="steam",
            version="1",
            description="d",
            author="a",
            downloads=3,
            rating=4.5,
            tags=("x",),
            compatible_games=("g",),
            system_requirements=SystemRequirements(min_cpu_cores=8, supported_os=("linux",)),
        ),
    )


def test_what_a_newer_registry_adds_is_passed_over():
    page = {**PAGE, "results": [{**ENTRY, "stars": 5}], "next": "x"}

    assert decode_entries(reply(page), PROFILES, registry="reg").results[0].name == "steam"


@pytest.mark.parametrize(
    "document",
    [{}, [], "x", {**PAGE, "results": [{}]}, {**PAGE, "results": None}, {**PAGE, "pages": "1"}],
    ids=str,
)
def test_what_is_no_page_is_a_protocol_error(document):
    with pytest.raises(ProtocolError, match="reg answered with application/json"):
        decode_entries(reply(document), PROFILES, registry="reg")


def test_the_answer_to_an_upload_is_read_with_or_without_a_digest():
    published = {"message": "m", "profile": "steam", "version": "1"}

    assert decode_upload(reply(published), PROFILES, registry="reg") == BoltUpload(
        "reg", "steam", "1"
    )
    known = {**published, "digest": "sha256:0"}
    assert decode_upload(reply(known), PROFILES, registry="reg").digest == "sha256:0"
    with pytest.raises(ProtocolError):
        decode_upload(reply([]), PROFILES, registry="reg")
