"""GitHub for tests: documented replies, and no mercy with a request that is not as documented.

What each reply follows is in ``replies/README.md``. A request that GitHub would not expect, or
that carries a secret to the wrong host, is an `AssertionError`, not a refusal.
"""

from __future__ import annotations

import base64
import json
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2

from tests.parts.images import Document, digest_of
from tests.registries.vendors.replaying import HeldImages, Replay, answer, query_of, repository_of

REPLIES = Path(__file__).with_name("replies")
SECRET = "ghp_s3cret"
STORAGE = "pkg-containers.githubusercontent.com"
PLACEHOLDER = "repository:user/image:pull"
_SEGMENT = r"[a-z0-9._-]+"
_PLACE = r"/(?:(?P<kind>orgs|users)/(?P<owner>[A-Za-z0-9-]+)|user)"
_PACKAGES = re.compile(rf"{_PLACE}/packages")
_PACKAGE = re.compile(
    rf"{_PLACE}/packages/container/(?P<name>{_SEGMENT}(?:%2F{_SEGMENT})*)"
    r"(?P<list>/versions)?(?:(?<=/versions)/(?P<id>\d+))?"
)


def document(name: str) -> Any:
    """Read a reply."""
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


def primary_limit(seconds: float, *, status: int = 403) -> httpx2.Response:
    """Refuse as the API does when the hour's requests are used up."""
    reset = str(int(time.time() + seconds))
    return answer(status, document("primary_limit"), limits(remaining=0, reset=reset))


def limits(remaining: int = 4987, reset: str = "") -> dict[str, str]:
    return {
        "x-ratelimit-limit": "5000",
        "x-ratelimit-remaining": str(remaining),
        "x-ratelimit-used": str(5000 - remaining),
        "x-ratelimit-reset": reset or str(int(time.time() + 1800)),
        "x-ratelimit-resource": "core",
    }


@dataclass
class Stored:
    """A version of a package."""

    id: int
    digest: str
    tags: list[str] = field(default_factory=list)


