"""Amazon's registries for tests: the distribution protocol by a replay, the APIs by Stubber.

What each reply follows is in ``replies/README.md``. A request that Amazon would not expect, or
that carries a secret to the wrong host, is an `AssertionError`, not a refusal.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import boto3
import httpx2
from botocore.stub import Stubber

from tests.registries.vendors.replaying import HeldImages, Replay, answer, query_of, repository_of

REPLIES = Path(__file__).with_name("replies")
ACCOUNT = "123456789012"
HOST = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
STORAGE = "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com"
PASSWORD = "s3cret-registry-password"
_CALLS = "before-parameter-build.*.*"
_NEW_CLIENT = boto3.Session.client
_MOMENTS = ("createdAt", "imagePushedAt", "lastRecordedPullTime", "expiresAt")


def document(name: str) -> Any:
    """Read a reply as boto3 gives it: with moments."""
    return json.loads((REPLIES / f"{name}.json").read_text("utf-8"), object_hook=_with_moments)


def authorization(password: str = PASSWORD, hours: float = 12, *, is_public: bool = False) -> Any:
    """Give the answer that has a password, which is over after so many hours."""
    reply = document("public_authorization_token" if is_public else "authorization_token")
    data = reply["authorizationData"]
    entry = data if is_public else data[0]
    entry["authorizationToken"] = base64.b64encode(f"AWS:{password}".encode()).decode()
    entry["expiresAt"] = datetime.now(UTC) + timedelta(hours=hours)
    return reply


def _with_moments(fields: dict[str, Any]) -> dict[str, Any]:
    for name in _MOMENTS:
        if name in fields:
            fields[name] = datetime.fromisoformat(fields[name])
    return fields


def plain(status: int, body: Any, headers: dict[str, str] | None = None) -> httpx2.Response:
    """Give a reply as Amazon does: it says of everything that it is plain text."""
    return answer(status, body, {"content-type": "text/plain; charset=utf-8", **(headers or {})})


class ECRReplay(Replay):
    """A transport that answers for private registries.

    Attributes
    ----------
    passwords : set of str
        What is taken from the user AWS.
    expired : set of str
        What was taken once.
    refused : int
        How many requests had a password that is not taken.
    held : what the registry holds.
    """

    def __init__(self, host: str = HOST) -> None:
        super().__init__({host: self._registry, STORAGE: self._storage})
        self.host = host
        self.passwords = {PASSWORD}
        self.expired: set[str] = set()
        self.refused = 0
        self.held = HeldImages()

    def _registry(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert request.method in ("GET", "HEAD"), "deletions are the API's"
        refusal = self._unauthorized(request)
        if refusal is not None:
            return refusal
        if path == "/v2/":
            return plain(200, {}, {"docker-distribution-api-version": "registry/2.0"})
        if path == "/v2/_catalog":
            assert query_of(request, "n") == {"n": "1000"}
            return plain(200, {"repositories": sorted(self.held.repositories)})
        if path.endswith("/tags/list"):
            return self._tags(request, path)
        if "/referrers/" in path:
            kind = {"content-type": "application/vnd.oci.image.index.v1+json"}
            return answer(200, {"schemaVersion": 2, "manifests": []}, kind)
        assert repository_of(path), f"{path} is none of the registry's"
        if "/blobs/" in path:
            digest = path.rpartition("/")[2]
            return answer(307, headers={"location": f"https://{STORAGE}/{digest}?X-Amz-Sig=x"})
        found = self.held.reply(request, path)
        assert found is not None
        return found

    def _unauthorized(self, request: httpx2.Request) -> httpx2.Response | None:
        challenge = f'Basic realm="https://{self.host}/",service="ecr.amazonaws.com"'
        sent = request.headers.get("authorization")
        if sent is None:
            return plain(401, b"Not Authorized\n", {"www-authenticate": challenge})
        assert sent.startswith("Basic ")
        user, _, password = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")
        assert user == "AWS"
        if password in self.passwords:
            return None
        self.refused += 1
        if password in self.expired:
            return plain(403, document("registry_expired"))
        return plain(401, b"Not Authorized\n", {"www-authenticate": challenge})

    def _tags(self, request: httpx2.Request, path: str) -> httpx2.Response:
        query = dict(parse_qsl(request.url.query.decode()))
        size = int(query.get("n", "100"))
        if size > 1000:
            return plain(405, document("registry_too_many_at_once"))
        repository = repository_of(path)
        if repository not in self.held.repositories:
            return plain(404, document("registry_name_unknown"))
        # Where it goes on is a token, and no tag's name.
        names = self.held.tags(repository)[::-1]
        begin = int(base64.b64decode(query.get("last", "MA==")))
        headers = {}
        if begin + size < len(names):
            last = base64.b64encode(str(begin + size).encode()).decode()
            headers["link"] = f'<https://{self.host}{path}?last={last}&n={size}>; rel="next"'
        return plain(200, {"name": repository, "tags": names[begin : begin + size]}, headers)

    def _storage(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert "authorization" not in request.headers, "a password went along with a redirect"
        data = self.held.blob(path.removeprefix("/"))
        return answer(200, data) if data is not None else answer(403, b"<Error/>")


class PublicReplay(Replay):
    """A transport that answers for Amazon ECR Public.

    Attributes
    ----------
    held : what the registry holds.
    users : int
        How many tokens were given to users.
    """

    def __init__(self, host: str = "public.ecr.aws") -> None:
        super().__init__({host: self._answered, "public.ecr.aws": self._answered})
        self.held = HeldImages()
        self.users = 0
        self._given = 0

    def _answered(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert request.method in ("GET", "HEAD"), "deletions are the API's"
        if path == "/token/":
            return self._token(request)
        sent = request.headers.get("authorization")
        if sent is None:
            challenge = 'Bearer realm="https://public.ecr.aws/token/",service="public.ecr.com"'
            scope = f',scope="repository:{repository_of(path)}:pull"' if path != "/v2/" else ""
            return plain(401, b"Not Authorized\n", {"www-authenticate": challenge + scope})
        assert sent.startswith("Bearer public."), "the registry got what is for the token server"
        found = plain(200, {}) if path == "/v2/" else self.held.reply(request, path)
        assert found is not None, f"{path} is none of the registry's"
        return found

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        assert request.url.netloc == b"public.ecr.aws"
        query = dict(parse_qsl(request.url.query.decode()))
        assert query["service"] == "public.ecr.com"
        sent = request.headers.get("authorization")
        if sent is not None:
            pair = base64.b64decode(sent.removeprefix("Basic ")).decode()
            assert pair == f"AWS:{PASSWORD}"
            self.users += 1
        self._given += 1
        return plain(200, {**document("public_token"), "token": f"public.{self._given}.jwt"})


class StubbedAWS:
    """Amazon's APIs: what boto3 is to be asked, in order, and what it answers.

    botocore's Stubber stands in boto3's own clients: parameters are checked against the
    service's model and against what is expected, and replies against the model.

    Attributes
    ----------
    made : list of (service, options)
        The clients that were asked for.
    asked : list of str
        The operations that were called.
    wrong : list
        What was asked, and not as expected.
    """

    def __init__(self) -> None:
        self.made: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.wrong: list[BaseException] = []
        self._stubbers: dict[str, Stubber] = {}
        self._failing: list[Exception] = []

    def client(self, service: str, **options: Any) -> Any:
        """Stand for ``boto3.Session.client``."""
        self.made.append((service, options))
        return self._stubber(service).client

    def expect(self, operation: str, reply: Any, **parameters: Any) -> None:
        """Let a call come next; ``ecr`` is meant, or the service before a dot."""
        service, _, name = operation.rpartition(".")
        self._stubber(service or "ecr").add_response(name, reply, parameters)

    def refuse(
        self, operation: str, code: str, message: str = "Said so.", status: int = 400, **more: Any
    ) -> None:
        """Let a call be refused next."""
        service, _, name = operation.rpartition(".")
        self._stubber(service or "ecr").add_client_error(name, code, message, status, **more)

    def raise_next(self, error: Exception, *, service: str = "ecr") -> None:
        """Let the next call fail with an exception of botocore's own."""
        self._stubber(service)
        self._failing.append(error)

    def check(self) -> None:
        """See that all was asked for that was expected, and nothing else."""
        for stubber in self._stubbers.values():
            stubber.client.meta.events.unregister(_CALLS, self._note)
            stubber.deactivate()
        assert self.wrong == []
        assert self._failing == []
        for stubber in self._stubbers.values():
            stubber.assert_no_pending_responses()

    def _stubber(self, service: str) -> Stubber:
        if service not in self._stubbers:
            client = _real_client(service)
            stubber = Stubber(client)
            # Before the stubber's own.
            client.meta.events.register_first(_CALLS, self._note)
            stubber.activate()
            self._stubbers[service] = stubber
        return self._stubbers[service]

    def _note(self, model: Any, **_: Any) -> None:
        self.asked.append(model.name)
        if self._failing:
            raise self._failing.pop(0)


@cache
def _real_client(service: str) -> Any:
    """Make a client, once: that takes long."""
    session = boto3.Session(aws_access_key_id="AKIDTEST", aws_secret_access_key="k3y")
    return _NEW_CLIENT(session, service, region_name="eu-west-1")
