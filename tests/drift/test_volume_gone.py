"""A volume that is not mounted any more: a failure, and no registry that holds nothing."""

from __future__ import annotations

import os

import pytest

from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from tests.drift.calling import Caller, add_digest, begin, check_refusal, push
from tests.drift.forking import forked_drift
from tests.parts.images import plain_image

NAME = "team/app"
IMAGE = plain_image("one")
DATA = b"a layer"


@pytest.fixture(params=["an empty mount point", "nothing"])
def gone(request, tmp_path):
    """Serve a layout, begin an upload, and take its directory away."""
    root = tmp_path / "volume"
    with forked_drift(lambda: LayoutRegistry(root)) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
        place = begin(call, NAME)
        assert call("PATCH", place, DATA).status == 202
        root.rename(tmp_path / "away")
        if request.param == "an empty mount point":
            root.mkdir()
        yield call, root, place


def check_unavailable(reply):
    check_refusal(reply, 503, "UNAVAILABLE")
    assert "any more" in reply.json["errors"][0]["message"]


def test_nothing_is_said_to_be_absent(gone):
    call, _, place = gone
    blob = IMAGE.layers[0].digest
    for path in (
        "/",
        "/v2/_catalog",
        "/v1/profiles",
        f"/v2/{NAME}/tags/list",
        f"/v2/{NAME}/manifests/latest",
        f"/v2/{NAME}/manifests/{IMAGE.digest}",
        f"/v2/{NAME}/referrers/{IMAGE.digest}",
        f"/v2/{NAME}/blobs/{blob}",
        place,
    ):
        check_unavailable(call("GET", path))
    for path in (f"/v2/{NAME}/manifests/latest", f"/v2/{NAME}/blobs/{blob}"):
        assert call("HEAD", path).status == 503


def test_nothing_is_made_in_its_place(gone):
    call, root, place = gone
    options = {"content_type": IMAGE.media_type}
    for method, path, body in (
        ("POST", f"/v2/{NAME}/blobs/uploads/", None),
        ("PATCH", place, DATA),
        ("PUT", add_digest(place, Digest.of(DATA)), None),
        ("PUT", f"/v2/{NAME}/manifests/latest", IMAGE.raw),
        ("DELETE", f"/v2/{NAME}/manifests/{IMAGE.digest}", None),
        ("DELETE", f"/v2/{NAME}/blobs/{IMAGE.layers[0].digest}", None),
        ("POST", "/admin/gc", None),
    ):
        check_unavailable(call(method, path, body, **options))
    assert call("GET", "/readyz").status == 503
    assert not root.exists() or os.listdir(root) == []


def test_figures_are_given_without_those_that_cannot_be_counted(gone):
    call, _, _ = gone
    check_unavailable(call("GET", "/v2/_catalog"))
    reply = call("GET", "/metrics")
    assert reply.status == 200
    lines = reply.body.decode().splitlines()
    assert {"drift_blobs NaN", "drift_stored_bytes NaN"} <= set(lines)
    assert 'drift_http_requests_total{method="GET",route="/v2/_catalog",status="503"} 1.0' in lines


def test_it_goes_on_when_the_volume_is_back(gone, tmp_path):
    call, root, place = gone
    assert call("GET", "/v2/_catalog").status == 503
    if root.exists():
        root.rmdir()
    (tmp_path / "away").rename(root)
    assert call("GET", f"/v2/{NAME}/manifests/latest").body == IMAGE.raw
    assert call("PUT", add_digest(place, Digest.of(DATA))).status == 201


def test_an_index_that_is_gone_is_not_made_anew(tmp_path):
    root = tmp_path / "volume"
    with forked_drift(lambda: LayoutRegistry(root)) as running, Caller(running.url) as call:
        push(call, NAME, "latest", IMAGE)
        (root / "index.json").unlink()
        reply = call("PUT", f"/v2/{NAME}/manifests/2", IMAGE.raw, content_type=IMAGE.media_type)
        check_refusal(reply, 500, "UNKNOWN")
        assert "no index.json" in reply.json["errors"][0]["message"]
        assert not (root / "index.json").exists()
