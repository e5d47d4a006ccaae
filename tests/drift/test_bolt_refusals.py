"""Uploads that cannot be right: each is refused with what is wrong, where, and what to do."""

from __future__ import annotations

import asyncio
import base64
import json

import httpx2
import pytest

from ghostnb.drift import bodies, create_app
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked
from tests.drift.bolt_uploads import CASES, PLUGINS, PROFILES, TEMPLATES, got, names, refusal
from tests.parts.drift import IN_PROCESS_URL

every_kind = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)
HOSTILE_NAMES = [
    "",
    "../x",
    "..",
    ".",
    "a/b",
    "/etc/passwd",
    "a\\b",
    "Steam",
    "größe",
    "steam gaming",
    "steam\n",
    "steam\x00",
    "-steam",
    "steam-",
    "a" * 300,
    "%2e%2e",
    "💥",
]
HOSTILE_VERSIONS = [
    "",
    "1.0+build",
    "../1",
    "a/b",
    "1 0",
    "-1",
    ".1",
    "v" * 129,
    "1\n",
    "ü",
    "latest",
]
BIG_TEXT = 256 * 2**10


@pytest.fixture
def app():
    app = create_app(MemoryRegistry())
    yield app
    # Nothing of what was refused is there.
    for case in CASES:
        assert names(app, case.base) == []
    assert got(app, "/v2/_catalog") == [{"repositories": []}]


def sent(app, case, body, query=""):
    return refusal(asked(app, "POST", f"{case.base}/upload{query}", content=body))


@every_kind
@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=ascii)
def test_hostile_names_are_refused(app, case, name):
    status, code, message = refusal(case.upload(app, name=name))

    assert (status, code) == (400, "NAME_INVALID")
    assert message.startswith(f"{case.kind.name}.name: ")
    assert "lower-case" in message


@every_kind
@pytest.mark.parametrize("version", HOSTILE_VERSIONS, ids=ascii)
def test_versions_that_cannot_be_tags_are_refused(app, case, version):
    status, code, message = refusal(case.upload(app, version=version))

    assert (status, code) == (400, "VERSION_INVALID")
    assert message.startswith(f"{case.kind.name}.version: ")


def test_a_build_number_is_told_how_it_can_be_written(app):
    assert "1.0.0_build" in refusal(PROFILES.upload(app, version="1.0+b"))[2]


@every_kind
@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe", b"{}" * 2, b"[" * 100_000, b'{"a":' * 9999],
    ids=lambda body: repr(body[:12]),
)
def test_what_is_no_json_of_the_shape_is_refused(app, case, body):
    assert sent(app, case, body)[:2] == (400, "BODY_INVALID")


@every_kind
@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("name", 1, "name"),
        ("name", None, "name"),
        ("version", 1.0, "version"),
        ("description", ["x"], "description"),
        ("author", {}, "author"),
        ("rating", "5", "rating"),
        ("rating", 5.1, "rating"),
        ("rating", -1, "rating"),
        ("downloads", -1, "downloads"),
        ("surprise", 1, "surprise"),
    ],
    ids=str,
)
def test_values_of_another_type_are_refused_with_their_place(app, case, key, value, place):
    status, code, message = refusal(case.upload(app, **{key: value}))

    assert (status, code) == (400, "BODY_INVALID")
    assert place in message
    assert f"$.{case.kind.name}" in message


