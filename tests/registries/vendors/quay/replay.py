"""Quay for tests: documented replies, and no mercy with a request that is not as documented.

What each reply follows is in ``replies/README.md``. A request that Quay would not expect, or
that carries a secret to the wrong place, is an `AssertionError`, not a refusal.
"""

from __future__ import annotations

import base64
import re
from urllib.parse import parse_qsl

import httpx2

from tests.registries.vendors.quay.writing import Writing, document
from tests.registries.vendors.replaying import HeldImages, Replay, answer, query_of, repository_of

TOKEN = "oauth-s3cret-token"
ROBOT, ROBOT_SECRET = "acme+ci", "robot-s3cret"
_NAME = r"[a-z0-9._-]+(?:/[a-z0-9._-]+)+"
_TAGS = re.compile(rf"/repository/({_NAME})/tag/")
_TAG = re.compile(rf"/repository/({_NAME})/tag/([A-Za-z0-9._-]+)")
_REPOSITORY = re.compile(rf"/repository/({_NAME})")
_SCOPE = re.compile(r"repository:([a-z0-9._/-]+):((?:push|pull|\*)(?:,(?:push|pull|\*))*)")
_PAGE_SIZE = 100
_FOUND_PAGES = 10


def too_many(**headers: str) -> httpx2.Response:
    """Refuse as nginx does."""
    page = b"<html><head><title>429 Too Many Requests</title></head></html>"
    return answer(429, page, {"content-type": "text/html", **headers})


