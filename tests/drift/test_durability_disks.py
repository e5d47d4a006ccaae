"""Disks that are full, or that nobody may write to: what is there is served on."""

from __future__ import annotations

import os
import random

import pytest

from ghostnb.drift import upkeep
from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from tests.drift.calling import Caller, add_digest, begin, check_refusal, push, put, upload
from tests.drift.forking import forked_drift
from tests.parts.disks import fill_up, make_read_only, small_disk
from tests.parts.images import plain_image
from tests.registries.layout.test_writing import leftovers

NAME = "team/app"
IMAGE, OTHER = plain_image("one"), plain_image("other")
DATA = random.Random(4).randbytes(3_000_000)
SENT = 1_000_000


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", 6) as directory:
        yield directory


def check_served(call, image=IMAGE):
    """Read an image as a pull does."""
    assert call("GET", "/v2/").status == 200
    assert call("GET", f"/v2/{NAME}/manifests/latest").body == image.raw
    for blob in image.blobs:
        assert call("HEAD", f"/v2/{NAME}/blobs/{blob.digest}").status == 200
        assert call("GET", f"/v2/{NAME}/blobs/{blob.digest}").body == blob.data
    assert call("GET", f"/v2/{NAME}/tags/list").json["tags"] == ["latest"]
    assert call("GET", f"/v2/{NAME}/referrers/{image.digest}").status == 200


def test_a_full_disk_takes_nothing_and_serves_on(disk):
    root = disk / "root"
    with forked_drift(lambda: LayoutRegistry(root)) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
        for blob in OTHER.blobs:
            upload(call, NAME, blob.data)
        place = begin(call, NAME)
        assert call("PATCH", place, DATA[:SENT]).status == 202
        fill_up(disk / "ballast")

        target = f"/v2/{NAME}/blobs/uploads/?digest={Digest.of(DATA)}"
        for method, path, body in (
            ("PATCH", place, DATA[SENT:]),
            ("PUT", add_digest(place, Digest.of(DATA)), DATA[SENT:]),
            ("POST", target, DATA),
            ("PUT", f"/v2/{NAME}/manifests/latest", OTHER.raw),
        ):
            reply = call(method, path, body, content_type=OTHER.media_type)
            check_refusal(reply, 507, "UNKNOWN")
            assert "Free some space" in reply.json["errors"][0]["message"]
            check_served(call)
        assert leftovers(root) == []
        # Nothing of a piece that had no room: the upload is as long as it was said to be.
        assert call("GET", place).headers["range"] == f"0-{SENT - 1}"

        (disk / "ballast").unlink()
        reply = call("PATCH", place, DATA[SENT:], content_range=f"{SENT}-{len(DATA) - 1}")
        assert reply.status == 202
        assert call("PUT", add_digest(place, Digest.of(DATA))).status == 201
        assert put(call, NAME, "latest", OTHER).status == 201
        check_served(call, OTHER)


def readiness(call):
    reply = call("GET", "/readyz")
    assert reply.status == (200 if reply.json["ready"] else 503)
    return reply.json.get("reason", "")


def test_a_disk_that_is_full_or_read_only_is_not_ready(disk, monkeypatch):
    monkeypatch.setattr(upkeep, "_READY_SECONDS", 0)
    root = disk / "root"
    with forked_drift(lambda: LayoutRegistry(root)) as running, Caller(running.url) as call:
        assert readiness(call) == ""
        fill_up(disk / "ballast")
        assert "No space left" in readiness(call)
        (disk / "ballast").unlink()
        assert readiness(call) == ""
        make_read_only(disk)
        assert "Read-only file system" in readiness(call)
        assert os.listdir(root / ".ghostnb" / "uploads") == []


def test_an_index_that_cannot_be_read_is_not_ready(tmp_path, monkeypatch):
    monkeypatch.setattr(upkeep, "_READY_SECONDS", 0)
    root = tmp_path / "root"
    with forked_drift(lambda: LayoutRegistry(root)) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
        (root / "index.json").write_bytes(b"{")
        assert "not a valid index" in readiness(call)
        assert str(root) not in readiness(call)


def test_a_disk_that_fills_up_amid_an_upload_keeps_what_had_room(disk):
    with (
        forked_drift(lambda: LayoutRegistry(disk / "root")) as running,
        Caller(running.url) as call,
    ):
        place = begin(call, NAME)
        reply = call("PATCH", place, DATA * 4)
        check_refusal(reply, 507, "UNKNOWN")
        kept = int(call("GET", place).headers["range"].partition("-")[2]) + 1
        assert 0 < kept < len(DATA) * 4
        rest = (DATA * 4)[kept : kept + 100]
        assert call("DELETE", place).status == 204
        # And all of the room is free again.
        assert upload(call, NAME, DATA + rest)


def test_a_disk_that_is_read_only_is_served(disk):
    root = disk / "root"
    with forked_drift(lambda: LayoutRegistry(root)) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
    make_read_only(disk)
    with forked_drift(lambda: LayoutRegistry(root)) as running, Caller(running.url) as call:
        check_served(call)
        for reply in (
            call("POST", f"/v2/{NAME}/blobs/uploads/"),
            put(call, NAME, "other", IMAGE),
            call("DELETE", f"/v2/{NAME}/manifests/latest"),
            call("DELETE", f"/v2/{NAME}/manifests/{IMAGE.digest}"),
        ):
            check_refusal(reply, 405, "UNSUPPORTED")
            assert "Read-only file system" in reply.json["errors"][0]["message"]
        check_served(call)
