"""Metrics, garbage by HTTP, health and the front page."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import httpx2
import pytest

from ghostnb.drift import create_app, upkeep
from ghostnb.errors import ServerError
from ghostnb.oci import Descriptor, Digest
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked, conversation
from tests.parts.drift import IN_PROCESS_URL
from tests.parts.images import plain_image
from tests.registries.conftest import pieces_of, push

DRY = {"dry_run": True, "grace_seconds": 0}
NOW = {"grace_seconds": 0}


@pytest.fixture(params=["memory", "layout"])
def registry(request, tmp_path):
    return MemoryRegistry() if request.param == "memory" else LayoutRegistry(tmp_path / "root")


def fill(registry, *, orphan: bytes = b""):
    async def work():
        await push(registry, "a/b:1", plain_image("one"))
        await push(registry, "a/b:2", plain_image("two"))
        if orphan:
            descriptor = Descriptor("application/octet-stream", Digest.of(orphan), len(orphan))
            await registry.push_blob("a/b", descriptor, lambda first: pieces_of(orphan))

    asyncio.run(work())


def stored_bytes(root: Path) -> int:
    return sum(path.stat().st_size for path in (root / "blobs").rglob("*") if path.is_file())


def value_of(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    assert found, f"{series} is not in\n{text}"
    return float(found[1])


def test_a_dry_run_says_exactly_what_would_go_and_a_run_removes_it(registry):
    fill(registry, orphan=b"x" * 1000)
    app = create_app(registry)

    dry, wet, again, status = conversation(
        app,
        ("POST", "/admin/gc", {"json": DRY}),
        ("POST", "/admin/gc", {"json": NOW}),
        ("POST", "/admin/gc", {"json": DRY}),
        ("GET", "/admin/gc/status", {}),
    )

    found = dry.json()["metrics"]
    assert (found["orphaned_blobs_found"], found["blobs_deleted"]) == (1, 1)
    assert found["bytes_freed"] == wet.json()["metrics"]["bytes_freed"] == 1000
    assert again.json()["metrics"]["bytes_freed"] == 0
    assert status.json() == {"running": False, "last": again.json()}
    assert dry.json()["success"] is True
    assert "would be" in dry.json()["message"]


def test_what_is_young_stays(registry):
    fill(registry, orphan=b"young")

    report = asked(create_app(registry), "POST", "/admin/gc").json()

    metrics = report["metrics"]
    assert (metrics["orphaned_blobs_found"], metrics["blobs_deleted"]) == (1, 0)
    assert "1 blob that nothing points to stay: they are too young" in report["message"]


def test_untagged_manifests_go_only_when_that_is_said(tmp_path):
    registry = LayoutRegistry(tmp_path)
    fill(registry)
    asyncio.run(registry.delete_tag("a/b", "2"))
    before, app = stored_bytes(tmp_path), create_app(registry)

    kept, gone = conversation(
        app,
        ("POST", "/admin/gc", {"json": NOW}),
        ("POST", "/admin/gc", {"json": NOW | {"delete_untagged": True}}),
    )

    assert kept.json()["metrics"]["orphaned_manifests_found"] == 1
    assert kept.json()["metrics"]["manifests_deleted"] == 0
    metrics = gone.json()["metrics"]
    assert metrics["manifests_deleted"] == 1
    assert metrics["bytes_freed"] == before - stored_bytes(tmp_path) > 0


@pytest.mark.parametrize(
    "body",
    [b"{", b'{"dry_run": "yes"}', b'{"dry": true}', b"[]", b'{"grace_seconds": -1}', b"\xff"],
)
def test_options_that_cannot_be_read_remove_nothing(body, registry):
    fill(registry, orphan=b"stays")
    count, _ = asyncio.run(registry.usage())

    reply = asked(create_app(registry), "POST", "/admin/gc", content=body)

    assert reply.status_code == 400
    assert reply.json()["errors"][0]["message"]
    assert asyncio.run(registry.usage())[0] == count


def test_options_that_were_lost_on_the_way_remove_nothing(registry):
    fill(registry, orphan=b"stays")
    count, _ = asyncio.run(registry.usage())

    lost = asked(create_app(registry), "POST", "/admin/gc", headers={"content-length": "40"})

    assert lost.status_code == 400
    assert "did not arrive" in lost.json()["errors"][0]["message"]
    assert asyncio.run(registry.usage())[0] == count


def test_options_without_end_are_refused():
    reply = asked(create_app(MemoryRegistry()), "POST", "/admin/gc", content=b" " * 5000)
    assert reply.status_code == 413


def test_figures_are_those_of_what_happened(registry):
    fill(registry)
    app = create_app(registry)
    replies = conversation(
        app,
        ("GET", "/v2/a/b/manifests/1", {}),
        ("GET", "/v2/a/b/manifests/1", {}),
        ("HEAD", "/v2/a/b/manifests/1", {}),
        ("GET", "/v2/a/b/manifests/none", {}),
        ("PUT", "/v2/c/d/manifests/1", {"content": plain_image("one").raw}),
        ("GET", "/metrics", {}),
    )
    text = replies[-1].text

    assert value_of(text, 'drift_pulls_total{repository="a/b"}') == 2
    assert value_of(text, 'drift_pushes_total{repository="c/d"}') == 1
    series = 'drift_http_requests_total{method="GET",route="manifests",status="404"}'
    assert value_of(text, series) == 1
    count, size = asyncio.run(registry.usage())
    assert value_of(text, "drift_blobs") == count
    assert value_of(text, "drift_stored_bytes") == size
    assert value_of(text, "drift_received_bytes_total") == len(plain_image("one").raw)
    sent = sum(len(reply.content) for reply in replies[:-1] if reply.request.method != "HEAD")
    assert value_of(text, "drift_sent_bytes_total") == sent


def test_figures_have_few_series_whatever_is_asked_for():
    app = create_app(MemoryRegistry())
    paths = [f"/nothing/{n}" for n in range(50)] + [f"/v2/x{n}/manifests/y" for n in range(50)]

    *_, metrics = conversation(app, *[("GET", path, {}) for path in [*paths, "/metrics"]])

    assert len(re.findall(r"^drift_http_requests_total", metrics.text, re.MULTILINE)) == 2
    assert "drift_pulls_total{" not in metrics.text


def test_a_registry_that_cannot_be_written_is_not_ready(tmp_path):
    (tmp_path / "root").write_text("a file")
    healthy = create_app(MemoryRegistry())
    broken = create_app(LayoutRegistry(tmp_path / "root"))

    assert asked(healthy, "GET", "/readyz").json() == {"ready": True}
    assert asked(broken, "GET", "/health").json() == {"status": "ok"}
    reply = asked(broken, "GET", "/readyz")
    assert reply.status_code == 503
    assert "is a file" in reply.json()["reason"]
    # Everyone may ask, and is told nothing about this machine.
    assert str(tmp_path) not in reply.text


def test_readiness_is_looked_for_once_a_second_however_many_ask(monkeypatch):
    registry, probes = MemoryRegistry(), []

    async def probe():
        probes.append(None)
        if len(probes) == 1:
            raise ServerError("The disk is full.")

    monkeypatch.setattr(registry, "probe", probe)
    app, question = create_app(registry), ("GET", "/readyz", {})
    for reply in conversation(app, *[question] * 5):
        assert (reply.status_code, reply.json()["reason"]) == (503, "The disk is full.")
    assert len(probes) == 1
    monkeypatch.setattr(upkeep, "_READY_SECONDS", 0)
    assert asked(app, "GET", "/readyz").json() == {"ready": True}


def test_readiness_leaves_nothing_behind(tmp_path):
    registry = LayoutRegistry(tmp_path)
    asyncio.run(registry.prepare())
    asked(create_app(registry), "GET", "/readyz")

    assert os.listdir(tmp_path / ".ghostnb" / "uploads") == []


def test_the_front_page_says_what_is_here_and_how_to_push(registry):
    fill(registry)

    page = asked(create_app(registry), "GET", "/", headers={"host": "here:5000"})

    assert "docker push here:5000/team/myapp:1.0" in page.text
    assert "<td>a/b<td>2" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_a_hostile_host_is_refused_before_the_front_page():
    page = asked(create_app(MemoryRegistry()), "GET", "/", headers={"host": "<script>x"})
    assert page.status_code == 400
    assert "<script>" not in page.text


def test_the_front_page_of_an_empty_registry_says_so():
    assert "None yet" in asked(create_app(MemoryRegistry()), "GET", "/").text


def test_a_mistake_of_ours_is_told_in_the_form_of_all_errors():
    class Broken(MemoryRegistry):
        async def repositories(self, namespace=None):
            raise RuntimeError("a bug")
            yield

    transport = httpx2.ASGITransport(create_app(Broken()), raise_app_exceptions=False)

    async def ask():
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            return await client.get("/v2/_catalog")

    reply = asyncio.run(ask())
    assert reply.status_code == 500
    assert reply.json()["errors"][0]["code"] == "UNKNOWN"
    assert "a bug" not in reply.text
