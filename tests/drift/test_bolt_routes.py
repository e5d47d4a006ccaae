"""Bolt's routes: what goes in comes out, over memory and over a directory."""

from __future__ import annotations

import asyncio
import base64
import tomllib

import httpx2
import pytest

from ghostnb.drift import create_app
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked, conversation
from tests.drift.bolt_uploads import (
    BINARY,
    BOLTFILE,
    CASES,
    DOCUMENTS,
    PLUGINS,
    PROFILES,
    TEMPLATES,
    got,
    names,
    refusal,
)
from tests.parts.drift import IN_PROCESS_URL

every_kind = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)
PUBLISHED = {
    "profile": {
        "name",
        "description",
        "version",
        "author",
        "tags",
        "compatible_games",
        "downloads",
        "rating",
        "system_requirements",
    },
    "plugin": {
        "name",
        "description",
        "version",
        "author",
        "plugin_type",
        "supported_platforms",
        "downloads",
        "rating",
    },
    "template": {"name", "description", "version", "author", "tags", "downloads", "rating"},
}


@pytest.fixture(params=["memory", "layout"])
def kept(request, tmp_path):
    if request.param == "memory":
        return MemoryRegistry()
    layout = LayoutRegistry(tmp_path / "root")
    asyncio.run(layout.prepare())
    return layout


@pytest.fixture
def app(kept):
    return create_app(kept)


@every_kind
def test_an_empty_shelf_is_an_empty_list(app, case):
    empty = {"results": [], "total": 0, "page": 1, "per_page": 20, "pages": 0}

    assert got(app, case.base) == [empty]
    assert asked(app, "POST", f"{case.base}/search", json={}).json() == empty
    assert asked(app, "POST", f"{case.base}/search").json() == empty


@every_kind
def test_an_upload_says_what_was_stored_and_is_listed(app, case):
    done = case.upload(app)
    (page, details) = got(app, case.base, case.path)

    assert done.status_code == 201
    assert {case.kind.name: case.name, "version": case.version}.items() <= done.json().items()
    assert done.json()["message"]
    assert [one["name"] for one in page["results"]] == [case.name]
    assert (page["total"], page["pages"]) == (1, 1)
    assert set(page["results"][0]) >= PUBLISHED[case.kind.name]
    assert asked(app, "GET", done.headers["location"]).json() == details
    assert details.pop("versions") == [case.version]
    assert details == page["results"][0]
    assert details["digest"] == done.json()["digest"]
    uploaded = case.document()[case.kind.name]
    needs = uploaded.pop("system_requirements", {})
    assert needs.items() <= details.get("system_requirements", {}).items()
    assert uploaded.items() <= details.items()


def test_metadata_is_shown():
    app = create_app(MemoryRegistry())
    PROFILES.upload(app)

    assert DOCUMENTS["profile"]["metadata"].items() <= got(app, PROFILES.path)[0].items()


def test_a_profile_without_content_is_written_as_toml(app):
    PROFILES.upload(app)
    reply = asked(app, "GET", f"{PROFILES.path}/download")

    assert reply.headers["content-type"] == "application/vnd.bolt.profile.v1+toml"
    assert reply.headers["content-disposition"] == 'attachment; filename="steam-gaming.toml"'
    assert tomllib.loads(reply.text) == {
        "profile": {
            "name": "steam-gaming",
            "version": "1.0.0",
            "description": "For Steam: Größe & ünïcode",
            "author": "Ada",
        },
        "metadata": DOCUMENTS["profile"]["metadata"],
        "requirements": DOCUMENTS["profile"]["profile"]["system_requirements"],
        "tags": {"values": ["gaming", "steam"]},
        "games": {"compatible": ["Counter-Strike 2"]},
    }


def test_a_profile_with_content_keeps_it_to_the_byte(app):
    text = '# mine\n[profile]\nname = "steam-gaming"\n\n[optimizations]\ncpu_affinity = true\n'
    PROFILES.upload(app, data=text)

    assert asked(app, "GET", f"{PROFILES.path}/download").text == text


