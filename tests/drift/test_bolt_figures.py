"""Bolt's figures: each is what was counted."""

from __future__ import annotations

import asyncio
import sqlite3

import httpx2
import pytest

from ghostnb.drift import create_app
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked, conversation
from tests.drift.bolt_uploads import CASES, PLUGINS, PROFILES, TEMPLATES, got
from tests.drift.logins import basic, locked_drift
from tests.parts.drift import IN_PROCESS_URL

every_kind = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)
METRICS = ("/v1/metrics", "/v1/metrics/profiles", "/v1/metrics/plugins")


@pytest.fixture(params=["memory", "layout"])
def kept(request, tmp_path):
    if request.param == "memory":
        return MemoryRegistry()
    layout = LayoutRegistry(tmp_path / "root")
    asyncio.run(layout.prepare())
    return layout


def download(app, case, count=1, **changes):
    """Download something several times."""
    path = f"{case.base}/{changes.get('name', case.name)}/download"
    for reply in conversation(app, *[("GET", path, {})] * count):
        assert reply.status_code == 200


def test_an_empty_registry_has_nothing(kept):
    overview, profiles, plugins = got(create_app(kept), *METRICS)
    size = asyncio.run(kept.usage())[1]

    assert overview == {
        "total_profiles": 0,
        "total_plugins": 0,
        "total_templates": 0,
        "total_downloads": 0,
        "storage_usage_bytes": size,
        "active_users": 0,
        "popular_profiles": [],
    }
    assert profiles == {"total": 0, "by_category": {}, "downloads_24h": 0, "downloads_7d": 0}
    assert plugins == {"total": 0, "by_type": {}, "downloads_24h": 0, "downloads_7d": 0}


def test_everything_is_counted(kept):
    app = create_app(kept)
    for name, tags in (("a", ["x", "y"]), ("b", ["x"]), ("c", [])):
        PROFILES.upload(app, name=name, tags=tags)
    PROFILES.upload(app, name="a", version="2", tags=["y", "y"])
    for name, kind in (("p", "audio"), ("q", "audio"), ("r", "gpu")):
        PLUGINS.upload(app, name=name, plugin_type=kind)
    TEMPLATES.upload(app)
    for case, name, count in (
        (PROFILES, "b", 3),
        (PROFILES, "a", 1),
        (PLUGINS, "p", 2),
        (TEMPLATES, "web", 4),
    ):
        download(app, case, count, name=name)
    overview, profiles, plugins = got(app, *METRICS)

    assert overview == {
        "total_profiles": 3,
        "total_plugins": 3,
        "total_templates": 1,
        "total_downloads": 10,
        "storage_usage_bytes": asyncio.run(kept.usage())[1],
        "active_users": 1,
        "popular_profiles": [{"name": "b", "downloads": 3}, {"name": "a", "downloads": 1}],
    }
    assert profiles == {
        "total": 3,
        "by_category": {"x": 1, "y": 1},
        "downloads_24h": 4,
        "downloads_7d": 4,
    }
    assert plugins == {
        "total": 3,
        "by_type": {"audio": 2, "gpu": 1},
        "downloads_24h": 2,
        "downloads_7d": 2,
    }


@every_kind
def test_a_download_counts_and_nothing_else_does(kept, case):
    app = create_app(kept)
    case.upload(app, downloads=1000)
    conversation(
        app,
        ("HEAD", f"{case.path}/download", {}),
        ("GET", f"{case.path}/download?version=none", {}),
        ("GET", f"{case.path}", {}),
        ("GET", f"/v2/{case.repository}/manifests/latest", {}),
    )

    assert got(app, case.path)[0]["downloads"] == 0
    download(app, case, 2)
    assert got(app, case.path)[0]["downloads"] == 2
    assert got(app, case.base)[0]["results"][0]["downloads"] == 2


@every_kind
def test_what_takes_the_name_of_something_deleted_by_v2_begins_anew(kept, case):
    app = create_app(kept)
    case.upload(app)
    download(app, case, 3)
    case.upload(app, version="2.5")
    # A version more is no other thing.
    assert got(app, case.path)[0]["downloads"] == 3
    for tag in ("latest", case.version):
        path = f"/v2/{case.repository}/manifests/"
        digest = asked(app, "HEAD", path + tag).headers["docker-content-digest"]
        assert asked(app, "DELETE", path + digest).status_code == 202
    case.upload(app, version="9.0")
    assert got(app, case.path)[0]["downloads"] == 0


def test_a_head_says_what_a_download_would_be():
    app = create_app(MemoryRegistry())
    PLUGINS.upload(app)
    head, whole = conversation(
        app,
        ("HEAD", f"{PLUGINS.path}/download", {}),
        ("GET", f"{PLUGINS.path}/download", {}),
    )

    assert head.content == b""
    assert dict(head.headers) == dict(whole.headers)