class QuayReplay(Replay):
    """A transport that answers for a Quay: its registry and its API, at one host.

    Attributes
    ----------
    oauth : what each OAuth access token may do, by scope; it is ada's, a member of acme and tools.
    robots : what each robot may do, by repository.
    repositories, tags, found : what the API lists; a tag list is that of a repository by name.
    organizations : what the API tells of one.
    private : repositories that are not everyone's.
    held : what the registry holds.
    created : repositories that were made by asking for a token.
    deletes_tags : False for a Quay from before August 2024.
    has_api : False where something between lets nothing through to it.
    is_read_only : True while nothing is written to the registry.
    """

    def __init__(self) -> None:
        super().__init__({})
        self.serve("quay.io")
        self.oauth = {TOKEN: {"repo:read", "repo:write", "user:read"}}
        self.robots = {ROBOT: (ROBOT_SECRET, {"acme/web": {"pull", "push"}})}
        self.repositories = document("repositories")["repositories"]
        self.tags = {"acme/web": document("tags")["tags"], "acme/team/api": []}
        self.found = document("search")["results"]
        self.organizations = {"acme": document("organization")}
        self.user = document("user")
        self.rights = document("repository")
        self.private = {"acme/team/api"}
        self.catalog = ["acme/web", "acme/team/api", "tools/probe"]
        self.held = HeldImages()
        self.created: list[str] = []
        self.deletes_tags = True
        self.has_api = True
        self.is_read_only = False
        self.immutable: set[str] = set()
        self.pages_of_search = 10
        self._jwts: dict[str, tuple[str, dict[str, set[str]]]] = {}
        self._writing = Writing(self)

    def serve(self, host: str) -> None:
        """Answer at another host, too: a Quay of one's own."""
        self.hosts[host] = self._answer

    def _answer(self, request: httpx2.Request, path: str) -> httpx2.Response:
        if path == "/v2/auth":
            return self._token(request)
        if path.startswith("/v2/"):
            return self._registry(request, path)
        assert path.startswith("/api/v1/"), f"{path} is nothing of Quay's"
        return self._api(request, path.removeprefix("/api/v1"))

    # The API

    def _scopes(self, request: httpx2.Request) -> set[str] | None:
        """Give what a token may do; None for none, or for one that is not known."""
        sent = request.headers.get("authorization")
        if sent is None:
            return None
        scheme, _, token = sent.partition(" ")
        assert scheme == "Bearer", "the API reads no passwords"
        assert token not in self._jwts, "a registry's token went to the API"
        assert ROBOT_SECRET not in sent
        return self.oauth.get(token)

    def _api(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert request.headers["accept"] == "application/json"
        assert request.headers["x-requested-with"] == "XMLHttpRequest"
        if not self.has_api:
            return answer(404, b"<html>Not Found</html>", {"content-type": "text/html"})
        scopes = self._scopes(request)
        if request.method == "DELETE":
            return self._delete_tag(path, scopes)
        assert request.method == "GET"
        if path == "/user/":
            assert not request.url.query
            known = scopes is not None and "user:read" in scopes
            return answer(200, self.user) if known else answer(401, document("invalid_token"))
        if path == "/repository":
            return self._list(request, scopes)
        if path == "/find/repositories":
            return self._search(request)
        if path.startswith("/organization/"):
            found = self.organizations.get(path.removeprefix("/organization/"))
            shown = found if scopes is not None else {**(found or {}), "quota_report": None}
            return answer(200, shown) if found else answer(404, document("not_found"))
        if match := _TAGS.fullmatch(path):
            return self._list_tags(request, match[1], scopes)
        match = _REPOSITORY.fullmatch(path)
        assert match, f"{path} is not in the API"
        assert query_of(request, "includeTags") == {"includeTags": "false"}
        return self._refused(match[1], scopes) or answer(200, self.rights)

    def _refused(self, name: str, scopes: set[str] | None) -> httpx2.Response | None:
        """Refuse what may not be read, and what is not there, in the same way."""
        if name in self.tags and (name not in self.private or "repo:read" in (scopes or ())):
            return None
        known = scopes is not None
        return answer(403 if known else 401, document(_REFUSALS[known]))

    def _list(self, request: httpx2.Request, scopes: set[str] | None) -> httpx2.Response:
        query = dict(parse_qsl(request.url.query.decode("ascii"), strict_parsing=True))
        order = ["namespace", "public", "last_modified", "next_page"]
        assert list(query) == [name for name in order if name in query]
        assert query["public"] == query["last_modified"] == "true"
        raw = request.url.query.decode("ascii")
        assert "+" not in raw.partition("next_page=")[2], "a token must be percent-encoded"
        start = int(query["next_page"].strip("+/=")) if "next_page" in query else 0
        entries = [
            entry
            for entry in self.repositories
            if query.get("namespace") in (None, entry["namespace"])
            and (entry["is_public"] or "repo:read" in (scopes or ()))
        ]
        end = start + _PAGE_SIZE
        more = {"next_page": f"+/{end}=="} if len(entries) > end else {}
        return answer(200, {"repositories": entries[start:end], **more})

    def _list_tags(
        self, request: httpx2.Request, name: str, scopes: set[str] | None
    ) -> httpx2.Response:
        query = query_of(request, "limit", "page", "onlyActiveTags")
        assert query["onlyActiveTags"] == "true", "else dead tags come, too"
        limit, page = int(query["limit"]), int(query["page"])
        assert page >= 1
        assert limit == _PAGE_SIZE
        if refusal := self._refused(name, scopes):
            return refusal
        entries = self.tags[name]
        start, end = (page - 1) * limit, page * limit
        more = len(entries) > end
        return answer(200, {"tags": entries[start:end], "page": page, "has_additional": more})

    def _search(self, request: httpx2.Request) -> httpx2.Response:
        query = query_of(request, "query", "page", "includeUsage")
        assert query["includeUsage"] == "true"
        page = min(int(query["page"]), _FOUND_PAGES)
        start, end = (page - 1) * self.pages_of_search, page * self.pages_of_search
        found = [entry for entry in self.found if query["query"] in entry["name"]]
        reply = {**document("search"), "results": found[start:end], "page": page}
        return answer(200, {**reply, "has_additional": len(found) > end})

    def _delete_tag(self, path: str, scopes: set[str] | None) -> httpx2.Response:
        match = _TAG.fullmatch(path)
        assert match, f"{path} cannot be deleted"
        name, tag = match.groups()
        if scopes is None:
            return answer(403, document("csrf"))
        if name not in self.tags or "repo:write" not in scopes:
            return answer(403, document("insufficient_scope"))
        if self.rights["state"] != "NORMAL":
            return answer(503, document("mirror"))
        if tag in self.immutable:
            return answer(409, document("tag_immutable"))
        if f"{name}:{tag}" not in self.held.images:
            return answer(404, document("not_found"))
        del self.held.images[f"{name}:{tag}"]
        return answer(204)

    # The token server and the registry

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        host = request.url.netloc.decode("ascii")
        pairs = parse_qsl(request.url.query.decode("ascii"), strict_parsing=True)
        assert dict(pairs)["service"] == host
        user = self._login(request.headers.get("authorization"))
        scopes = [value for name, value in pairs if name == "scope"]
        if user is None or (not user and not scopes):
            return answer(401, document("registry_login_refused"))
        granted: dict[str, set[str]] = {}
        for scope in scopes:
            match = _SCOPE.fullmatch(scope)
            if match is None:
                return answer(400, document("registry_invalid_scope"))
            name, actions = match[1], set(match[2].split(","))
            granted.setdefault(name, set()).update(self._granted(user, name, actions))
        token = f"jwt.{len(self._jwts)}"
        self._jwts[token] = (user, granted)
        return answer(200, {**document("token"), "token": token})

    def _login(self, sent: str | None) -> str | None:
        """Give who it is: empty for nobody, None for a wrong password."""
        if sent is None:
            return ""
        assert sent.startswith("Basic ")
        name, _, password = base64.b64decode(sent[6:]).decode().partition(":")
        if name == "$oauthtoken":
            return password if password in self.oauth else None
        return name if self.robots.get(name, ("",))[0] == password else None

    def _granted(self, user: str, name: str, actions: set[str]) -> set[str]:
        is_there = name in self.tags or name in self.held.repositories
        if user and "push" in actions and not is_there:
            self.created.append(name)
        if user in self.oauth:
            owned = {"pull"} | ({"push"} if "repo:write" in self.oauth[user] else set())
        else:
            owned = set(self.robots[user][1].get(name, ())) if user else set()
        public = {"pull"} if is_there and name not in self.private else set()
        return actions & (owned | public)

    def _registry(self, request: httpx2.Request, path: str) -> httpx2.Response:
        host = request.url.netloc.decode("ascii")
        repository = repository_of(path) or self._writing.repository_of(path)
        is_reading = request.method in ("GET", "HEAD")
        action = "pull" if is_reading else "push"
        challenge = f'Bearer realm="https://{host}/v2/auth",service="{host}"'
        if repository:
            challenge += f',scope="repository:{repository}:{"pull" if is_reading else "pull,push"}"'
        marks = {
            "www-authenticate": challenge,
            "docker-distribution-api-version": "registry/2.0",
        }
        user, granted = "", dict[str, set[str]]()
        if (sent := request.headers.get("authorization")) is not None:
            assert sent.removeprefix("Bearer ") in self._jwts, "not made for the registry"
            user, granted = self._jwts[sent.removeprefix("Bearer ")]
        if path == "/v2/":
            html = {**marks, "content-type": "text/html; charset=utf-8"}
            return answer(200 if sent else 401, b"true", html)
        if path == "/v2/_catalog":
            return self._catalog(request, user)
        if action not in granted.get(repository, ()):
            return answer(401, document("registry_unauthorized"), marks)
        if repository not in self.tags and repository not in self.held.repositories:
            return answer(404, document("registry_name_unknown"))
        if path.endswith("/tags/list"):
            return self._tag_names(request, repository)
        if not is_reading and self.is_read_only:
            return answer(405, document("registry_read_only"))
        if not is_reading:
            return self._writing.reply(request, path, repository)
        found = self.held.reply(request, path)
        assert found is not None, f"{path} is none of the registry's"
        return found

    def _catalog(self, request: httpx2.Request, user: str) -> httpx2.Response:
        return self._names(request, "repositories", self.catalog if user else [])

    def _tag_names(self, request: httpx2.Request, repository: str) -> httpx2.Response:
        names = [entry["name"] for entry in self.tags.get(repository, ())]
        return self._names(request, "tags", names or self.held.tags(repository))

    def _names(self, request: httpx2.Request, what: str, names: list[str]) -> httpx2.Response:
        query = dict(parse_qsl(request.url.query.decode("ascii")))
        size, start = min(int(query["n"]), _PAGE_SIZE), int(query.get("next_page", 0))
        assert "last" not in query, "a name is no token"
        end = start + size
        path = request.url.raw_path.decode("ascii").partition("?")[0]
        link = f'<{path}?n={size}&next_page={end}>; rel="next"'
        headers = {"link": link} if len(names) > end else {}
        return answer(200, {what: names[start:end]}, headers)


_REFUSALS = ("invalid_token", "insufficient_scope")