@pytest.mark.parametrize(
    ("case", "content", "media_type"),
    [
        (PLUGINS, BINARY, "application/octet-stream"),
        (TEMPLATES, BOLTFILE.encode(), "application/vnd.bolt.template.v1+toml"),
    ],
    ids=["plugin", "template"],
)
def test_plugins_and_templates_come_as_they_were_uploaded(app, case, content, media_type):
    case.upload(app)
    reply = asked(app, "GET", f"{case.path}/download")

    assert reply.content == content
    assert reply.headers["content-type"] == media_type
    assert reply.headers["content-length"] == str(len(content))


def test_a_plugin_of_several_pieces_comes_whole(app):
    data = bytes(range(256)) * 10_000
    PLUGINS.upload(app, data=base64.b64encode(data).decode())

    assert asked(app, "GET", f"{PLUGINS.path}/download").content == data


@every_kind
def test_versions_stand_side_by_side_and_the_newest_upload_is_given(app, case):
    for version in ("1.9", "1.10", "1.2"):
        assert case.upload(app, version=version).status_code == 201
    newest, named, none = conversation(
        app,
        ("GET", case.path, {}),
        ("GET", f"{case.path}?version=1.10", {}),
        ("GET", f"{case.path}?version=3", {}),
    )

    assert newest.json()["version"] == "1.2"
    assert newest.json()["versions"] == ["1.2", "1.10", "1.9"]
    assert named.json()["version"] == "1.10"
    assert refusal(none)[:2] == (404, f"{case.kind.name.upper()}_UNKNOWN")
    assert "version 3" in refusal(none)[2]
    assert names(app, case.base) == [case.name]


def test_a_version_can_be_downloaded(app):
    for version in ("1", "2"):
        TEMPLATES.upload(app, version=version, data=f'project = "{version}"')
    older, newer = conversation(
        app,
        ("GET", f"{TEMPLATES.path}/download?version=1", {}),
        ("GET", f"{TEMPLATES.path}/download", {}),
    )

    assert (older.text, newer.text) == ('project = "1"', 'project = "2"')


@every_kind
def test_the_same_upload_again_changes_nothing(app, case):
    first = case.upload(app)
    case.upload(app, version="2.0")
    again = case.upload(app)

    assert again.status_code == 200
    assert again.json()["digest"] == first.json()["digest"]
    assert got(app, case.path)[0]["version"] == "2.0"


@every_kind
def test_other_content_of_the_same_version_needs_a_word(app, case):
    case.upload(app)
    before = got(app, case.path)[0]
    refused = case.upload(app, description="Another")

    status, code, message = refusal(refused)
    assert (status, code) == (409, "VERSION_EXISTS")
    assert case.version in message
    assert "overwrite=true" in message
    assert got(app, case.path)[0] == before
    assert case.upload(app, "?overwrite=false", description="Another").status_code == 409
    assert case.upload(app, "?overwrite=true", description="Another").status_code == 201
    after = got(app, case.path)[0]
    assert (after["description"], after["versions"]) == ("Another", [case.version])


@every_kind
def test_what_is_deleted_is_gone(app, case):
    case.upload(app)
    replies = conversation(
        app,
        ("DELETE", case.path, {}),
        ("GET", case.path, {}),
        ("GET", f"{case.path}/download", {}),
        ("DELETE", case.path, {}),
        ("GET", "/v2/_catalog", {}),
    )

    assert [one.status_code for one in replies] == [204, 404, 404, 404, 200]
    assert replies[0].content == b""
    assert replies[4].json() == {"repositories": []}
    assert names(app, case.base) == []
    assert case.upload(app).status_code == 201


