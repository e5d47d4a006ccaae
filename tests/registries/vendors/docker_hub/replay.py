"""Docker Hub for tests: documented replies, and no mercy with a request that is not as documented.

What each reply follows is in ``replies/README.md``. A request that Docker Hub would
not expect, or that carries a secret to the wrong host, is an `AssertionError`, not a refusal.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from tests.parts.images import Document
from tests.registries.vendors.replaying import HeldImages, Replay, answer, query_of, repository_of

REPLIES = Path(__file__).with_name("replies")
LIMITS = {
    "ratelimit-limit": "100;w=21600",
    "ratelimit-remaining": "76;w=21600",
    "docker-ratelimit-source": "192.0.2.1",
}
STORAGE = "production.cloudflare.docker.com"
_LIST = re.compile(r"/v2/namespaces/([a-z0-9._-]+)/repositories(?:/([a-z0-9._-]+)/tags)?")


def document(name: str) -> Any:
    """Read a reply."""
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


def too_many(seconds: float, *, header: str = "x-retry-after") -> httpx2.Response:
    """Refuse as the API does: until a point in time, in whole seconds."""
    reset = str(int(time.time() + seconds))
    headers = {"x-ratelimit-limit": "180", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset}
    return answer(429, document("too_many"), {**headers, header: reset})


class DockerHubReplay(Replay):
    """A transport that answers for every host of Docker Hub.

    Attributes
    ----------
    account : (username, secret), who may log in.
    repositories, tags, found : what the API lists.
    held : what the registry holds.
    page_limit : the first offset that an anonymous user may not ask for.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "hub.docker.com": self._api,
                "registry-1.docker.io": self._registry,
                "auth.docker.io": self._token,
                "index.docker.io": self._index,
                STORAGE: self._storage,
            }
        )
        self.account = ("ada", "dckr_pat_s3cret")
        self.repositories = {"acme": document("repositories")["results"]}
        self.tags = {"library/nginx": document("tags")["results"]}
        self.found = document("search")["results"]
        self.held = HeldImages()
        self.limits = dict(LIMITS)
        self.page_limit: int | None = None
        self._api_tokens: list[str] = []
        self._revoked: set[str] = set()
        self._scopes: dict[str, str] = {}

    @property
    def images(self) -> dict[str, Document]:
        return self.held.images

    def serve(self, host: str) -> None:
        """Answer as the registry under another name, too: a mirror."""
        self.hosts[host] = self._registry

    def revoke(self) -> None:
        """Let no login hold that was made until now."""
        self._revoked.update(self._api_tokens)

    @property
    def logins(self) -> int:
        return len(self._api_tokens)

    # The API

    def _api(self, request: httpx2.Request, path: str) -> httpx2.Response:
        if path == "/v2/auth/token":
            return self._log_in(request)
        sent = request.headers.get("authorization")
        assert sent is None or sent.removeprefix("Bearer ") in self._api_tokens, (
            "the API got an Authorization that it has not made"
        )
        assert request.headers["accept"] == "application/json"
        if request.method != "GET":
            return answer(405, {"message": "method not allowed"})
        if sent and sent.removeprefix("Bearer ") in self._revoked:
            return answer(401, document("login_refused"))
        if path == "/v2/search/repositories/":
            return self._search(request, is_anonymous=sent is None)
        return self._list(request, path, is_anonymous=sent is None)

    def _log_in(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/json"
        assert "authorization" not in request.headers
        body = json.loads(request.content)
        assert set(body) == {"identifier", "secret"}
        if (body["identifier"], body["secret"]) != self.account:
            return answer(401, document("login_refused"))
        self._api_tokens.append(f"hub.{len(self._api_tokens)}.jwt")
        return answer(200, {**document("login"), "access_token": self._api_tokens[-1]})

    def _list(self, request: httpx2.Request, path: str, *, is_anonymous: bool) -> httpx2.Response:
        match = _LIST.fullmatch(path)
        assert match, f"{path} is not in the reference"
        query = query_of(request, "page", "page_size")
        page, size = int(query["page"]), int(query["page_size"])
        assert page >= 1
        assert 1 <= size <= 100
        namespace, repository = match.groups()
        if repository is not None and f"{namespace}/{repository}" not in self.tags:
            return answer(404, document("not_found"))
        if repository is None:
            entries = self.repositories.get(namespace, [])
        else:
            entries = self.tags[f"{namespace}/{repository}"]
        return self._page(request, entries, page, size, "page_limit", is_anonymous)

    def _search(self, request: httpx2.Request, *, is_anonymous: bool) -> httpx2.Response:
        query = query_of(request, "query", "page", "page_size")
        page, size = int(query["page"]), int(query["page_size"])
        assert page >= 1
        assert 1 <= size <= 100
        found = [entry for entry in self.found if query["query"] in entry["repo_name"]]
        return self._page(request, found, page, size, "search_page_limit", is_anonymous)

    def _page(
        self,
        request: httpx2.Request,
        entries: list[Any],
        page: int,
        size: int,
        limit: str,
        is_anonymous: bool,
    ) -> httpx2.Response:
        start = (page - 1) * size
        if is_anonymous and self.page_limit is not None and start >= self.page_limit:
            return answer(403, document(limit))
        if page > 1 and start >= len(entries):
            return answer(404, {"message": "page not found", "errinfo": {}})
        links = {
            "next": f"https://hub.docker.com/links-are-not-followed?page={page + 1}",
            "previous": None,
        }
        if start + size >= len(entries):
            links["next"] = None
        return answer(
            200, {"count": len(entries), **links, "results": entries[start : start + size]}
        )

    # The old index

    def _index(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert (request.method, path) == ("GET", "/v1/search")
        assert "authorization" not in request.headers
        query = query_of(request, "q", "n")
        assert 1 <= int(query["n"]) <= 100
        return answer(200, document("index_search"))

    # The token server and the registry

    def _token(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert (request.method, path) == ("GET", "/token")
        pairs = parse_qsl(request.url.query.decode())
        query = dict(pairs)
        assert query["service"] == "registry.docker.io"
        assert Counter(name for name, _ in pairs).most_common(1)[0][1] == 1
        sent = request.headers.get("authorization")
        basic = base64.b64encode(":".join(self.account).encode()).decode()
        if sent is not None and sent != f"Basic {basic}":
            assert sent.startswith("Basic ")
            return answer(401, document("token_refused"))
        token = f"registry.{len(self._scopes)}.jwt"
        self._scopes[token] = query.get("scope", "")
        return answer(200, {**document("token"), "token": token, "access_token": token})

    def _registry(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert request.method in ("GET", "HEAD")
        repository = repository_of(path)
        refusal = self._unauthorized(request, repository)
        if refusal is not None:
            return refusal
        if path == "/v2/":
            return answer(200, {})
        assert repository, f"{path} is none of the registry's"
        what, _, locator = path.removeprefix(f"/v2/{repository}/").partition("/")
        if what == "manifests":
            return self._manifest(request, repository, locator)
        if what == "blobs":
            return answer(307, headers={"location": f"https://{STORAGE}/{locator}?verify=sig"})
        names = [entry["name"] for entry in self.tags[repository]]
        return answer(200, {"name": repository, "tags": sorted(names)})

    def _unauthorized(self, request: httpx2.Request, repository: str) -> httpx2.Response | None:
        scope = f"repository:{repository}:pull" if repository else ""
        challenge = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
        if scope:
            challenge += f',scope="{scope}"'
        sent = request.headers.get("authorization")
        if sent is not None:
            token = sent.removeprefix("Bearer ")
            assert token in self._scopes, "the registry got an Authorization not made for it"
            known = self.held.repositories | set(self.tags)
            if not scope:
                return None
            known.add("ratelimitpreview/test")
            if self._scopes[token] == scope and repository in known:
                return None
            challenge += ',error="insufficient_scope"'
        body = document("registry_unauthorized")
        body["errors"][0]["detail"][0]["Name"] = repository
        return answer(401, body, {"www-authenticate": challenge})

    def _manifest(self, request: httpx2.Request, repository: str, locator: str) -> httpx2.Response:
        if repository == "ratelimitpreview/test":
            assert (request.method, locator) == ("HEAD", "latest"), "a GET would count as a pull"
            return answer(200, headers=self.limits)
        found = self.held.find(repository, locator)
        if found is None:
            return answer(404, document("registry_manifest_unknown"))
        return self.held.manifest_reply(request, found, **self.limits)

    def _storage(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert "authorization" not in request.headers, "a token went along with a redirect"
        data = self.held.blob(path.removeprefix("/"))
        return answer(200, data) if data is not None else answer(404)
