"""Amazon's services, replayed; nobody's own AWS credentials, and no instance's metadata."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.httpsession import URLLib3Session
from botocore.stub import StubResponseError

from ghostnb.registries.vendors.ecr import sdk
from tests.registries.vendors.ecr.replay import ECRReplay, PublicReplay, StubbedAWS


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """Give the directory in which AWS's files are looked for: there are none."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "BOTO"))]:
        monkeypatch.delenv(name)
    directory = home / "aws"
    directory.mkdir()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(directory / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(directory / "credentials"))
    monkeypatch.setattr(sdk.metadata, "silent_until", 0.0)
    return directory


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let there be AWS credentials."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "k3y")


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, keys: None) -> Iterator[StubbedAWS]:
    """Let boto3 answer as it is told, with AWS credentials that are good."""
    stubbed = StubbedAWS()
    monkeypatch.setattr(
        boto3.Session, "client", lambda _, service, **options: stubbed.client(service, **options)
    )
    translate = sdk.translated

    def translated(error, *arguments, **options):
        if isinstance(error, StubResponseError):
            stubbed.wrong.append(error)
        return translate(error, *arguments, **options)

    monkeypatch.setattr(sdk, "translated", translated)
    yield stubbed
    stubbed.check()


@pytest.fixture
def ecr() -> ECRReplay:
    return ECRReplay()


@pytest.fixture
def public() -> PublicReplay:
    return PublicReplay()


@pytest.fixture(autouse=True)
def sent(monkeypatch: pytest.MonkeyPatch) -> list[AWSPreparedRequest]:
    """Let nothing that boto3 sends leave this process; an empty 200 comes back."""
    requests: list[AWSPreparedRequest] = []

    def send(_: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
        requests.append(request)
        assert "169.254" not in request.url, "an instance's metadata was asked for"
        return AWSResponse(request.url, 200, {}, _Raw(b"{}"))

    monkeypatch.setattr(URLLib3Session, "send", send)
    return requests


class _Raw(io.BytesIO):
    """What urllib3 gives as a body."""

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.read()