@pytest.mark.parametrize(
    ("key", "value", "place"),
    [
        ("tags", "gaming", "$.profile.tags"),
        ("tags", [1], "$.profile.tags[0]"),
        ("tags", [""], "$.profile.tags[0]"),
        ("tags", ["x" * 257], "$.profile.tags[0]"),
        ("tags", ["x"] * 129, "$.profile.tags"),
        ("description", "x" * 8193, "$.profile.description"),
        ("author", "x" * 257, "$.profile.author"),
        ("system_requirements", {"min_cpu_cores": "8"}, "$.profile.system_requirements"),
        ("system_requirements", {"min_cpu_cores": -1}, "$.profile.system_requirements"),
        ("system_requirements", {"min_cpus": 8}, "min_cpus"),
        ("system_requirements", [], "$.profile.system_requirements"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_profiles_values_are_checked(app, key, value, place):
    status, code, message = refusal(PROFILES.upload(app, **{key: value}))

    assert (status, code) == (400, "BODY_INVALID")
    assert place in message


@pytest.mark.parametrize(
    ("metadata", "place"),
    [
        ({}, "author_email"),
        ({"author_email": ""}, "$.metadata.author_email"),
        ({"author_email": 1}, "$.metadata.author_email"),
        ({"author_email": "a@b", "licence": "MIT"}, "licence"),
        ({"author_email": "a@b", "repository": "x" * 2049}, "$.metadata.repository"),
        ([], "$.metadata"),
    ],
    ids=str,
)
def test_metadata_are_checked(app, metadata, place):
    assert place in refusal(PROFILES.upload(app, metadata=metadata))[2]


@pytest.mark.parametrize("missing", ["name", "version", "plugin_type"])
def test_what_must_be_there_is_named(app, missing):
    document = PLUGINS.document()
    del document["plugin"][missing]

    assert f"`{missing}`" in sent(app, PLUGINS, json.dumps(document).encode())[2]


def test_a_plugin_without_content_and_one_of_another_shelf_are_refused(app):
    document = PLUGINS.document()
    del document["plugin_data"]

    assert "plugin_data" in sent(app, PLUGINS, json.dumps(document).encode())[2]
    assert sent(app, PLUGINS, json.dumps(PROFILES.document()).encode())[0] == 400


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"author": "a\nb"}, "profile.author"),
        ({"tags": ["ok", "a\x1b[31m"]}, "profile.tags[1]"),
        ({"description": "bell \x07"}, "profile.description"),
        ({"system_requirements": {"supported_os": ["a\u2028b"]}}, "supported_os[0]"),
        ({"metadata": {"author_email": "a@b\r\nx: y"}}, "metadata.author_email"),
    ],
    ids=str,
)
def test_control_characters_are_refused_with_their_place(app, change, place):
    status, code, message = refusal(PROFILES.upload(app, **change))

    assert (status, code) == (400, "BODY_INVALID")
    assert place in message
    assert "control character" in message


@pytest.mark.parametrize(
    "data",
    ["", "not base64!", "YWJj\n", "YWI", "_-8=", "YQ==YQ==", "größe"],
    ids=ascii,
)
def test_what_is_no_base64_is_refused(app, data):
    status, code, message = refusal(PLUGINS.upload(app, data=data))

    assert (status, code) == (400, "BODY_INVALID")
    assert "plugin_data" in message


@pytest.mark.parametrize("case", [PROFILES, TEMPLATES], ids=["profile", "template"])
@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "is empty"),
        ("[profile\n", "at line 1, column"),
        ("a = 1\na = 2\n# end", "line 2"),
        ("a = " + "[" * 5000, "nested too deeply"),
        (".".join(["a"] * 20_000) + " = 1", "1,000 dots"),
        ("a = " + "1" * 5000, "valid TOML"),
        ("a = 1\x00", "valid TOML"),
    ],
    ids=lambda text: text[:20],
)
def test_what_is_no_toml_is_refused_soon(app, case, text, part):
    status, code, message = refusal(case.upload(app, data=text))

    assert (status, code) == (400, "BODY_INVALID")
    assert message.startswith(f"{case.kind.name}_data ")
    assert part in message


@pytest.mark.parametrize("key", ["name", "version"])
def test_a_profile_must_not_call_itself_otherwise(app, key):
    message = refusal(PROFILES.upload(app, data=f'[profile]\n{key} = "other"'))[2]

    assert f"says that its {key} is 'other'" in message
    assert "Make them the same" in message


@pytest.mark.parametrize("case", [PROFILES, TEMPLATES], ids=["profile", "template"])
def test_text_that_is_too_long_is_refused(app, case):
    text = "# " + "x" * BIG_TEXT

    status, code, message = refusal(case.upload(app, data=text))
    assert (status, code) == (413, "SIZE_INVALID")
    assert "262,144" in message


