"""Searches in Bolt's shelves: filters, order, pages."""

from __future__ import annotations

import httpx2
import pytest

from ghostnb import RegistryClient, run
from ghostnb.drift import create_app
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.vendors import drift as drift_vendor
from tests.drift.asking import asked, conversation
from tests.drift.bolt_uploads import PLUGINS, PROFILES, TEMPLATES, names, refusal
from tests.parts.drift import IN_PROCESS_URL

PROFILE_ROWS = {
    "steam-gaming": {"tags": ["Gaming", "steam"], "compatible_games": ["Counter-Strike 2"]},
    "valorant": {"tags": ["competitive"], "compatible_games": ["Valorant"], "rating": 5},
    "ai-training": {"description": "for STEAM engines", "tags": ["ml"], "rating": 3},
}
VENDORS = {"steam-gaming": "NVIDIA", "valorant": "amd", "ai-training": None}
PLUGIN_ROWS = {
    "dlss": {"plugin_type": "gpu-optimization", "supported_platforms": ["linux-x86_64"]},
    "fsr": {"plugin_type": "GPU-upscaling", "supported_platforms": ["windows-x86_64"]},
    "quiet": {"plugin_type": "audio", "supported_platforms": ["linux-aarch64"]},
}
SEARCH = "/v1/profiles/search"
ALL = sorted(PROFILE_ROWS)


@pytest.fixture(scope="module")
def app():
    app = create_app(MemoryRegistry())
    for name, row in PROFILE_ROWS.items():
        plain = {"description": "", "compatible_games": [], "rating": 0}
        needs = {"required_gpu_vendor": VENDORS[name]}
        done = PROFILES.upload(app, name=name, system_requirements=needs, **{**plain, **row})
        assert done.status_code == 201, done.text
    for name, row in PLUGIN_ROWS.items():
        assert PLUGINS.upload(app, name=name, description="", **row).status_code == 201
    for name in ("web", "db"):
        assert TEMPLATES.upload(app, name=name, tags=[name]).status_code == 201
    for name, count in (("valorant", 2), ("ai-training", 1)):
        conversation(app, *[("GET", f"/v1/profiles/{name}/download", {})] * count)
    return app


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, ALL),
        ({"query": "steam"}, ["ai-training", "steam-gaming"]),
        ({"query": "sTeAm-"}, ["steam-gaming"]),
        ({"query": ""}, ALL),
        ({"query": "nowhere"}, []),
        ({"query": None, "tags": None}, ALL),
        ({"tags": ["gaming"]}, ["steam-gaming"]),
        ({"tags": ["ml", "COMPET"]}, ["ai-training", "valorant"]),
        ({"tags": []}, ALL),
        ({"game": "counter"}, ["steam-gaming"]),
        ({"gpu_vendor": "nvidia"}, ["steam-gaming"]),
        ({"query": "steam", "gpu_vendor": "nvidia"}, ["steam-gaming"]),
        ({"query": "steam", "game": "valorant"}, []),
    ],
    ids=str,
)
def test_profiles_are_found_by_all_filters_together(app, wanted, found):
    assert names(app, SEARCH, json=wanted) == found


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"plugin_type": "gpu"}, ["dlss", "fsr"]),
        ({"platform": "linux"}, ["dlss", "quiet"]),
        ({"plugin_type": "gpu", "platform": "linux"}, ["dlss"]),
        ({"query": "QUIET"}, ["quiet"]),
    ],
    ids=str,
)
def test_plugins_are_found_by_type_and_platform(app, wanted, found):
    assert names(app, "/v1/plugins/search", json=wanted) == found


def test_templates_are_found_by_tags(app):
    assert names(app, "/v1/templates/search", json={"tags": ["we"]}) == ["web"]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"sort_by": "name"}, ALL),
        ({"sort_by": "name", "sort_order": "desc"}, ALL[::-1]),
        ({"sort_by": "downloads"}, ["valorant", "ai-training", "steam-gaming"]),
        (
            {"sort_by": "downloads", "sort_order": "asc"},
            ["steam-gaming", "ai-training", "valorant"],
        ),
        ({"sort_by": "rating"}, ["valorant", "ai-training", "steam-gaming"]),
        ({"sort_order": "desc"}, ALL[::-1]),
    ],
    ids=str,
)
def test_results_are_sorted_as_asked(app, wanted, found):
    assert names(app, SEARCH, json=wanted) == found


