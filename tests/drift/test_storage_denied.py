"""Files that are not Drift's own: nobody's fault who asks, and nothing that it collects."""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path

import pytest

from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from tests.drift.calling import Caller, check_refusal, push, put, upload
from tests.drift.forking import forked_drift
from tests.parts.images import plain_image

NAME = "team/app"
IMAGE = plain_image("one")
NOBODY = 65534


@pytest.fixture
def root():
    """Give a directory that everybody may use: that of the tests is their user's alone."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        yield Path(directory) / "root"


@pytest.fixture
def call(root):
    """Serve it as a user who may read only what is his, with a log."""
    log = root.parent / "log"

    def registry():
        os.setuid(NOBODY)
        logging.getLogger("ghostnb.drift").addHandler(logging.FileHandler(log))
        return LayoutRegistry(root, name="drift")

    with forked_drift(registry) as running, Caller(running.url) as caller:
        caller.log = log
        yield caller


def take_away(path):
    os.chown(path, 0, 0)
    path.chmod(0o600)


def blob_file(root, digest):
    return root / "blobs" / "sha256" / Digest(digest).encoded


def check_failed(call, root, reply):
    """See that it is told as a failure of Drift's, and where it is in the log alone."""
    check_refusal(reply, 500, "UNKNOWN")
    assert "Permission denied" in reply.json["errors"][0]["message"]
    assert str(root) not in reply.body.decode()
    assert str(root) in call.log.read_text()


def test_a_file_that_may_not_be_read_is_a_failure(call, root):
    push(call, NAME, "latest", IMAGE)
    blob = IMAGE.layers[0].digest
    take_away(blob_file(root, blob))
    check_failed(call, root, call("GET", f"/v2/{NAME}/blobs/{blob}"))
    take_away(root / "index.json")
    check_failed(call, root, call("GET", f"/v2/{NAME}/tags/list"))
    assert call("GET", "/readyz").status == 503


def test_a_directory_that_may_not_be_written_is_a_failure(call, root):
    push(call, NAME, "latest", IMAGE)
    directory = root / "blobs" / "sha256"
    os.chown(directory, 0, 0)
    directory.chmod(0o755)
    check_failed(call, root, put(call, NAME, "other", IMAGE))
    assert call("GET", f"/v2/{NAME}/manifests/latest").body == IMAGE.raw


def test_somebody_elses_blob_can_be_used_and_is_never_collected(call, root):
    digest = upload(call, NAME, b"from a backup")
    for blob in IMAGE.blobs:
        upload(call, NAME, blob.data)
    for path in root.glob("blobs/*/*"):
        os.chown(path, 0, 0)
        os.utime(path, (1, 1))
    assert call("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 200
    assert call("POST", "/admin/gc").json["metrics"]["blobs_deleted"] == 0
    assert call("HEAD", f"/v2/{NAME}/blobs/{digest}").status == 200
    assert put(call, NAME, "latest", IMAGE).status == 201