def test_a_restart_keeps_counts_and_a_deletion_does_not(tmp_path):
    root = tmp_path / "root"
    app = create_app(LayoutRegistry(root))
    PROFILES.upload(app)
    download(app, PROFILES, 3)
    assert got(app, PROFILES.path)[0]["downloads"] == 3

    again = create_app(LayoutRegistry(root))
    assert got(again, PROFILES.path)[0]["downloads"] == 3
    assert got(again, *METRICS)[0]["total_downloads"] == 3
    assert (root / ".ghostnb" / "downloads.sqlite").is_file()
    asked(again, "DELETE", PROFILES.path)
    PROFILES.upload(again)
    assert got(again, PROFILES.path)[0]["downloads"] == 0


def test_deleting_one_of_several_versions_keeps_the_count():
    app = create_app(MemoryRegistry())
    for version in ("1", "2"):
        PROFILES.upload(app, version=version)
    download(app, PROFILES, 3)
    asked(app, "DELETE", f"{PROFILES.path}?version=1")

    assert got(app, PROFILES.path)[0]["downloads"] == 3


def test_anonymous_users_are_told_apart_by_address():
    app = create_app(MemoryRegistry())
    PROFILES.upload(app)

    async def visit(address: str) -> None:
        transport = httpx2.ASGITransport(app, client=(address, 1234))
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            assert (await client.get(f"{PROFILES.path}/download")).status_code == 200

    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        asyncio.run(visit(address))

    assert got(app, "/v1/metrics")[0]["active_users"] == 2


def test_users_are_told_apart_by_name(tmp_path):
    locked = locked_drift(tmp_path)
    document = PROFILES.document()
    assert locked.ask("POST", "/v1/profiles/upload", "dev", json=document).status_code == 201
    for user in ("vic", "dev", "vic"):
        assert locked.ask("GET", f"{PROFILES.path}/download", user).status_code == 200

    assert locked.ask("GET", "/v1/metrics", "vic").json()["active_users"] == 2


def test_a_statistics_file_that_cannot_be_used_fails_no_request(tmp_path):
    """Figures are unknown, and say so; everything else goes on."""
    root = tmp_path / "root"
    app = create_app(LayoutRegistry(root))
    PROFILES.upload(app)
    (root / ".ghostnb" / "downloads.sqlite").mkdir(parents=True)
    download(app, PROFILES, 2)
    overview, profiles, _ = got(app, *METRICS)
    (page, details) = got(app, PROFILES.base, PROFILES.path)

    assert overview["total_profiles"] == 1
    assert (overview["total_downloads"], overview["active_users"]) == (None, None)
    assert overview["popular_profiles"] == []
    assert (profiles["downloads_24h"], profiles["downloads_7d"]) == (None, None)
    assert page["results"][0]["downloads"] is None
    assert details["downloads"] is None
    by_downloads = {"sort_by": "downloads"}
    assert asked(app, "POST", "/v1/profiles/search", json=by_downloads).status_code == 200
    assert PROFILES.upload(app, version="2").status_code == 201
    assert asked(app, "DELETE", PROFILES.path).status_code == 204


def test_a_locked_statistics_file_holds_up_no_download(tmp_path):
    root = tmp_path / "root"
    app = create_app(LayoutRegistry(root))
    PROFILES.upload(app)
    download(app, PROFILES)
    assert got(app, PROFILES.path)[0]["downloads"] == 1
    other = sqlite3.connect(root / ".ghostnb" / "downloads.sqlite", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        download(app, PROFILES, 5)
    finally:
        other.close()

    assert got(app, PROFILES.path)[0]["downloads"] in (None, 6)


@pytest.mark.parametrize(
    ("user", "statuses"),
    [("", [401] * 7), ("vic", [200, 200, 200, 200, 200, 403, 403])],
    ids=["nobody", "viewer"],
)
@every_kind
def test_who_may_only_read_may_not_write(tmp_path, case, user, statuses):
    locked = locked_drift(tmp_path)
    upload = ("POST", f"{case.base}/upload", {"json": case.document()})
    assert locked.ask(upload[0], upload[1], "dev", **upload[2]).status_code == 201
    headers = basic(user) if user else {}
    requests = [
        ("GET", case.base, {}),
        ("POST", f"{case.base}/search", {"json": {}}),
        ("GET", case.path, {}),
        ("GET", f"{case.path}/download", {}),
        ("GET", "/v1/metrics", {}),
        ("POST", f"{case.base}/upload", {"json": case.document(version="9")}),
        ("DELETE", case.path, {}),
    ]

    replies = conversation(locked.app, *((m, p, {**o, "headers": headers}) for m, p, o in requests))
    assert [reply.status_code for reply in replies] == statuses


@every_kind
def test_developers_upload_and_admins_delete(tmp_path, case):
    locked = locked_drift(tmp_path)
    upload = locked.ask("POST", f"{case.base}/upload", "dev", json=case.document())

    assert upload.status_code == 201
    assert locked.ask("DELETE", case.path, "dev").status_code == 403
    assert locked.ask("DELETE", case.path, "ada").status_code == 204
