"""Harbor for tests: documented replies, and no mercy with a request that is not as documented.

What each reply follows is in ``replies/README.md``. A request that Harbor would not expect, or
that carries a secret to another host, is an `AssertionError`, not a refusal.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from tests.registries.vendors.replaying import HeldImages, Replay, answer, query_of, repository_of

REPLIES = Path(__file__).with_name("replies")
HOST = "harbor.example.com"
API = "/api/v2.0"
CHALLENGE = f'Bearer realm="https://{HOST}/service/token",service="harbor-registry"'
PUBLIC = ("library",)
# Old versions count signatures as well, and then leave them out of their pages.
SIGNATURE: dict[str, Any] = {"type": "SIGNATURE"}
_NAME = r"[a-z0-9._-]+"
# A slash in a repository's name is encoded twice.
_REPOSITORY = re.compile(rf"/projects/({_NAME})/repositories/({_NAME}(?:%252F{_NAME})*)(/.*)?")
_PROJECT = re.compile(rf"/projects/({_NAME})(/repositories|/summary)?")
_ARTIFACT = re.compile(r"/artifacts/([A-Za-z0-9._-]+|sha256:[0-9a-f]{64})(?:/tags/([\w.-]+))?")
# What old versions take a CLI secret for: src/server/middleware/security/oidc_cli.go.
_FOR_CLIENTS = re.compile(
    r"GET /projects(/[^/]+/repositories(/[^/]+/artifacts)?)?|DELETE .*/artifacts/[^/]+/tags/[^/]+"
)
_PAGE = ("page", "page_size")


def document(name: str) -> Any:
    """Read a reply."""
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


def many_artifacts(count: int) -> list[dict[str, Any]]:
    """Make images with a tag each."""
    shape = document("artifacts")[1]
    return [
        shape | {"digest": f"sha256:{n:064x}", "tags": [shape["tags"][0] | {"name": f"1.{n}"}]}
        for n in range(count)
    ]


class HarborReplay(Replay):
    """A transport that answers for one Harbor.

    Attributes
    ----------
    users : by name: password, and the projects that are the user's.
    admins, robots : of the users.
    clients : whose CLI secret the API takes no notice of.
    may_delete : whether users may.
    artifacts : by repository; those without a tag are among them.
    uncounted : whether the count of a list is taken away on its way.
    counts_signatures : False from 2.5.1 on; until 2.6 pages were cut with them all the same.
    phantoms : what is counted, and is in no page.
    deleted : what the API was asked to delete, and did.
    """

    def __init__(self, host: str = HOST) -> None:
        super().__init__({host: self._answer})
        self.users = {
            "ada": ("s3cret-Pw", ("team", "hubcache")),
            "root": ("s3cret-Pw", ("team", "hubcache")),
            "robot$team+ci": ("s3cret-Pw", ("team",)),
        }
        self.admins = {"root"}
        self.robots = {"robot$team+ci"}
        self.clients: set[str] = set()
        self.may_delete = True
        self.projects = document("projects")
        self.repositories = document("repositories")
        self.artifacts = {"team/base/python": document("artifacts"), "team/app": []}
        self.immutable: set[str] = set()
        self.is_read_only = False
        self.uncounted = False
        self.counts_signatures = True
        self.phantoms = 0
        self.held = HeldImages()
        self.deleted: list[str] = []
        self._tokens: dict[str, str | None] = {}

    def _answer(self, request: httpx2.Request, path: str) -> httpx2.Response:
        if path == "/service/token":
            return self._token(request)
        if path.startswith("/v2/"):
            return self._registry(request, path)
        assert path.startswith(f"{API}/"), f"{path} is none of Harbor's"
        return self._api(request, path.removeprefix(API))

    def _user(self, request: httpx2.Request) -> str | None:
        """Say who asks; who is not known is anonymous."""
        sent = request.headers.get("authorization")
        if sent is None:
            return None
        assert sent.startswith("Basic "), "the API got a token that is not made for it"
        name, _, password = base64.b64decode(sent.removeprefix("Basic ")).decode().partition(":")
        return name if self.users.get(name, ("",))[0] == password else None

    def _sees(self, user: str | None, project: str) -> bool:
        mine = self.users[user][1] if user else ()
        return project in (*PUBLIC, *mine) or user in self.admins

    # The API

    def _api(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert request.headers["accept"] == "application/json"
        assert request.headers["x-is-resource-name"] == "true"
        assert not request.content
        user = self._user(request)
        if user in self.clients and not _FOR_CLIENTS.fullmatch(f"{request.method} {path}"):
            user = None
        if request.method == "DELETE":
            return self._delete(request, path, user)
        assert request.method == "GET"
        if path.startswith("/users/current"):
            return self._current(request, path, user)
        if match := _REPOSITORY.fullmatch(path):
            repository = f"{match[1]}/{match[2].replace('%252F', '/')}"
            return self._repository(request, repository, match[3], user)
        if match := _PROJECT.fullmatch(path):
            return self._project(request, match[1], match[2], user)
        return self._whole(request, path, user)

    def _current(self, request: httpx2.Request, path: str, user: str | None) -> httpx2.Response:
        if user is None:
            return answer(401, document("unauthorized"))
        if path == "/users/current/permissions":
            scope = query_of(request, "scope", "relative")
            assert scope in [
                {"scope": f"/project/{one['project_id']}", "relative": "true"}
                for one in self.projects
            ]
            allowed = document("permissions")
            return answer(200, [one for one in allowed if self._may(one["action"])])
        assert path == "/users/current"
        query_of(request)
        if user in self.robots:
            return answer(412, document("current_user_is_robot"))
        is_admin = user in self.admins
        return answer(200, document("current_user") | {"username": user, "sysadmin_flag": is_admin})

    def _may(self, action: str) -> bool:
        return self.may_delete or action != "delete"

    def _refused(self, user: str | None) -> httpx2.Response:
        if user is None:
            return answer(401, document("unauthorized"))
        return answer(403, document("forbidden"))

    def _repository(
        self, request: httpx2.Request, repository: str, rest: str | None, user: str | None
    ) -> httpx2.Response:
        if not self._sees(user, repository.partition("/")[0]):
            return self._refused(user)
        if rest == "/artifacts":
            query = query_of(request, *_PAGE, "q", "with_tag")
            assert (query["q"], query["with_tag"]) == ("tags=*", "true")
            found = [
                one for one in self.artifacts.get(repository, ()) if one is SIGNATURE or one["tags"]
            ]
            return self._page(query, found)
        assert rest is None
        query_of(request)
        for one in self.repositories:
            if one["name"] == repository:
                return answer(200, one)
        return answer(404, document("not_found"))

    def _project(
        self, request: httpx2.Request, project: str, rest: str | None, user: str | None
    ) -> httpx2.Response:
        if not self._sees(user, project):
            return self._refused(user)
        held = [one for one in self.repositories if one["name"].startswith(f"{project}/")]
        if rest == "/repositories":
            return self._page(*self._filtered(request, held))
        query_of(request)
        found = [one for one in self.projects if one["name"] == project]
        if not found:
            return answer(404, document("not_found"))
        if rest == "/summary":
            is_member = user is not None and project in self.users[user][1]
            return answer(200, document("summary" if is_member else "summary_of_stranger"))
        return answer(200, found[0])

    def _whole(self, request: httpx2.Request, path: str, user: str | None) -> httpx2.Response:
        mine = [one for one in self.repositories if self._sees(user, one["name"].partition("/")[0])]
        public = [one for one in mine if one["name"].partition("/")[0] in PUBLIC]
        # As in old versions.
        shown = public if user in self.robots else mine
        if path == "/repositories":
            return self._page(*self._filtered(request, shown))
        if path == "/projects":
            query = query_of(request, *_PAGE, "with_detail")
            assert query["with_detail"] == "false"
            names = PUBLIC if user in self.robots else None
            found = [one for one in self.projects if self._sees(user, one["name"])]
            return self._page(query, [one for one in found if not names or one["name"] in names])
        if path == "/search":
            words = query_of(request, "q")["q"]
            reply = document("search")
            known = {one["repository_name"]: one for one in reply["repository"]}
            found = [
                known.get(one["name"], {"repository_name": one["name"]})
                for one in shown
                if words in one["name"]
            ]
            return answer(200, reply | {"repository": found})
        assert path == "/quotas", f"{path} is not in the swagger"
        query = query_of(request, *_PAGE, "reference")
        assert query["reference"] == "project"
        if user not in self.admins:
            return self._refused(user)
        return self._page(query, document("quotas"))

    def _filtered(
        self, request: httpx2.Request, entries: list[Any]
    ) -> tuple[dict[str, str], list[Any]]:
        pairs = dict(parse_qsl(request.url.query.decode("ascii")))
        if "q" not in pairs:
            return query_of(request, *_PAGE), entries
        query = query_of(request, *_PAGE, "q")
        match = re.fullmatch(r"name=~([a-z0-9._/-]+)", query["q"])
        assert match, f"{query['q']} is no filter by name"
        return query, [one for one in entries if match[1] in one["name"]]

    def _page(self, query: dict[str, str], entries: list[Any]) -> httpx2.Response:
        page, size = int(query["page"]), int(query["page_size"])
        assert page >= 1
        assert size >= 1
        if size > 100:
            return answer(422, document("page_size"))
        counted = [one for one in entries if self.counts_signatures or one is not SIGNATURE]
        start, total = (page - 1) * size, len(counted) + self.phantoms
        link = f'</api/v2.0/links-are-not-followed?page={page + 1}&q=a b>; rel="next"'
        headers = {} if self.uncounted else {"x-total-count": str(total), "link": link}
        shown = [one for one in entries[start : start + size] if one is not SIGNATURE]
        return answer(200, shown, headers)

    def _delete(self, request: httpx2.Request, path: str, user: str | None) -> httpx2.Response:
        query_of(request)
        assert "cookie" not in request.headers
        match = _REPOSITORY.fullmatch(path)
        assert match
        assert match[3], f"{path} would delete a whole repository"
        repository = f"{match[1]}/{match[2].replace('%252F', '/')}"
        found = _ARTIFACT.fullmatch(match[3])
        assert found, f"{path} is not in the swagger"
        if self.is_read_only:
            return answer(403, document("read_only"))
        if not (self._sees(user, match[1]) and user and self._may("delete")):
            return self._refused(user)
        return self._deleted(repository, found[1], found[2])

    def _deleted(self, repository: str, reference: str, tag: str | None) -> httpx2.Response:
        for one in self.artifacts.get(repository, ()):
            names = [entry["name"] for entry in one["tags"] or ()]
            if reference not in (one["digest"], *names):
                continue
            if tag is not None and tag not in names:
                return answer(404, document("tag_not_found"))
            if self.immutable & set(names if tag is None else [tag]):
                return answer(412, document("immutable"))
            self.deleted.append(f"{repository}:{tag}" if tag else f"{repository}@{reference}")
            for name in names if tag is None else [tag]:
                self.held.images.pop(f"{repository}:{name}", None)
            return answer(200)
        return answer(404, document("not_found"))

    # The token server and the registry

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        pairs = parse_qsl(request.url.query.decode("ascii"))
        assert ("service", "harbor-registry") in pairs
        user = self._user(request)
        scopes = [value for name, value in pairs if name == "scope"]
        if user is None and not scopes:
            return answer(401)
        # Who is not known gets an anonymous token.
        token = f"registry.{len(self._tokens)}.jwt"
        self._tokens[token] = user
        return answer(200, document("token") | {"token": token})

    def _registry(self, request: httpx2.Request, path: str) -> httpx2.Response:
        sent = request.headers.get("authorization")
        if sent is None:
            headers = {"www-authenticate": CHALLENGE}
            return answer(401, document("registry_unauthorized"), headers)
        is_basic = sent.startswith("Basic ")
        user = self._user(request) if is_basic else self._tokens[sent.removeprefix("Bearer ")]
        if is_basic and user is None:
            headers = {"www-authenticate": 'Basic realm="harbor"'}
            return answer(401, document("registry_unauthorized"), headers)
        if path == "/v2/":
            return answer(200)
        if path == "/v2/_catalog":
            if user not in self.admins:
                headers = {"www-authenticate": 'Basic realm="harbor"'}
                return answer(401, document("registry_unauthorized"), headers)
            return answer(200, {"repositories": sorted(self.held.repositories)})
        if request.method == "DELETE":
            return self._delete_in_registry(path, user)
        repository = repository_of(path)
        if not self._sees(user, repository.partition("/")[0]):
            headers = {"www-authenticate": f'{CHALLENGE},scope="repository:{repository}:pull"'}
            return answer(401, document("registry_unauthorized"), headers)
        reply = self.held.reply(request, path)
        assert reply is not None, f"{path} is none of the registry's"
        return answer(404, document("registry_not_found")) if reply.status_code == 404 else reply

    def _delete_in_registry(self, path: str, user: str | None) -> httpx2.Response:
        repository, _, locator = path.removeprefix("/v2/").partition("/manifests/")
        assert locator
        if user is None or not self._may("delete"):
            scope = f"repository:{repository}:delete"
            headers = {"www-authenticate": f'{CHALLENGE},scope="{scope}"'}
            return answer(401, document("registry_unauthorized"), headers)
        if ":" not in locator:
            return answer(400, document("registry_unsupported"))
        reply = self._deleted(repository, locator, None)
        return answer(202) if reply.status_code == 200 else reply
