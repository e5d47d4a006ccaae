"""GitLab for tests: documented replies, and no mercy with a request that is not as documented.

What each reply follows is in ``replies/README.md``. A request that GitLab would not expect, or
that carries a secret to the wrong host, is an `AssertionError`, not a refusal.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx2

from tests.registries.vendors.replaying import HeldImages, Replay, answer, query_of

REPLIES = Path(__file__).with_name("replies")
SECRET = "glpat-s3cret"
_LIST = re.compile(r"/v4/(groups|projects)/([^/]+)/registry/repositories")
_OF_USER = re.compile(r"/v4/users/([^/]+)/projects")
_TAG = re.compile(r"/v4/projects/([^/]+)/registry/repositories/(\d+)/tags/([^/]+)")
_V1 = re.compile(r"/gitlab/v1/repositories/([a-z0-9/._-]+)/tags/list/")
_V2 = re.compile(r"/v2/([a-z0-9/._-]+)/(?:manifests|blobs|tags)/[A-Za-z0-9._:-]+")
_MANIFEST = re.compile(r"/v2/([a-z0-9/._-]+)/manifests/([A-Za-z0-9._:-]+)")
_READING = frozenset({"api", "read_api"})


def document(name: str) -> Any:
    """Read a reply."""
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


@dataclass
class Holder:
    """What a secret is: of whom, of which kind, and what it may do.

    ``kind`` is one of ``access``, ``oauth``, ``job``, ``deploy`` and ``password``; ``role`` is
    GitLab's number for it: 20 a reporter, 30 a developer, 40 a maintainer.
    """

    kind: str = "access"
    username: str = ""
    scopes: tuple[str, ...] = ("read_api", "read_registry")
    role: int = 30
    project: str = ""

    def may(self, action: str) -> bool:
        """Tell what the registry's token allows."""
        scopes = set(self.scopes)
        if action == "pull":
            return self.kind == "job" or bool(scopes & {"api", "read_api", "read_registry"})
        return "api" in scopes and self.role >= 40


