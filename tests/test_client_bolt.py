"""Bolt's shelves by the client: DataFrames out, content in and out, and only on a Drift."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import httpx2
import msgspec
import pandas as pd
import pytest

from ghostnb import (
    IntegrityError,
    InvalidReferenceError,
    NotFoundError,
    ProtocolError,
    RegistryClient,
    RegistryConfig,
    RejectedError,
    ServerError,
    UnsupportedError,
    run,
)
from ghostnb.frames import PLUGINS, PROFILES, TEMPLATES
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.vendors import drift as drift_vendor
from tests.drift.logins import PASSWORDS, locked_drift
from tests.parts.drift import IN_PROCESS_URL, drift_transport

PROFILE = {
    "name": "steam",
    "version": "1.0",
    "description": "For Steam",
    "author": "Ada",
    "tags": ["gaming", "steam"],
    "compatible_games": ["Counter-Strike 2", "Portal"],
    "rating": 4.5,
    "system_requirements": {"min_cpu_cores": 8, "required_gpu_vendor": "nvidia"},
}
PLUGIN = {"name": "dlss", "version": "2.1", "plugin_type": "gpu", "supported_platforms": ["linux"]}
TEMPLATE = {"name": "web", "version": "1", "tags": ["web"]}
BOLTFILE = 'project = "web"\n'
SHELVES = {"profiles": PROFILES, "plugins": PLUGINS, "templates": TEMPLATES}
EMAIL = {"author_email": "ada@example.com"}


class Between:
    """What stands between a client and a Drift: notes requests, and may change the answers."""

    def __init__(self, change=lambda request, response: response, app=None) -> None:
        self.paths: list[str] = []
        self.sent_bytes = 0
        self._inner = httpx2.ASGITransport(app) if app else drift_transport(MemoryRegistry())
        self._change = change

    async def handle_async_request(self, request):
        self.paths.append(f"{request.method} {request.url.raw_path.decode()}")
        self.sent_bytes += len(await request.aread())
        return self._change(request, await self._inner.handle_async_request(request))

    async def aclose(self) -> None:
        await self._inner.aclose()


def client_over(transport, **options) -> RegistryClient:
    return RegistryClient(RegistryConfig("reg", IN_PROCESS_URL, **options), transport=transport)


@pytest.fixture
def client():
    return client_over(drift_transport(MemoryRegistry()))


@pytest.fixture
def filled(client):
    run(client.upload_profile(PROFILE, **EMAIL, license="MIT"))
    run(client.upload_plugin(PLUGIN, b"\x00\xff"))
    run(client.upload_template(TEMPLATE, BOLTFILE))
    return client


@pytest.mark.parametrize("shelf", SHELVES)
def test_an_empty_shelf_is_a_frame_with_all_columns(client, shelf):
    frame = run(getattr(client, shelf)())

    assert frame.empty
    assert dict(frame.dtypes.astype(str)) == dict(SHELVES[shelf])
    assert list(frame.columns) == list(SHELVES[shelf])


def test_profiles_are_a_frame(filled):
    frame = run(filled.profiles())
    (row,) = frame.to_dict("records")
    digest, updated = row.pop("digest"), row.pop("updated")

    assert dict(frame.dtypes.astype(str)) == dict(PROFILES)
    assert digest == run(filled.image("bolt/profiles/steam:1.0")).digest
    assert abs(pd.Timestamp.now("UTC") - updated) < pd.Timedelta(minutes=1)
    assert row.pop("size_bytes") == len(run(filled.download_profile("steam")).encode())
    assert {key: None if pd.isna(value) else value for key, value in row.items()} == {
        "registry": "reg",
        "name": "steam",
        "version": "1.0",
        "description": "For Steam",
        "author": "Ada",
        "tags": "gaming, steam",
        "compatible_games": "Counter-Strike 2, Portal",
        "gpu_vendor": "nvidia",
        "min_cpu_cores": 8,
        "min_memory_gb": None,
        "min_gpu_memory_gb": None,
        "supported_os": None,
        "downloads": 0,
        "rating": 4.5,
        "license": "MIT",
    }


def test_a_large_upload_is_sent_once_where_a_login_is_needed(tmp_path):
    between = Between(app=locked_drift(tmp_path, MemoryRegistry()).app)
    client = client_over(between, username="dev", password=PASSWORDS["dev"])
    data = bytes(3_000_000)

    run(client.upload_plugin(PLUGIN, data))

    assert between.paths.count("POST /v1/plugins/upload") == 1
    assert 4_000_000 < between.sent_bytes < 4_001_000  # base64, and little besides
    assert run(client.download_plugin("dlss")) == data
    assert list(run(client.plugins())["name"]) == ["dlss"]


def test_plugins_and_templates_are_frames(filled):
    plugins, templates = run(filled.plugins()), run(filled.templates())

    assert dict(plugins.dtypes.astype(str)) == dict(PLUGINS)
    assert plugins[["name", "version", "plugin_type", "supported_platforms"]].values.tolist() == [
        ["dlss", "2.1", "gpu", "linux"]
    ]
    assert plugins["size_bytes"].tolist() == [2]
    # Nobody has rated it.
    assert plugins["rating"].isna().all()
    assert dict(templates.dtypes.astype(str)) == dict(TEMPLATES)
    assert templates[["name", "version", "tags"]].values.tolist() == [["web", "1", "web"]]


def test_content_comes_as_it_went(filled):
    assert tomllib.loads(run(filled.download_profile("steam")))["tags"] == {
        "values": ["gaming", "steam"]
    }
    assert run(filled.download_plugin("dlss", version="2.1")) == b"\x00\xff"
    assert run(filled.download_template("web")) == BOLTFILE


def test_content_goes_to_and_comes_from_files(client, tmp_path):
    (tmp_path / "mine.toml").write_text('[optimizations]\nnice = "ü"\n', encoding="utf-8")
    (tmp_path / "mine.so").write_bytes(b"\x7fELF\r\n")
    run(client.upload_profile(PROFILE, tmp_path / "mine.toml", **EMAIL))
    run(client.upload_plugin(PLUGIN, tmp_path / "mine.so"))
    run(client.upload_template(TEMPLATE, tmp_path / "mine.toml"))
    target = tmp_path / "target"
    target.mkdir()
    (target / "dlss.bin").write_text("what was there")

    saved = [
        run(client.download_profile("steam", to=target)),
        run(client.download_plugin("dlss", to=str(target))),
        run(client.download_template("web", to=target / "Boltfile.toml")),
    ]

    assert saved == [target / "steam.toml", target / "dlss.bin", target / "Boltfile.toml"]
    assert [path.read_bytes() for path in saved] == [
        (tmp_path / name).read_bytes() for name in ("mine.toml", "mine.so", "mine.toml")
    ]
    assert sorted(path.name for path in target.iterdir()) == [
        "Boltfile.toml",
        "dlss.bin",
        "steam.toml",
    ]


def test_filters_and_order_are_the_registrys(client):
    for name, rating in (("a", 1), ("b", 5), ("c", 3)):
        profile = {**PROFILE, "name": name, "rating": rating, "tags": [f"tag-{name}"]}
        run(client.upload_profile(profile, **EMAIL))

    def found(*query, **filters):
        return run(client.profiles(*query, **filters))["name"].tolist()

    assert found() == ["a", "b", "c"]
    assert found("B") == ["b"]
    assert found(tags="tag-a") == ["a"]
    assert found(tags=("tag-a", "TAG-C")) == ["a", "c"]
    assert found(game="portal", gpu_vendor="nvidia", sort_by="rating") == ["b", "c", "a"]
    assert found(sort_by="rating", limit=2) == ["b", "c"]
    assert found(limit=1) == ["a"]
    assert found(limit=0) == []
    assert found("nothing") == []


@pytest.mark.parametrize("limit", [None, 5, 7, 100])
def test_lists_come_page_by_page(monkeypatch, limit):
    monkeypatch.setattr(drift_vendor, "_PER_PAGE", 3)
    between = Between()
    client = client_over(between, kind="drift")
    for number in range(8):
        run(client.upload_template({**TEMPLATE, "name": f"t{number}"}, BOLTFILE))
    between.paths.clear()
    names = run(client.templates(limit=limit))["name"].tolist()

    assert names == [f"t{number}" for number in range(8)][:limit]
    assert len(between.paths) == (2 if limit == 5 else 3)


def test_the_kind_is_known_after_a_ping(client):
    assert client.kind == "auto"
    assert run(client.ping()).kind == "drift"
    assert client.kind == "drift"


def test_the_first_question_finds_out_and_the_next_does_not_ask():
    between = Between()
    client = client_over(between)
    run(client.profiles())
    run(client.profiles())
    listing = "GET /v1/profiles?page=1&per_page=500"

    assert between.paths == ["GET /v2/", listing, listing]


def test_a_configured_kind_is_not_asked_for():
    between = Between()
    run(client_over(between, kind="drift").plugins())

    assert between.paths == ["GET /v1/plugins?page=1&per_page=500"]


@pytest.mark.parametrize("kind", ["auto", "distribution"])
def test_a_drift_behind_a_proxy_must_be_configured(kind):
    def renamed(request, response):
        response.headers["server"] = "nginx"
        return response

    transports = [Between(renamed), Between()] if kind == "distribution" else [Between(renamed)]
    for transport in transports:
        client = client_over(transport, kind=kind)
        with pytest.raises(UnsupportedError, match='kind="drift"'):
            run(client.profiles())
        assert client.kind == "distribution"
    assert run(client_over(Between(renamed), kind="drift").profiles()).empty


CALLS = {
    "profiles": lambda client: client.profiles(),
    "plugins": lambda client: client.plugins("x"),
    "templates": lambda client: client.templates(),
    "download_profile": lambda client: client.download_profile("x"),
    "upload_plugin": lambda client: client.upload_plugin(PLUGIN, b"x"),
    "delete_template": lambda client: client.delete_template("x"),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_another_registry_has_none(registry, tmp_path, call):
    with pytest.raises(UnsupportedError, match=r"it is no Drift registry.*ghostnb drift"):
        run(call(RegistryClient(registry.url)))
    with pytest.raises(UnsupportedError, match="ghostnb drift --root"):
        run(call(RegistryClient(f"oci:{tmp_path}")))


def test_a_version_with_other_content_is_a_conflict(filled):
    run(filled.upload_template(TEMPLATE, BOLTFILE))
    with pytest.raises(RejectedError, match=r"VERSION_EXISTS.*overwrite=True") as caught:
        run(filled.upload_template(TEMPLATE, "other = 1"))

    assert caught.value.status == 409
    assert run(filled.download_template("web")) == BOLTFILE
    run(filled.upload_template(TEMPLATE, "other = 1", overwrite=True))
    assert run(filled.download_template("web")) == "other = 1"


def test_what_is_deleted_is_gone(filled):
    run(filled.upload_profile({**PROFILE, "version": "2"}, **EMAIL))
    run(filled.delete_profile("steam", version="2"))
    assert run(filled.profiles())["version"].tolist() == ["1.0"]
    for delete in (
        lambda: filled.delete_profile("steam"),
        lambda: filled.delete_plugin("dlss"),
        lambda: filled.delete_template("web"),
    ):
        run(delete())
        with pytest.raises(NotFoundError):
            run(delete())
    assert run(filled.profiles()).empty
    assert run(filled.repositories()).empty


def test_what_is_not_there_is_not_found(filled):
    with pytest.raises(NotFoundError, match=r"nothing.*profiles\(\)"):
        run(filled.download_profile("nothing"))
    with pytest.raises(NotFoundError, match=r"version 9"):
        run(filled.download_profile("steam", version="9"))


@pytest.mark.parametrize("name", ["../x", "a/b", "Steam", "", "a b", "ü"])
def test_hostile_names_are_refused_and_nothing_is_written(filled, tmp_path, name):
    for call in (
        lambda: filled.download_plugin(name, to=tmp_path),
        lambda: filled.delete_plugin(name),
        lambda: filled.upload_plugin({**PLUGIN, "name": name}, b"x"),
    ):
        with pytest.raises(InvalidReferenceError, match="plugin's name"):
            run(call())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.profiles(3),
        lambda client: client.profiles(tags=[1]),
        lambda client: client.plugins(platform=b"linux"),
        lambda client: client.upload_plugin(PLUGIN, "text"),
        lambda client: client.upload_plugin(PLUGIN, None),
        lambda client: client.upload_template(TEMPLATE, b"bytes"),
        lambda client: client.upload_profile(PROFILE, licence="MIT"),
        lambda client: client.download_profile(3),
        lambda client: client.profiles(limit=-1),
    ],
)
def test_mistakes_are_told_at_once(client, call):
    with pytest.raises((TypeError, ValueError)):
        run(call(client))


def test_a_refusal_says_where_it_is_wrong(client):
    with pytest.raises(RejectedError, match=r"\$\.profile\.tags\[0\].*Correct") as caught:
        run(client.upload_profile({**PROFILE, "tags": [1]}, **EMAIL))
    assert caught.value.status == 400


def changed(suffix, change):
    """Change the answers to requests whose path ends so."""

    def between(request, response):
        return change(response) if request.url.path.endswith(suffix) else response

    return Between(between)


def test_damaged_content_is_not_given_and_not_saved(tmp_path):
    def flipped(response):
        headers = {**response.headers}
        return httpx2.Response(200, headers=headers, content=b"X" * len(BOLTFILE))

    client = client_over(changed("/download", flipped))
    run(client.upload_template(TEMPLATE, BOLTFILE))
    with pytest.raises(IntegrityError, match="discarded"):
        run(client.download_template("web", to=tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "content", "error"),
    [
        ({}, b"fine", None),
        ({"docker-content-digest": "nonsense"}, b"fine", ProtocolError),
        ({"docker-content-digest": "md5:0123456789"}, b"fine", ProtocolError),
        ({}, b"\xff", ProtocolError),
        ({}, b"x" * 200, ProtocolError),
    ],
)
def test_another_drift_may_answer_otherwise(monkeypatch, headers, content, error):
    monkeypatch.setattr(drift_vendor, "_MAX_CONTENT_BYTES", 100)
    client = client_over(
        changed("/download", lambda _: httpx2.Response(200, headers=headers, content=content))
    )
    run(client.upload_template(TEMPLATE, BOLTFILE))

    if error is None:
        assert run(client.download_template("web")) == "fine"
    else:
        with pytest.raises(error):
            run(client.download_template("web"))


@pytest.mark.parametrize("status", [429, 503])
def test_an_upload_that_comes_too_early_is_sent_again(status):
    left = [httpx2.Response(status, headers={"retry-after": "0"}) for _ in range(2)]
    between = changed("/upload", lambda response: left.pop() if left else response)
    client = client_over(between, kind="drift")

    assert run(client.upload_template(TEMPLATE, BOLTFILE)).version == "1"
    assert len(between.paths) == 3


@pytest.mark.parametrize("status", [500, 502, 504])
def test_an_upload_that_may_have_been_taken_is_not_sent_again(status):
    between = changed("/upload", lambda _: httpx2.Response(status))

    with pytest.raises(ServerError):
        run(client_over(between, kind="drift").upload_template(TEMPLATE, BOLTFILE))
    assert len(between.paths) == 1


def test_pages_that_bring_nothing_new_are_not_asked_for_for_ever():
    page = {"results": [{"name": "x", "version": "1"}], "total": 9, "page": 1, "per_page": 1}
    reply = httpx2.Response(200, content=msgspec.json.encode({**page, "pages": 10**6}))
    between = changed("/plugins", lambda _: reply)

    assert list(run(client_over(between, kind="drift").plugins())["name"]) == ["x"]
    assert len(between.paths) == 2


def test_figures_that_are_not_known_are_na():
    def unknown(response):
        entry = {"name": "x", "version": "1", "downloads": None, "rating": 0}
        page = {"results": [entry], "total": 1, "page": 1, "per_page": 1, "pages": 1}
        return httpx2.Response(200, content=msgspec.json.encode(page))

    frame = run(client_over(changed("/plugins", unknown)).plugins())

    assert frame[["downloads", "rating", "size_bytes", "updated", "digest"]].isna().all(axis=None)


def test_it_can_be_awaited_on_any_loop(filled):
    async def work() -> tuple[int, Path | str]:
        frame, text = await asyncio.gather(filled.profiles(), filled.download_template("web"))
        return len(frame), text

    assert asyncio.run(work()) == (1, BOLTFILE)
    assert asyncio.run(work()) == (1, BOLTFILE)
