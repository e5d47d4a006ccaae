"""zot for tests: documented replies, and no mercy with a request that is not as documented.

What each reply follows is in ``replies/README.md``. zot itself is to be had here by no package:
a request that it would not expect, or that carries a secret to the wrong host, is an
`AssertionError`, not a refusal.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import httpx2

from tests.registries.vendors.replaying import HeldImages, Replay, answer, query_of, repository_of
from tests.registries.vendors.zot.schema import Asked, UnknownFieldError, project, read

REPLIES = Path(__file__).with_name("replies")
HOST, TOKENS = "zot.example.com", "auth.example.com"
SEARCH, MGMT = "/v2/_zot/ext/search", "/v2/_zot/ext/mgmt"
# pkg/api/routes.go, getUIHeadersHandler
UI_HEADERS = {
    "access-control-allow-methods": "GET,OPTIONS",
    "access-control-allow-headers": "Authorization,content-type,X-ZOT-API-CLIENT",
}
_MOST = 2000
_CHALLENGE = 'Basic realm="Authorization Required"'


def document(name: str, /, **words: str) -> Any:
    """Read a reply, with words put in the places that have their names: ``<name>``."""
    text = (REPLIES / f"{name}.json").read_text(encoding="utf-8")
    for place, word in words.items():
        text = text.replace(f"<{place}>", word)
    return json.loads(text)


class ZotReplay(Replay):
    """A transport that answers for a zot, and for the token server of its operator.

    Attributes
    ----------
    mode : ``open`` (no logins), ``basic`` (a login is needed), ``anonymous`` (everybody is let in,
        and logged-in users see more) or ``bearer``.
    account : who may log in.
    private : the repositories that not everybody may read.
    repositories, images : what its metadata know; images by repository.
    held : what its storage holds.
    extension : False for a minimal build.
    missing : the fields of the schema that this version does not have, as ``Type.Field``.
    may_delete : False for a user without the action delete.
    """

    def __init__(self) -> None:
        super().__init__({HOST: self._zot, TOKENS: self._token})
        self.mode = "open"
        self.account = ("ada", "zak_s3cret")
        self.private: set[str] = set()
        found = document("repositories")["data"]["RepoListWithNewestImage"]["Results"]
        self.repositories: list[dict[str, Any]] = found
        self.images: dict[str, list[dict[str, Any]]] = {
            "team/app": document("image_list")["data"]["ImageList"]["Results"]
        }
        self.names: dict[str, list[str]] = {"team/app": ["1.3", "1.4", "chart"], "tools": []}
        self.held = HeldImages()
        self.extension = True
        self.missing: set[str] = set()
        self.may_delete = True
        self.in_index: set[str] = set()
        self.colliding: set[str] = set()
        self.queries: list[Asked] = []
        self._scopes: dict[str, str] = {}

    def add_images(self, repository: str, count: int) -> None:
        """Let its metadata know so many tags of a repository."""
        shape = self.images["team/app"][0]
        tags = sorted(f"1.{n}" for n in range(count))
        self.images[repository] = [copy.deepcopy(shape) | {"Tag": tag} for tag in tags]
        self.names[repository] = tags

    def add_repositories(self, count: int) -> None:
        shape = self.repositories[0]
        self.repositories = [copy.deepcopy(shape) | {"Name": f"r{n:05}"} for n in range(count)]
        self.names = {entry["Name"]: [] for entry in self.repositories}

    # Logins

    def _user(self, request: httpx2.Request) -> str | None:
        """Give who asks; empty for nobody, None for wrong credentials."""
        sent = request.headers.get("authorization")
        if self.mode == "open":
            assert sent is None, "nobody has asked for a login"
            return ""
        if self.mode == "bearer":
            return "" if sent is None else self._scopes[sent.removeprefix("Bearer ")]
        basic = base64.b64encode(":".join(self.account).encode()).decode()
        if sent is not None:
            assert sent.startswith("Basic ")
            return self.account[0] if sent == f"Basic {basic}" else None
        return ""

    def _refusal(self, request: httpx2.Request, path: str) -> httpx2.Response | None:
        user = self._user(request)
        if self.mode == "bearer":
            return self._bearer_refusal(request, path, user or "")
        if user is None or (user == "" and self.mode == "basic"):
            return answer(401, document("unauthorized"), {"www-authenticate": _CHALLENGE})
        repository = repository_of(path)
        if user == "" and repository in self.private:
            reply = document("unauthorized_anonymous")
            return answer(401, reply, {"www-authenticate": _CHALLENGE})
        return None

    def _bearer_refusal(
        self, request: httpx2.Request, path: str, granted: str
    ) -> httpx2.Response | None:
        action = "pull" if request.method in ("GET", "HEAD") else "push"
        scope = f"repository:{repository_of(path)}:{action}"
        if path == "/v2/":
            scope = ""
            if request.headers.get("authorization"):
                return None
        elif scope in granted.split():
            return None
        challenge = f'Bearer realm="https://{TOKENS}/token",service="zot",scope="{scope}"'
        return answer(401, document("unauthorized"), {"www-authenticate": challenge})

    def _token(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert (request.method, path) == ("GET", "/token")
        pairs = parse_qsl(request.url.query.decode())
        assert ("service", "zot") in pairs
        sent = request.headers.get("authorization", "")
        basic = base64.b64encode(":".join(self.account).encode()).decode()
        if sent != f"Basic {basic}":
            return answer(401, {"details": "no"})
        token = f"zot.{len(self._scopes)}.jwt"
        self._scopes[token] = " ".join(value for name, value in pairs if name == "scope")
        return answer(200, document("token", token=token))

    # zot

    def _zot(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert "x-zot-api-client" not in request.headers, "that is for zot's own web page"
        assert request.url.fragment == ""
        if path == MGMT:
            return self._mgmt(request)
        refusal = self._refusal(request, path)
        if refusal is not None:
            return refusal
        if path == "/v2/":
            return self._ping()
        if path == SEARCH:
            return self._search(request) if self.extension else answer(404, b"404 page not found")
        if path == "/v2/_catalog":
            return self._catalog(request)
        assert repository_of(path), f"{path} is none of zot's"
        if request.method == "DELETE":
            return self._delete(request, path)
        return self._held(request, path)

    def _ping(self) -> httpx2.Response:
        headers = {
            **UI_HEADERS,
            "docker-distribution-api-version": "registry/2.0",
            "content-type": "application/json",
        }
        if self.mode in ("basic", "anonymous"):
            headers["www-authenticate"] = "basic realm="
        if self.mode == "bearer":
            headers["www-authenticate"] = f"bearer realm=https://{TOKENS}/token"
        return answer(200, headers=headers)

    def _mgmt(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET"
        assert request.url.query == b"", "with a query it needs a login"
        assert "authorization" not in request.headers
        if not self.extension:
            return answer(404, b"404 page not found")
        return answer(200, document("mgmt_open" if self.mode == "open" else "mgmt"))

    def _sees(self, request: httpx2.Request, name: str) -> bool:
        return name not in self.private or self._user(request) != ""

    def _search(self, request: httpx2.Request) -> httpx2.Response:
        assert request.method == "GET", "a POST needs a token for a push"
        assert request.headers["accept"] == "application/json"
        try:
            asked = read(query_of(request, "query")["query"], missing=self.missing)
        except UnknownFieldError as e:
            words = dict(zip(("field", "type"), e.args, strict=True))
            return answer(422, document("unknown_field", **words))
        self.queries.append(asked)
        found = {
            "ImageList": self._image_list,
            "RepoListWithNewestImage": self._repository_list,
            "GlobalSearch": self._global_search,
        }[asked.name](request, asked)
        return answer(200, {"data": {asked.name: project(found, asked.fields)}})

    def _image_list(self, request: httpx2.Request, asked: Asked) -> Any:
        repository = asked.arguments["repo"]
        assert repository, "every repository's"
        images = self.images.get(repository, []) if self._sees(request, repository) else []
        return _page(images, asked)

    def _repository_list(self, request: httpx2.Request, asked: Asked) -> Any:
        return _page([one for one in self.repositories if self._sees(request, one["Name"])], asked)

    def _global_search(self, request: httpx2.Request, asked: Asked) -> Any:
        words = asked.arguments["query"].lower()
        assert "@" not in words
        assert 1 <= len(words) <= 256
        place = asked.page(most=_MOST)
        if ":" in words:
            assert words == "team/app:1.3"
            return document("global_search_images")["data"]["GlobalSearch"]
        found = [one for one in self.repositories if words in one["Name"]]
        page = {"TotalCount": len(found), "ItemCount": len(found[place])}
        return {"Page": page, "Repos": found[place], "Images": []}

    def _catalog(self, request: httpx2.Request) -> httpx2.Response:
        query = dict(parse_qsl(request.url.query.decode()))
        assert set(query) <= {"n", "last"}
        names = [name for name in sorted(self.names) if self._sees(request, name)]
        return _names(names, "repositories", "/v2/_catalog", query)

    def _held(self, request: httpx2.Request, path: str) -> httpx2.Response:
        repository = repository_of(path)
        if path.endswith("/tags/list"):
            if repository not in self.names:
                return answer(404, document("name_unknown", name=repository))
            query = dict(parse_qsl(request.url.query.decode()))
            tags = sorted(self.names[repository])
            if query.get("last", tags[0] if tags else "") not in tags and tags:
                return answer(404)
            return _names(tags, "tags", path, query, name=repository)
        found = self.held.reply(request, path)
        assert found is not None
        if found.status_code == 404:
            reference = path.rpartition("/")[2]
            return answer(404, document("manifest_unknown", reference=reference))
        return found

    def _delete(self, request: httpx2.Request, path: str) -> httpx2.Response:
        repository, reference = repository_of(path), path.rpartition("/")[2]
        if not self.may_delete:
            return answer(403, document("denied"), {"www-authenticate": _CHALLENGE})
        if repository not in self.names:
            return answer(400, document("name_unknown", name=repository))
        if reference in self.in_index:
            return answer(405, document("denied"))
        if reference in self.colliding:
            return answer(409, document("collision", reference=reference))
        if self.held.find(repository, reference) is None:
            return answer(404, document("manifest_unknown", reference=reference))
        images = self.held.images
        gone = [
            name
            for name, image in images.items()
            if name.startswith(f"{repository}:")
            and reference in (name.partition(":")[2], image.digest)
        ]
        for name in gone:
            del images[name]
        return answer(202)


def _page(entries: list[Any], asked: Asked) -> dict[str, Any]:
    assert asked.arguments["requestedPage"]["sortBy"] == "ALPHABETIC_ASC"
    found = entries[asked.page(most=_MOST)]
    total = len(entries) if found else 0
    return {"Page": {"TotalCount": total, "ItemCount": len(found)}, "Results": found}


def _names(
    names: list[str], key: str, path: str, query: dict[str, str], **more: str
) -> httpx2.Response:
    rest = [name for name in names if name > query.get("last", "")]
    assert re.fullmatch(r"\d+", query["n"])
    page = rest[: int(query["n"])]
    link = f'<{path}?n={query["n"]}&last={page[-1]}>; rel="next"' if len(rest) > len(page) else ""
    return answer(200, {**more, key: page}, {"link": link} if link else {})