def test_a_plugin_of_more_than_64_mebibytes_is_refused(app):
    data = base64.b64encode(bytes(64 * 2**20 + 1))
    body = json.dumps(PLUGINS.document(data="@")).encode().replace(b"@", data)

    status, code, message = sent(app, PLUGINS, body)
    assert (status, code) == (413, "SIZE_INVALID")
    assert "67,108,864" in message


@every_kind
def test_a_body_that_says_or_turns_out_to_be_too_large_is_refused(app, case):
    size = case.kind.body_bytes + 1

    async def pieces():
        for _ in range(size // 2**20 + 1):
            yield bytes(2**20)

    for body in (bytes(size), pieces()):
        status, code, message = sent(app, case, body)
        assert (status, code) == (413, "SIZE_INVALID")
        assert f"{case.kind.body_bytes:,}" in message


def test_bodies_together_take_bounded_room(app, monkeypatch):
    monkeypatch.setattr(bodies, "_MAX_BYTES_AT_ONCE", 1000)

    reply = asked(app, "POST", "/v1/plugins/upload", content=bytes(1001))
    assert refusal(reply)[:2] == (429, "TOOMANYREQUESTS")
    assert reply.headers["retry-after"] == "1"
    # What was refused holds no room any more.
    assert sent(app, PLUGINS, bytes(1000))[0] == 400


def test_one_address_does_not_take_all_the_room(app, monkeypatch):
    """Neither does a body that pauses keep others out for as long as it may."""
    monkeypatch.setattr(bodies, "_MAX_BYTES_AT_ONCE", 1000)
    monkeypatch.setattr(bodies, "_MAX_BYTES_OF_ONE", 600)

    async def work():
        has_begun, goes_on = asyncio.Event(), asyncio.Event()

        async def pausing():
            yield bytes(500)
            has_begun.set()
            await goes_on.wait()
            yield b""

        async def upload(address, content):
            transport = httpx2.ASGITransport(app, client=(address, 1))
            async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
                reply = await client.post("/v1/plugins/upload", content=content)
                return reply.status_code

        first = asyncio.create_task(upload("192.0.2.1", pausing()))
        await has_begun.wait()
        others = [await upload(f"192.0.2.{n}", bytes(200)) for n in (1, 2)]
        too_much = await upload("192.0.2.2", bytes(501))
        goes_on.set()
        return [await first, *others, too_much]

    # 400: there was room for it, but it is no upload.
    assert asyncio.run(work()) == [400, 429, 400, 429]


@every_kind
def test_an_overwrite_that_is_neither_yes_nor_no_is_refused(app, case):
    assert refusal(case.upload(app, "?overwrite=maybe"))[:2] == (400, "QUERY_INVALID")


@every_kind
@pytest.mark.parametrize("path", ["Steam", "a b", "größe", "%00", "..%5cx", "-x", "x" * 300])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_names_in_paths_are_checked(app, case, path, method):
    reply = asked(app, method, f"{case.base}/{path}")

    assert refusal(reply)[:2] == (400, "NAME_INVALID")


@every_kind
@pytest.mark.parametrize("path", ["%2e%2e%2f%2e%2e%2fetc", "a%2fb", "..%2fplugins"])
def test_paths_that_lead_elsewhere_lead_nowhere(app, case, path):
    assert refusal(asked(app, "GET", f"{case.base}/{path}"))[0] == 404


@every_kind
@pytest.mark.parametrize("version", ["", "../x", "a b", "v" * 129])
def test_versions_in_queries_are_checked(app, case, version):
    for path in (case.path, f"{case.path}/download"):
        reply = asked(app, "GET", path, params={"version": version})
        assert refusal(reply)[:2] == (400, "VERSION_INVALID")


def test_what_is_not_there_says_where_to_look(app):
    status, code, message = refusal(asked(app, "GET", "/v1/templates/nothing"))

    assert (status, code) == (404, "TEMPLATE_UNKNOWN")
    assert "GET /v1/templates lists all" in message


def test_a_method_that_is_not_there_is_refused(app):
    assert refusal(asked(app, "PUT", "/v1/profiles/x"))[0] == 405