@every_kind
def test_one_version_is_deleted_and_the_newest_of_the_others_is_given(app, case):
    for version in ("3", "1", "2"):
        case.upload(app, version=version)
    replies = conversation(
        app,
        ("DELETE", f"{case.path}?version=2", {}),
        ("GET", case.path, {}),
        ("GET", f"/v2/{case.repository}/tags/list", {}),
        ("DELETE", f"{case.path}?version=3", {}),
        ("GET", case.path, {}),
        ("DELETE", f"{case.path}?version=3", {}),
        ("DELETE", f"{case.path}?version=1", {}),
        ("GET", case.path, {}),
    )

    assert [one.status_code for one in replies] == [204, 200, 200, 204, 200, 404, 204, 404]
    assert (replies[1].json()["version"], replies[1].json()["versions"]) == ("1", ["1", "3"])
    assert replies[2].json()["tags"] == ["1", "3", "latest"]
    assert (replies[4].json()["version"], replies[4].json()["versions"]) == ("1", ["1"])


def test_a_version_that_has_another_name_too_keeps_that(app, kept):
    PROFILES.upload(app)
    manifest = asyncio.run(kept.manifest(PROFILES.repository, "1.0.0"))
    push = kept.push_manifest(PROFILES.repository, manifest.raw, manifest.media_type, tag="stable")
    asyncio.run(push)
    asked(app, "DELETE", f"{PROFILES.path}?version=1.0.0")

    (details,) = got(app, PROFILES.path)
    assert (details["version"], details["versions"]) == ("1.0.0", ["stable"])
    assert asked(app, "GET", f"{PROFILES.path}/download?version=stable").status_code == 200


def test_names_that_are_also_routes_are_names_like_others(app):
    for name in ("search", "upload", "download"):
        assert PROFILES.upload(app, name=name).status_code == 201

    assert names(app, "/v1/profiles") == ["download", "search", "upload"]
    assert [one["name"] for one in got(app, "/v1/profiles/search", "/v1/profiles/upload")] == [
        "search",
        "upload",
    ]
    assert asked(app, "GET", "/v1/profiles/download/download").status_code == 200


def test_twenty_uploads_at_once_are_all_there(kept):
    app = create_app(kept)

    async def work():
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            uploads = (
                client.post("/v1/profiles/upload", json=PROFILES.document(version=f"1.{n}"))
                for n in range(20)
            )
            others = (
                client.post("/v1/plugins/upload", json=PLUGINS.document(name=f"plugin-{n}"))
                for n in range(20)
            )
            return await asyncio.gather(*uploads, *others)

    replies = asyncio.run(work())

    assert {reply.status_code for reply in replies} == {201}
    assert set(got(app, PROFILES.path)[0]["versions"]) == {f"1.{n}" for n in range(20)}
    assert names(app, "/v1/plugins?per_page=50") == sorted(f"plugin-{n}" for n in range(20))


def test_garbage_collections_take_nothing_of_uploads_under_way(kept):
    app = create_app(kept)
    now = {"grace_seconds": 0, "delete_untagged": True}

    push_manifest, are_blobs_there = kept.push_manifest, asyncio.Event()

    async def slow_push(*arguments, **options):
        are_blobs_there.set()
        await asyncio.sleep(0.1)
        return await push_manifest(*arguments, **options)

    async def work():
        kept.push_manifest = slow_push
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:

            async def collect():
                await are_blobs_there.wait()
                return await client.post("/admin/gc", json=now)

            upload = client.post("/v1/templates/upload", json=TEMPLATES.document())
            return await asyncio.gather(upload, collect())

    sent, collected = asyncio.run(work())

    assert (sent.status_code, collected.status_code) == (201, 200)
    assert collected.json()["metrics"]["blobs_deleted"] == 0
    assert asked(app, "GET", f"{TEMPLATES.path}/download").text == BOLTFILE


def test_of_uploads_at_once_of_one_version_one_is_taken(app):
    async def work():
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            uploads = (
                client.post("/v1/profiles/upload", json=PROFILES.document(author=f"author {n}"))
                for n in range(20)
            )
            return await asyncio.gather(*uploads)

    replies = asyncio.run(work())
    taken = [reply for reply in replies if reply.status_code == 201]

    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 19
    assert got(app, PROFILES.path)[0]["digest"] == taken[0].json()["digest"]