def test_the_newest_upload_comes_first_by_time():
    app = create_app(MemoryRegistry())
    for name in ("b", "c", "a"):
        PROFILES.upload(app, name=name)
    by_time = {"sort_by": "updated_at"}

    results = asked(app, "POST", SEARCH, json=by_time).json()["results"]
    times = [one["updated_at"] for one in results]
    assert times == sorted(times, reverse=True)
    assert len(results) == 3


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_are_cut_and_counted(app, method):
    def page(**asked_for):
        if method == "GET":
            reply = asked(app, "GET", "/v1/profiles", params=asked_for)
        else:
            reply = asked(app, "POST", SEARCH, json=asked_for)
        assert reply.status_code == 200
        return reply.json()

    first, second, beyond = (page(page=n, per_page=2) for n in (1, 2, 9))

    assert [one["name"] for one in first["results"] + second["results"]] == ALL
    assert beyond["results"] == []
    for number, found in ((1, first), (2, second), (9, beyond)):
        assert (found["total"], found["page"], found["per_page"], found["pages"]) == (
            3,
            number,
            2,
            2,
        )
    assert page()["per_page"] == 20


@pytest.mark.parametrize("path", ["/v1/profiles", "/v1/plugins", "/v1/templates"])
@pytest.mark.parametrize("name", ["page", "per_page"])
@pytest.mark.parametrize("value", ["0", "-1", "1.5", "x", "", "9" * 30, "²", "１"])
def test_a_page_that_is_no_number_is_refused(app, path, name, value):
    status, code, message = refusal(asked(app, "GET", path, params={name: value}))

    assert (status, code) == (400, "QUERY_INVALID")
    assert message.startswith(f"{name} is ")
    assert "a number from 1 to" in message


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ({"sort_by": "size"}, "one of name, downloads, rating, updated_at"),
        ({"sort_order": "up"}, "asc or desc"),
        ({"page": 0}, "page"),
        ({"page": True}, "page"),
        ({"per_page": 1001}, "1,000"),
        ({"per_page": 1.5}, "per_page"),
    ],
    ids=str,
)
def test_what_cannot_be_sorted_or_cut_is_refused(app, wanted, part):
    status, code, message = refusal(asked(app, "POST", SEARCH, json=wanted))

    assert (status, code) == (400, "QUERY_INVALID")
    assert part in message


@pytest.mark.parametrize(
    ("body", "part"),
    [
        (b'{"query": 1}', "$.query"),
        (b'{"tags": "gaming"}', "$.tags"),
        (b'{"tags": [1]}', "$.tags[0]"),
        (b'{"qeury": "x"}', "qeury"),
        (b"[]", "array"),
        (b"query=steam", "malformed"),
        (b"\xff", "malformed"),
        (b'{"query": "\xff"}', "utf-8"),
        (b"[" * 10_000, ""),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_a_search_that_cannot_be_read_says_where(app, body, part):
    status, code, message = refusal(asked(app, "POST", SEARCH, content=body))

    assert (status, code) == (400, "BODY_INVALID")
    assert part in message.lower()


def test_a_filter_of_another_shelf_is_refused(app):
    for path, wanted in (
        ("/v1/plugins/search", {"game": "x"}),
        ("/v1/profiles/search", {"platform": "x"}),
    ):
        assert refusal(asked(app, "POST", path, json=wanted))[0] == 400


def test_a_client_lists_nothing_twice_when_the_list_grows_meanwhile(monkeypatch):
    monkeypatch.setattr(drift_vendor, "_PER_PAGE", 2)
    served = create_app(MemoryRegistry())
    inner = httpx2.ASGITransport(served)

    class Busy:
        """After each page, something is uploaded that comes first."""

        async def handle_async_request(self, request):
            response = await inner.handle_async_request(request)
            if request.url.path == "/v1/templates":
                document = TEMPLATES.document(name=f"a{9 - len(uploads)}")
                async with httpx2.AsyncClient(transport=inner, base_url=IN_PROCESS_URL) as other:
                    uploads.append(await other.post("/v1/templates/upload", json=document))
            return response

        async def aclose(self):
            await inner.aclose()

    uploads = []
    for name in ("b", "c", "d", "e"):
        TEMPLATES.upload(served, name=name)
    client = RegistryClient(IN_PROCESS_URL, transport=Busy())

    assert run(client.templates())["name"].tolist() == ["b", "c", "d", "e"]
    assert len(uploads) > 2


def test_a_search_of_megabytes_is_refused(app):
    body = b'{"query": "' + b"x" * 100_000 + b'"}'

    assert refusal(asked(app, "POST", SEARCH, content=body))[:2] == (413, "SIZE_INVALID")
