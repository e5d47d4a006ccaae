"""Google Artifact Registry for tests: documented replies, and nothing else is answered.

What each reply follows is in ``replies/README.md``. A request that Google would not expect, or
that carries a secret to the wrong host, is an `AssertionError`, not a refusal.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2

from tests.registries.vendors.replaying import (
    HeldImages,
    Replay,
    answer,
    query_of,
    repository_of,
)

REPLIES = Path(__file__).with_name("replies")
HOST = "us-docker.pkg.dev"
API_HOST = "artifactregistry.googleapis.com"
TOKEN = "ya29.access-t0ken"
KEY = json.dumps(
    {"type": "service_account", "client_email": "ci@my-proj.iam", "private_key": "k3y"}
)
_RESOURCE = re.compile(
    r"/v1/projects/([a-z0-9.:-]+)/locations/([a-z0-9-]+)/repositories"
    r"(?:/([a-z0-9.-]+)(?:/packages(?:/([A-Za-z0-9._%-]+)/(tags|versions))?)?)?(:testIamPermissions)?"
)
_CUT = 10_000


def document(name: str) -> Any:
    """Read a reply."""
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


class GoogleReplay(Replay):
    """A transport that answers for one of Google's registries, and for the API.

    Attributes
    ----------
    accounts : (user, password), who get a token.
    described : what the registry lists, by repository.
    public : repositories that anybody may read.
    repositories, packages, versions, package_tags, permissions : what the API answers with.
    location : of the API's requests.
    kept : refusals of what is to be deleted, by tag or digest; one for each request.
    takes_last : whether ``last`` is understood.
    links : whether the registry names the next page in a header, in the body, or not at all.
    """

    def __init__(self, host: str = HOST, location: str = "us") -> None:
        super().__init__({host: self._registry, API_HOST: self._api})
        self.host, self.location = host, location
        self.accounts = {("oauth2accesstoken", TOKEN), ("_json_key", KEY)}
        self.tokens = {TOKEN}
        self.described = {"my-proj/apps/cart": document("tags")}
        self.names: list[str] = document("catalog")["repositories"]
        self.public: set[str] = set()
        self.held = HeldImages()
        self.repositories = document("repositories")["repositories"]
        self.packages = {"apps": document("packages")["packages"], "tools": []}
        self.versions = document("versions")["versions"]
        self.package_tags = document("package_tags")["tags"]
        self.permissions = document("permissions")["permissions"]
        self.kept: dict[str, list[httpx2.Response]] = {}
        self.quota_project: str | None = None
        self.is_immutable = False
        self.takes_last = False
        self.links = ""
        self.page_size = 10_000
        self._scopes: dict[str, frozenset[str]] = {}

    # The registry

    def _registry(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert "x-goog-user-project" not in request.headers
        if path == "/v2/token":
            return self._token(request)
        refusal = self._unauthorized(request, path)
        if refusal is not None:
            return refusal
        if path == "/v2/":
            return answer(200, b"", {"content-type": "text/html"})
        if path == "/v2/_catalog":
            return self._catalog(request)
        if request.method == "DELETE":
            return self._delete(path)
        name = repository_of(path)
        if path.endswith("/tags/list"):
            assert request.method == "GET"
            return self._tags(request, name)
        found = self.held.reply(request, path)
        assert found is not None, f"{request.method} {path} is none of the registry's"
        return found

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        pairs = parse_qsl(request.url.query.decode("ascii"))
        assert {name for name, _ in pairs} <= {"service", "scope", "account"}
        assert ("service", "") not in pairs
        scopes = frozenset(value for name, value in pairs if name == "scope")
        sent = request.headers.get("authorization")
        if sent is not None:
            scheme, _, text = sent.partition(" ")
            assert scheme == "Basic", "the token server got something else than Basic"
            user, _, password = base64.b64decode(text).decode().partition(":")
            if (user, password) not in self.accounts:
                return answer(401, document("challenge"))
        elif not all(scope in self._public_scopes for scope in scopes):
            return answer(403, document("unauthenticated"))
        if any("/gone/" in scope for scope in scopes):
            return answer(403, document("denied"))
        token = f"registry.{len(self._scopes)}.jwt"
        self._scopes[token] = scopes
        return answer(200, {**document("token"), "token": token})

    @property
    def _public_scopes(self) -> set[str]:
        return {f"repository:{name}:pull" for name in self.public}

    def _unauthorized(self, request: httpx2.Request, path: str) -> httpx2.Response | None:
        name = repository_of(path)
        actions = "pull,push" if request.method == "DELETE" else "pull"
        wanted = f"repository:{name}:{actions}" if name else ""
        if path == "/v2/_catalog":
            wanted = "registry:catalog:*"
        challenge = f'Bearer realm="https://{self.host}/v2/token"'
        if wanted:
            challenge += f',service="{self.host}",scope="{wanted}"'
        sent = request.headers.get("authorization")
        if sent is not None:
            token = sent.removeprefix("Bearer ")
            assert token != sent, "the registry got something else than Bearer"
            if token in self.tokens:
                return answer(403, document("denied")) if "/gone/" in path else None
            if token in self._scopes and (not wanted or wanted in self._scopes[token]):
                return None
        return answer(401, document("challenge"), {"www-authenticate": challenge})

    def _catalog(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        return self._listed(request, "repositories", self.names, {})

    def _tags(self, request: httpx2.Request, name: str) -> httpx2.Response:
        if name not in self.described:
            found = self.held.reply(request, f"/v2/{name}/tags/list")
            assert found is not None
            return found
        told = self.described[name]
        if "manifest" not in told:
            return answer(200, told)
        first = dict(list(told["manifest"].items())[:_CUT])
        return self._listed(request, "tags", told["tags"], {**told, "manifest": first})

    def _listed(
        self, request: httpx2.Request, key: str, names: list[str], more: dict[str, Any]
    ) -> httpx2.Response:
        query = dict(parse_qsl(request.url.query.decode("ascii")))
        assert set(query) <= {"n", "last"}, "nothing else may be asked for"
        size = int(query["n"])
        assert 1 <= size <= _CUT
        start = 0
        if "last" in query and (self.takes_last or self.links):
            start = names.index(query["last"]) + 1
        end = min(start + min(size, self.page_size), _CUT if key == "tags" else len(names))
        page, headers = names[start:end], {}
        if end < len(names) and page and self.links:
            following = f"/v2{request.url.path.removeprefix('/v2')}?n={size}&last={page[-1]}"
            if self.links == "body":
                more = {**more, "next": f"https://{self.host}{following}"}
            else:
                headers["link"] = f'<{following}>; rel="next"'
        return answer(200, {**more, key: page}, headers)

    def _delete(self, path: str) -> httpx2.Response:
        name = repository_of(path)
        told, locator = self.described[name], path.rpartition("/")[2]
        if self.kept.get(locator):
            return self.kept[locator].pop(0)
        if locator.startswith("sha256:"):
            if locator not in told["manifest"]:
                return answer(404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "gone"}]})
            if told["manifest"][locator]["tag"]:
                return answer(400, document("dangling"))
            del told["manifest"][locator]
            return answer(202)
        if locator in told["tags"] and self.is_immutable:
            return answer(400, document("immutable"))
        for manifest in told["manifest"].values():
            manifest["tag"] = [tag for tag in manifest["tag"] if tag != locator]
        if locator not in told["tags"]:
            return answer(404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "gone"}]})
        told["tags"].remove(locator)
        return answer(202)

    # The API

    def _api(self, request: httpx2.Request, path: str) -> httpx2.Response:
        sent = request.headers.get("authorization", "")
        assert sent.startswith("Bearer "), "the API answers to access tokens alone"
        token = sent.removeprefix("Bearer ")
        assert token not in self._scopes, "the API got a token of the registry's"
        assert request.headers["accept"] == "application/json"
        assert request.headers.get("x-goog-user-project") == self.quota_project
        match = _RESOURCE.fullmatch(path)
        assert match, f"{path} is not in the reference"
        project, location, repository, package, what, verb = match.groups()
        assert location == self.location
        if token not in self.tokens:
            return answer(401, document("api_unauthenticated"))
        if verb:
            return self._permissions(request)
        assert request.method == "GET"
        if repository is None:
            return self._page(request, "repositories", self._of(project, self.repositories), 1000)
        if path.endswith("/packages"):
            if repository not in self.packages:
                return answer(404, document("api_not_found"))
            return self._page(
                request, "packages", self._of(project, self.packages[repository]), 1000
            )
        if what == "versions":
            assert unquote(package) == "cart"
            return self._page(request, "versions", self.versions, 1000, "view")
        if what == "tags":
            return self._page(request, "tags", self.package_tags, 10_000)
        assert not request.url.query
        if repository not in self.packages:
            return answer(404, document("api_not_found"))
        name = f"projects/{project}/locations/{location}/repositories/{repository}"
        return answer(200, {**document("repository"), "name": name})

    def _of(self, project: str, entries: list[Any]) -> list[Any]:
        return [entry for entry in entries if entry["name"].startswith(f"projects/{project}/")]

    def _page(
        self, request: httpx2.Request, key: str, entries: list[Any], size: int, *first: str
    ) -> httpx2.Response:
        is_later = b"pageToken" in request.url.query
        query = query_of(request, *first, "pageSize", *(["pageToken"] if is_later else []))
        assert query.get("view", "FULL") == "FULL"
        assert 1 <= int(query["pageSize"]) <= size
        start = int(query["pageToken"].removeprefix("token/+=")) if is_later else 0
        assert not is_later or 0 < start < len(entries), "a page that was not offered"
        end = start + min(int(query["pageSize"]), self.page_size)
        reply: dict[str, Any] = {key: entries[start:end]} if entries else {}
        if end < len(entries):
            reply["nextPageToken"] = f"token/+={end}"
        return answer(200, reply)

    def _permissions(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/json"
        body = json.loads(request.content)
        assert set(body) == {"permissions"}
        held = [name for name in body["permissions"] if name in self.permissions]
        return answer(200, {"permissions": held} if held else {})