class GitLabReplay(Replay):
    """A transport that answers for a GitLab and its registry.

    Attributes
    ----------
    holders : what each secret is.
    groups, projects, users : what the API lists.
    repositories : by a project's path.
    tags : what the registry's own API describes; None where there is no metadata database.
    held : what the registry holds.
    kept : tags that a rule protects, with what the registry answers then.
    deleted : tags that were deleted, each with the way.
    refusals : what the API answers to deletions, in place of deleting.
    says_totals : False where there are too many to be counted.
    is_administrator : True where the catalog is shown.
    """

    def __init__(
        self, registry: str = "registry.gitlab.com", gitlab: str = "gitlab.com", prefix: str = ""
    ) -> None:
        super().__init__({registry: self._registry, gitlab: self._gitlab})
        if registry == gitlab:
            self.hosts[registry] = self._both
        self.realm = f"https://{gitlab}{prefix}/jwt/auth"
        self.prefix = prefix
        self.holders = {SECRET: Holder()}
        self.groups = {"acme": document("group_repositories")}
        self.projects = document("projects")
        self.users = {"ada": ["ada/lab", "ada/notes"]}
        self.repositories: dict[str, list[Any]] = {
            "acme/web": document("project_repositories"),
            "acme/tools/base": [document("group_repositories")[2]],
            "ada/lab": [document("group_repositories")[0] | {"id": 50, "path": "ada/lab"}],
        }
        self.tags: dict[str, list[Any]] | None = {"acme/web": document("tags")}
        self.held = HeldImages()
        self.kept: dict[str, str] = {}
        self.deleted: list[str] = []
        self.refusals: list[httpx2.Response] = []
        self.says_totals = True
        self.is_administrator = False
        self.stored = {"acme": "storage_group", "acme/web": "storage_project"}
        self._tokens: dict[str, dict[str, set[str]]] = {}

    def serve(self, host: str) -> None:
        """Answer as the registry under another name, too."""
        self.hosts[host] = self._registry

    def _both(self, request: httpx2.Request, path: str) -> httpx2.Response:
        is_registry = path.startswith(("/v2/", "/gitlab/v1/"))
        return (self._registry if is_registry else self._gitlab)(request, path)

    # GitLab

    def _gitlab(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert not {"private-token", "job-token", "deploy-token"} & set(request.headers)
        assert path.startswith(f"{self.prefix}/"), f"{path} is not GitLab's"
        path = path.removeprefix(self.prefix)
        if path == "/jwt/auth":
            return self._token(request)
        assert path.startswith("/api/"), f"{path} is not in the reference"
        assert request.headers["accept"] == "application/json"
        return self._api(request, path.removeprefix("/api"))

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        pairs = parse_qsl(request.url.query.decode())
        query = dict(pairs)
        assert query["service"] == "container_registry"
        scopes = [value for name, value in pairs if name == "scope"]
        assert {name for name, _ in pairs} <= {"service", "scope", "account"}
        sent, holder = request.headers.get("authorization"), None
        if sent is not None:
            name, _, secret = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")
            holder = self.holders.get(secret)
            if holder is None or holder.username not in ("", name):
                return answer(401, document("jwt_refused"))
        elif not scopes:
            return answer(403, document("jwt_denied"))
        token = f"jwt.{len(self._tokens)}"
        self._tokens[token] = dict(self._granted(scope, holder) for scope in scopes)
        return answer(200, document("jwt") | {"token": token})

    def _granted(self, scope: str, holder: Holder | None) -> tuple[str, set[str]]:
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        assert kind in ("repository", "registry")
        if kind == "registry":
            return "catalog", set("*") if self.is_administrator else set()
        if holder is None:
            return name, {"pull"} if self._is_public(name) else set()
        return name, {action for action in actions.split(",") if holder.may(action)}

    def _is_public(self, repository: str) -> bool:
        public = [one["path_with_namespace"] for one in self.projects if _public(one)]
        return any(f"{repository}/".startswith(f"{path.lower()}/") for path in public)

    def _api(self, request: httpx2.Request, path: str) -> httpx2.Response:
        sent, holder = request.headers.get("authorization"), None
        is_graphql = path == "/graphql"
        if sent is not None:
            assert sent.startswith("Bearer ")
            assert not sent.startswith("Bearer jwt."), "the API got the registry's token"
            holder = self.holders.get(sent.removeprefix("Bearer "))
            assert holder is None or holder.kind != "deploy", "deploy tokens are not the API's"
            if holder is None or holder.kind == "password":
                return answer(
                    401, document("graphql_unauthorized" if is_graphql else "unauthorized")
                )
        if is_graphql:
            return self._graphql(request, holder)
        if holder is not None and (reply := self._about_itself(request, path, holder)):
            return reply
        if holder is not None and holder.kind == "job":
            own = f"/v4/projects/{holder.project.replace('/', '%2F')}/registry/"
            if not path.startswith(own):
                return answer(401, document("unauthorized"))
        elif holder is not None and not _READING & set(holder.scopes):
            return answer(403, document("insufficient_scope"))
        if request.method == "DELETE":
            return self._delete(request, path, holder)
        assert request.method == "GET"
        return self._listed(request, path, holder)

    def _about_itself(
        self, request: httpx2.Request, path: str, holder: Holder
    ) -> httpx2.Response | None:
        if path == "/v4/job":
            return answer(200 if holder.kind == "job" else 404, document("job"))
        if path == "/v4/personal_access_tokens/self":
            if holder.kind != "access":
                return answer(400, {"message": "400 Bad request"})
            return answer(200, document("access_token") | {"scopes": list(holder.scopes)})
        if path == "/v4/user":
            is_told = {"api", "read_api", "read_user"} & set(holder.scopes)
            name = "user" if is_told else "insufficient_scope"
            return answer(200 if is_told else 403, document(name))
        return None

    def _listed(self, request: httpx2.Request, path: str, holder: Holder | None) -> httpx2.Response:
        if match := _LIST.fullmatch(path):
            kind, name = match[1], unquote(match[2])
            assert "/" not in match[2]
            return self._repositories(request, kind, name, holder)
        if match := _OF_USER.fullmatch(path):
            if match[1] not in self.users:
                return answer(404, {"message": "404 User Not Found"})
            names = self.users[match[1]]
            found = [one for one in self.projects if one["path_with_namespace"] in names]
            return self._page(request, found, "order_by", "sort")
        assert path == "/v4/projects", f"{path} is not in the reference"
        assert holder is not None, "nobody is a member of nothing"
        more = ("statistics",) if "statistics=" in str(request.url) else ()
        entries = document("projects_statistics") if more else self.projects
        query = query_of(request, "membership", "order_by", "sort", *more, "page", "per_page")
        assert {"membership": "true", "order_by": "id", "sort": "asc"}.items() <= query.items()
        return self._page(request, entries, "membership", "order_by", "sort", *more)

    def _repositories(
        self, request: httpx2.Request, kind: str, name: str, holder: Holder | None
    ) -> httpx2.Response:
        if kind == "groups":
            if name not in self.groups:
                return answer(404, {"message": "404 Group Not Found"})
            return self._page(request, self.groups[name])
        found = self.repositories.get(name.lower())
        if found is None or (holder is None and not self._is_public(name.lower())):
            # Without credentials a project that is not public is refused so, too.
            return answer(
                404 if holder else 401, document("not_found" if holder else "unauthorized")
            )
        if holder is not None and holder.role < 20:
            return answer(403, document("forbidden"))
        counted = "tags_count=true" in str(request.url)
        entries = copy.deepcopy(found)
        if not counted:
            for entry in entries:
                entry.pop("tags_count", None)
        return self._page(request, entries, *(("tags_count",) if counted else ()))

    def _page(self, request: httpx2.Request, entries: list[Any], *names: str) -> httpx2.Response:
        query = query_of(request, *names, "page", "per_page")
        page, size = int(query["page"]), int(query["per_page"])
        assert page >= 1
        assert 1 <= size <= 100
        pages = -(-len(entries) // size) or 1
        headers = {
            "x-page": str(page),
            "x-per-page": str(size),
            "x-next-page": str(page + 1) if page < pages else "",
        }
        if self.says_totals:
            headers |= {"x-total": str(len(entries)), "x-total-pages": str(pages)}
        return answer(200, entries[(page - 1) * size : page * size], headers)

    def _delete(self, request: httpx2.Request, path: str, holder: Holder | None) -> httpx2.Response:
        match = _TAG.fullmatch(path)
        assert match, f"{path} is not in the reference"
        assert holder is not None
        assert request.url.query == b""
        project, number, tag = unquote(match[1]), int(match[2]), unquote(match[3])
        if holder.kind != "job" and "api" not in holder.scopes:
            return answer(403, document("insufficient_scope"))
        if holder.role < 30:
            return answer(403, document("forbidden"))
        found = [one["path"] for one in self.repositories[project] if one["id"] == number]
        if not found or self.held.images.get(f"{found[0]}:{tag}") is None:
            return answer(404, document("tag_not_found"))
        if self.refusals:
            return self.refusals.pop(0)
        if f"{found[0]}:{tag}" in self.kept:
            return answer(403, document("protected_tag"))
        del self.held.images[f"{found[0]}:{tag}"]
        self.deleted.append(f"api {found[0]}:{tag}")
        return answer(200)

    def _graphql(self, request: httpx2.Request, holder: Holder | None) -> httpx2.Response:
        assert (request.method, request.url.query) == ("POST", b"")
        assert request.headers["content-type"] == "application/json"
        body = json.loads(request.content)
        assert set(body) == {"query", "variables"}
        assert set(body["variables"]) == {"path"}
        assert body["query"].count("{") == body["query"].count("}")
        name = self.stored.get(body["variables"]["path"], "storage_untold")
        return answer(200, document(name if holder else "storage_untold"))

    # The registry

    def _registry(self, request: httpx2.Request, path: str) -> httpx2.Response:
        action = "delete" if request.method == "DELETE" else "pull"
        if path == "/v2/_catalog":
            return self._catalog(request)
        match = _V1.fullmatch(path) or _V2.fullmatch(path)
        repository = match[1] if match else ""
        refusal = self._unauthorized(request, repository, action)
        if refusal is not None:
            return refusal
        if path == "/v2/":
            return answer(200, {})
        assert repository, f"{path} is none of the registry's"
        if path.startswith("/gitlab/"):
            return self._described(request, repository)
        if request.method == "DELETE":
            return self._deleted(path)
        reply = self.held.reply(request, path)
        assert reply is not None
        return reply

    def _catalog(self, request: httpx2.Request) -> httpx2.Response:
        refusal = self._unauthorized(request, "catalog", "*")
        if refusal is not None:
            return refusal
        assert 1 <= int(query_of(request, "n")["n"]) <= 1000
        return answer(200, {"repositories": sorted(self.held.repositories)})

    def _unauthorized(
        self, request: httpx2.Request, repository: str, action: str
    ) -> httpx2.Response | None:
        challenge = f'Bearer realm="{self.realm}",service="container_registry"'
        if repository:
            kind = "registry" if repository == "catalog" else "repository"
            challenge += f',scope="{kind}:{repository}:{action}"'
        sent = request.headers.get("authorization")
        if sent is not None:
            token = sent.removeprefix("Bearer ")
            assert token in self._tokens, "the registry got an Authorization not made for it"
            if not repository or action in self._tokens[token].get(repository, ()):
                return None
            challenge += ',error="insufficient_scope"'
        body = document("registry_unauthorized")
        body["errors"][0]["detail"][0].update(Name=repository, Action=action)
        return answer(401, body, {"www-authenticate": challenge})

    def _described(self, request: httpx2.Request, repository: str) -> httpx2.Response:
        if self.tags is None:
            return answer(404, headers={"gitlab-container-registry-database-enabled": "false"})
        if repository not in self.tags:
            return answer(404, document("registry_name_unknown"))
        has_last = b"last=" in request.url.query
        query = query_of(request, "n", *(("last",) if has_last else ()))
        assert 1 <= int(query["n"]) <= 1000
        last = query.get("last", "")
        found = sorted(self.tags[repository], key=lambda one: one["name"])
        found = [one for one in found if one["name"] > last]
        page = found[: int(query["n"])]
        headers = {}
        if len(found) > len(page):
            # It names the host as the registry itself knows it, which is behind a proxy.
            place = f"http://registry:5000/gitlab/v1/repositories/{repository}/tags/list/"
            link = f"{place}?n={query['n']}&last={page[-1]['name']}"
            headers["link"] = f'<{link}>; rel="next"'
        return answer(200, page, headers)

    def _deleted(self, path: str) -> httpx2.Response:
        match = _MANIFEST.fullmatch(path)
        assert match
        repository, locator = match.groups()
        name = f"{repository}:{locator}"
        if name in self.kept:
            # 401, and no challenge that could be followed.
            return answer(401, document(self.kept[name]))
        if self.held.find(repository, locator) is None:
            return answer(404, document("registry_manifest_unknown"))
        if ":" in locator:
            for held in [one for one, top in self.held.images.items() if top.digest == locator]:
                del self.held.images[held]
        else:
            del self.held.images[name]
        self.deleted.append(f"registry {name}")
        return answer(202)


def _public(project: dict[str, Any]) -> bool:
    return project["visibility"] == "public"