class GHCRReplay(Replay):
    """A transport that answers for every host of GitHub's registry.

    Attributes
    ----------
    scopes : of the token; None for one that has none to tell.
    user_reply : what ``/user`` answers instead of the user: for a token that is no user's.
    owners : by login in lower case, what ``/users/LOGIN`` answers.
    packages : by owner in lower case, what the API lists.
    stored : by repository, the versions from the oldest on.
    public : repositories that anybody may pull.
    administers : whether the user may delete.
    lists_at_once : how often a list comes without what was pushed last.
    link_names : the relations that Link headers have.
    """

    def __init__(self, registry: str = "ghcr.io", api: str = "api.github.com") -> None:
        self.registry, self.api = registry, api
        self.base = "/api/v3" if not api.startswith("api.") else ""
        super().__init__({api: self._api, registry: self._registry, STORAGE: self._storage})
        self.scopes: str | None = "read:packages, write:packages, delete:packages"
        self.ends = ""
        self.user_reply: httpx2.Response | None = None
        self.owners = {"acme": document("organisation"), "ada": document("user")}
        self.owners["bob"] = {**document("user"), "login": "bob", "id": 8}
        self.packages: dict[str, list[Any]] = {"acme": document("packages"), "ada": [], "bob": []}
        self.stored: dict[str, list[Stored]] = {}
        self.public: set[str] = set()
        self.administers = True
        self.hidden = 0
        self.link_names = ("prev", "next", "last", "first")
        self.held = HeldImages()
        self.blobs: dict[str, bytes] = {}
        self._tokens: dict[str, str] = {}
        self._last_id = 800

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        return await super().handle_async_request(request)

    # What is there

    def push(self, repository: str, image: Document, *tags: str) -> None:
        """Store an image with what belongs to it; its tags move to it."""
        self.held.add(f"{repository}:{image.digest}", image)
        for child in image.children:
            self._store(repository, child.digest, ())
        self._store(repository, image.digest, tags)

    def _store(self, repository: str, digest: str, tags: tuple[str, ...]) -> None:
        versions = self.stored.setdefault(repository, [])
        for version in versions:
            version.tags = [tag for tag in version.tags if tag not in tags]
        known = next((one for one in versions if one.digest == digest), None)
        if known is None:
            self._last_id += 1
            known = Stored(self._last_id, digest)
            versions.append(known)
        known.tags += tags

    def tags(self, repository: str) -> dict[str, str]:
        """Give the digest of each tag."""
        versions = self.stored.get(repository, [])
        return {tag: version.digest for version in versions for tag in version.tags}

    def digests(self, repository: str) -> list[str]:
        return [version.digest for version in self.stored[repository]]

    # The API

    def _api(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert request.headers["accept"] == "application/vnd.github+json"
        version = request.headers.get("x-github-api-version")
        assert version == (None if self.base else "2022-11-28")
        assert path.startswith(self.base)
        sent = request.headers.get("authorization")
        if sent is None:
            return answer(401, document("requires_authentication"))
        assert sent.startswith("Bearer "), "GitHub's API wants a bearer token"
        assert sent.removeprefix("Bearer ") not in self._tokens, "a registry's token at the API"
        if sent != f"Bearer {SECRET}":
            return answer(401, document("bad_credentials"))
        reply = self._answer(request, path.removeprefix(self.base))
        told = {} if self.scopes is None else {"x-oauth-scopes": self.scopes}
        if self.ends:
            told["github-authentication-token-expiration"] = self.ends
        for name, value in {**limits(), **told}.items():
            reply.headers.setdefault(name, value)
        return reply

    def _answer(self, request: httpx2.Request, path: str) -> httpx2.Response:
        if path == "/user":
            assert request.method == "GET"
            return self.user_reply or answer(200, document("user"))
        if match := re.fullmatch(r"/users/([A-Za-z0-9-]+)", path):
            owner = self.owners.get(match[1].lower())
            return answer(200, owner) if owner else answer(404, document("not_found"))
        if match := _PACKAGES.fullmatch(path):
            return self._packages(request, match)
        match = _PACKAGE.fullmatch(path)
        assert match, f"{path} is not in the reference"
        return self._package(request, match)

    def _owner(self, match: re.Match[str]) -> str | None:
        """Give the owner in lower case; None where there is none under that path."""
        if match["kind"] is None:
            return "ada"
        owner = self.owners.get(match["owner"].lower())
        kind = {"orgs": "Organization", "users": "User"}[match["kind"]]
        return match["owner"].lower() if owner and owner["type"] == kind else None

    def _may(self, *scopes: str) -> bool:
        return self.scopes is None or any(scope in self.scopes.split(", ") for scope in scopes)

    def _packages(self, request: httpx2.Request, match: re.Match[str]) -> httpx2.Response:
        assert request.method == "GET"
        query = query_of(request, "package_type", "per_page", "page")
        assert query["package_type"] == "container"
        if not self._may("read:packages", "write:packages"):
            return answer(403, document("needs_scope"))
        owner = self._owner(match)
        if owner is None:
            return answer(404, document("not_found"))
        if int(query["page"]) * int(query["per_page"]) > 10_000:
            return answer(400, document("invalid_argument"))
        entries = self.packages[owner]
        if match["kind"] == "users":
            entries = [entry for entry in entries if entry["visibility"] == "public"]
        return self._page(request, entries, query)

    def _package(self, request: httpx2.Request, match: re.Match[str]) -> httpx2.Response:
        owner, missing = self._owner(match), answer(404, document("package_not_found"))
        repository = f"{owner}/{unquote(match['name'])}"
        if repository not in self.stored or not self._may("read:packages", "write:packages"):
            return missing
        if match["list"] is None:
            assert request.method == "GET"
            return answer(200, {**document("packages")[0], "name": unquote(match["name"])})
        if match["id"] is not None:
            return self._version(request, repository, int(match["id"])) or missing
        assert request.method == "GET"
        query = query_of(request, "per_page", "page")
        versions = list(reversed(self.stored[repository]))
        if self.hidden:
            self.hidden -= 1
            versions = versions[1:]
        return self._page(request, [version_entry(one) for one in versions], query)

    def _version(
        self, request: httpx2.Request, repository: str, number: int
    ) -> httpx2.Response | None:
        versions = self.stored[repository]
        found = next((one for one in versions if one.id == number), None)
        if found is None:
            return None
        if request.method == "GET":
            return answer(200, version_entry(found))
        assert request.method == "DELETE"
        assert not request.content
        if not (self.administers and self._may("delete:packages")):
            return None
        if found.tags and not any(one.tags for one in versions if one is not found):
            return answer(400, document("last_tagged"))
        versions.remove(found)
        return answer(204)

    def _page(
        self, request: httpx2.Request, entries: list[Any], query: dict[str, str]
    ) -> httpx2.Response:
        page, size = int(query["page"]), int(query["per_page"])
        assert page >= 1
        assert 1 <= size <= 100
        last = max(1, -(-len(entries) // size))
        numbers = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        near = {"prev", "first"} if page >= last else {"next", "last"} if page == 1 else numbers
        url = str(request.url.copy_set_param("page", "PAGE"))
        url = url.replace("/orgs/Acme/", "/organizations/99/")
        links = [
            f'<{url.replace("PAGE", str(numbers[name]))}>; rel="{name}"'
            for name in self.link_names
            if name in near and last > 1
        ]
        headers = {"link": ", ".join(links)} if links else {}
        return answer(200, entries[(page - 1) * size : page * size], headers)

    # The token server and the registry

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        query = dict(parse_qsl(request.url.query.decode()))
        assert query["service"] == self.registry
        scope = query["scope"]
        _, repository, actions = scope.split(":")
        sent = request.headers.get("authorization")
        if sent is None:
            if repository not in self.public or actions != "pull":
                return answer(401, document("registry_unauthorized"))
        else:
            assert sent.startswith("Basic "), "GHCR takes a token as a password alone"
            password = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")[2]
            if password != SECRET:
                return answer(403, document("registry_denied"))
            if "push" in actions and not self._may("write:packages"):
                return answer(403, document("registry_denied"))
        token = f"djE6{len(self._tokens)}"
        self._tokens[token] = scope
        return answer(200, {**document("token"), "token": token})

    def _registry(self, request: httpx2.Request, path: str) -> httpx2.Response:
        if path == "/token":
            return self._token(request)
        repository = repository_of(path) or _uploaded_to(path)
        refusal = self._unauthorized(request, repository)
        if refusal is not None:
            return refusal
        if path == "/v2/":
            return answer(200, {}, {"x-github-request-id": "AB12:34"})
        assert repository, f"{path} is none of GHCR's"
        if request.method == "DELETE":
            return answer(405, document("registry_unsupported"))
        if request.method in ("POST", "PUT"):
            return self._write(request, path, repository)
        return self._read(request, path, repository)

    def _read(self, request: httpx2.Request, path: str, repository: str) -> httpx2.Response:
        what, _, locator = path.removeprefix(f"/v2/{repository}/").partition("/")
        if what == "blobs":
            if request.method == "HEAD":
                return answer(200 if locator in self.blobs else 404)
            return answer(307, headers={"location": f"https://{STORAGE}/ghcr1/{locator}?sig=x"})
        if repository not in self.stored:
            unknown = {"code": "NAME_UNKNOWN", "message": "repository name not known"}
            return answer(404, {"errors": [unknown]})
        if what == "tags":
            names = list(self.tags(repository))  # by age, and not by name
            return answer(200, {"name": repository, "tags": names})
        digest = self.tags(repository).get(locator, locator)
        found = self.held.find(repository, digest)
        if found is None or digest not in self.digests(repository):
            unknown = {"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}
            return answer(404, {"errors": [unknown]})
        return self.held.manifest_reply(request, found)

    def _write(self, request: httpx2.Request, path: str, repository: str) -> httpx2.Response:
        if request.method == "POST":
            return answer(202, headers={"location": f"/v2/{repository}/blobs/upload/1?x=y"})
        if "/blobs/" in path:
            digest = dict(parse_qsl(request.url.query.decode()))["digest"]
            assert digest == digest_of(request.content)
            self.blobs[digest] = request.content
            return answer(201, headers={"docker-content-digest": digest})
        tag = path.rpartition("/")[2]
        found = Document(request.headers["content-type"], request.content)
        known = self.held.find(repository, found.digest) or found
        self.held.add(f"{repository}:{found.digest}", known)
        self._store(repository, found.digest, () if ":" in tag else (tag,))
        return answer(201, headers={"docker-content-digest": found.digest})

    def _unauthorized(self, request: httpx2.Request, repository: str) -> httpx2.Response | None:
        writes = request.method not in ("GET", "HEAD")
        scope = f"repository:{repository}:{'pull,push' if writes else 'pull'}"
        scope = scope if repository else PLACEHOLDER
        sent = request.headers.get("authorization")
        if sent is not None:
            token = sent.removeprefix("Bearer ")
            assert token in self._tokens, "the registry got an Authorization not made for it"
            granted = self._tokens[token].split(",")
            if set(scope.split(",")) <= {*granted} or (not writes and granted[0] == scope):
                return None
        challenge = (
            f'Bearer realm="https://{self.registry}/token",service="{self.registry}",'
            f'scope="{scope}"'
        )
        headers = {
            "www-authenticate": challenge,
            "docker-distribution-api-version": "registry/2.0",
            "x-github-request-id": "AB12:34",
        }
        return answer(401, document("registry_unauthorized"), headers)

    def _storage(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert "authorization" not in request.headers, "a token went along with a redirect"
        digest = path.removeprefix("/ghcr1/")
        data = self.blobs.get(digest) or self.held.blob(digest)
        return answer(200, data) if data is not None else answer(404)


def version_entry(version: Stored) -> dict[str, Any]:
    """Give a version as the API does."""
    metadata = {"package_type": "container", "container": {"tags": version.tags}}
    shape = document("versions")[0]
    return {**shape, "id": version.id, "name": version.digest, "metadata": metadata}


def _uploaded_to(path: str) -> str:
    match = re.fullmatch(r"/v2/([a-z0-9/._-]+)/blobs/upload(?:s/|/1)", path)
    return match[1] if match else ""
