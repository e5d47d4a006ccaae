"""Daemons' prose that no daemon of this machine can be made to write, as documented.

Sources: Docker Hub's "Usage and limits"; containerd ``core/remotes/docker``; moby
``distribution/errors.go``; containers/image ``docker/errors.go``.
"""

from __future__ import annotations

import pytest

from ghostnb.engine.refusals import pull_error, push_error
from ghostnb.errors import (
    EngineError,
    ForbiddenError,
    NotFoundError,
    RateLimitedError,
    RejectedError,
    ServerError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Reference

APP = Reference.parse("r.example/app:1")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (
            "toomanyrequests: You have reached your pull rate limit. You may increase the limit by"
            " authenticating and upgrading: https://www.docker.com/increase-rate-limit",
            RateLimitedError,
        ),
        (
            "pull access denied for app, repository does not exist or may require 'docker login':"
            " denied: requested access to the resource is denied",
            ForbiddenError,
        ),
        ('Head "https://ghcr.io/v2/a/b/manifests/1": denied', ForbiddenError),
        (
            "pull access denied, repository does not exist or may require authorization: server"
            " message: insufficient_scope: authorization failed",
            UnauthorizedError,
        ),
        (
            'failed to resolve reference "r.example/app:1": r.example/app:1: not found',
            NotFoundError,
        ),
        (
            'failed to resolve reference "r.example/app:1": unexpected status from HEAD request to'
            " https://r.example/v2/app/manifests/1: 403 Forbidden",
            ForbiddenError,
        ),
        (
            "pulling from host r.example failed with status code [manifests 1]: 401 Unauthorized",
            UnauthorizedError,
        ),
        ("received unexpected HTTP status: 503 Service Unavailable", ServerError),
        (
            'Get "https://r.example/v2/": x509: certificate signed by unknown authority',
            TransportError,
        ),
        ('Get "https://r.example/v2/": context deadline exceeded', TransportError),
        ('Get "https://r.example/v2/": EOF', TransportError),
        ("dial tcp: lookup r.example: no such host", TransportError),
    ],
)
def test_kinds(message: str, kind: type) -> None:
    assert type(pull_error(message, reference=APP, daemon="docker")) is kind


@pytest.mark.parametrize(
    "message",
    [
        "failed to register layer: Error processing tar file(exit status 1): unexpected EOF",
        "write /var/lib/docker/tmp/GetImageBlob1: no space left on device",
        "open /var/lib/docker/unauthorized: permission denied",
        "failed to pull r.example/unauthorized:denied",
        "the image denied: was not found on 404",
        'connection error: desc = "transport: Error while dialing dial unix'
        ' /run/containerd/containerd.sock: connect: connection refused": unavailable',
    ],
)
def test_what_is_the_daemons_own_fault(message: str) -> None:
    """Words in passing prove nothing."""
    assert type(pull_error(message, reference=APP, daemon="docker")) is EngineError


def test_the_daemons_own_404() -> None:
    error = pull_error("gone", reference=APP, daemon="docker", daemon_status=404)
    assert (type(error), error.status) == (NotFoundError, None)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("denied: requested access to the resource is denied", ForbiddenError),
        (
            "name unknown: The repository with name 'app' does not exist in the registry with id"
            " '123456789012'",
            NotFoundError,
        ),
        (
            "tag invalid: The image tag '1' already exists in the 'app' repository and cannot be"
            " overwritten because the repository is immutable.",
            RejectedError,
        ),
        (
            "uploading manifest 1 to r.example/app: manifest invalid: manifest invalid",
            RejectedError,
        ),
        (
            "writing blob: initiating layer upload to /v2/app/blobs/uploads/ in r.example:"
            " unsupported: The operation is unsupported.",
            UnsupportedError,
        ),
        (
            "trying to reuse blob sha256:aa at destination: failed to read from destination"
            " repository app: 405 (Method Not Allowed)",
            UnsupportedError,
        ),
        ("received unexpected HTTP status: 413 Request Entity Too Large", RejectedError),
        (
            'writing blob: Patch "http://r.example/v2/app/blobs/uploads/1": write tcp'
            " 127.0.0.1:2->127.0.0.1:1: write: broken pipe",
            TransportError,
        ),
        ('Put "https://r.example/v2/app/blobs/uploads/1": EOF', TransportError),
        ("open /var/lib/docker/unauthorized: permission denied", EngineError),
    ],
)
def test_kinds_of_pushes(message: str, kind: type) -> None:
    """Sources: also Amazon ECR's "Image tag mutability", and "Common errors when pushing"."""
    error = push_error(message, reference=APP, daemon="docker")
    assert type(error) is kind
    assert "read it" not in error.hint


@pytest.mark.parametrize(
    "message",
    [
        "An image does not exist locally with the tag: r.example/app",
        "tag does not exist: r.example/app:denied",
        "failed to find image r.example/app:1: r.example/app:1: image not known",
        "No such image: r.example/app:1",
    ],
)
def test_an_image_that_the_daemon_does_not_have(message: str) -> None:
    error = push_error(message, reference=APP, daemon="docker")
    assert (type(error), getattr(error, "status", None)) == (EngineError, 404)


def test_the_daemons_own_404_for_a_push() -> None:
    """The image may be gone meanwhile, whatever the words; of the registry it says nothing."""
    error = push_error("gone", reference=APP, daemon="podman", daemon_status=404)
    assert (type(error), getattr(error, "status", None)) == (EngineError, 404)
