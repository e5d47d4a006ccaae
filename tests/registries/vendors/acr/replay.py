"""Azure Container Registry for tests: documented replies, and no mercy with any other request.

What each reply follows is in ``replies/README.md``.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import httpx2

from tests.registries.vendors.replaying import HeldImages, Replay, answer, query_of, repository_of

REPLIES = Path(__file__).with_name("replies")
HOST = "contoso.azurecr.io"
SECRET = "t0ken-s3cret"
AAD_TOKEN = "eyJ.aad-s3cret.jwt"
STORAGE = "contoso.westeurope.data.azurecr.io"
NULL_USER = "00000000-0000-0000-0000-000000000000"
CORRELATION = {"x-ms-correlation-request-id": "0b0a2ad1-2c0c-4b6f-9d9e-2a9a5f6f3a11"}
_OWN = re.compile(r"/acr/v1/([a-z0-9/._-]+)/_(tags|manifests)(?:/([A-Za-z0-9._%-]+))?")
_UPLOADS = re.compile(r"/v2/([a-z0-9/._-]+)/blobs/uploads/")


def document(name: str) -> Any:
    """Read a reply."""
    return json.loads((REPLIES / f"{name}.json").read_text(encoding="utf-8"))


def token_with(claims: dict[str, Any]) -> str:
    """Make a token with claims that can be read, as JWTs are."""
    return f"eyJ.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.sig"


class ACRReplay(Replay):
    """A transport that answers for one registry of Azure.

    Attributes
    ----------
    account : (name, password) of who may log in.
    denied : scopes of which nobody has the right; a token comes for them all the same.
    beside : scopes that are wanted with another, by that.
    is_public : True if anonymous users may read.
    repositories, tags, manifests, references : what the API lists, the last by digest.
    locked : tags and digests that may not be deleted.
    held : what the registry holds.
    cap : how many entries a page has at most.
    tokens : scopes that tokens were asked for.
    claims : what refresh tokens say.
    changed : deletions and writes, in order.
    """

    def __init__(self, host: str = HOST) -> None:
        super().__init__({host: self._service, STORAGE: self._storage})
        self.host = host
        self.account = ("ci", SECRET)
        self.denied: set[str] = set()
        self.beside: dict[str, str] = {}
        self.is_public = False
        self.repositories: list[str] = document("catalog")["repositories"]
        self.tags = {"shop/cart": document("tags")["tags"]}
        self.manifests = {"shop/cart": document("manifests")["manifests"]}
        one = document("manifest_index")["manifest"]
        self.references = {one["digest"]: one["references"]}
        self.locked: set[str] = set()
        self.held = HeldImages()
        self.cap = 1000
        self.tokens: list[str] = []
        self.claims: dict[str, Any] = {"sub": "user@contoso.com", "iat": 0, "exp": 10800}
        self.exchanges = 0
        self.changed: list[str] = []
        self._granted: dict[str, tuple[str, list[str]]] = {}
        self._refresh_tokens: set[str] = set()

    def page(self, path: str) -> str:
        """Give the address of a list or entry of the API, as it stands in `asked`."""
        return f"https://{self.host}/acr/v1/{path}"

    def _service(self, request: httpx2.Request, path: str) -> httpx2.Response:
        if path == "/oauth2/token":
            reply = self._token(request)
        elif path == "/oauth2/exchange":
            reply = self._exchange(request)
        else:
            reply = self._registry(request, path)
        reply.headers.update(CORRELATION)
        return reply

    # Tokens

    def _exchange(self, request: httpx2.Request) -> httpx2.Response:
        form = self._form(request)
        assert set(form) == {"grant_type", "service", "access_token"}
        assert (form["grant_type"], form["service"]) == ("access_token", self.host)
        self.exchanges += 1
        if form["access_token"] != AAD_TOKEN:
            return answer(401, document("exchange_refused"))
        token = token_with({**self.claims, "jti": str(self.exchanges)})
        self._refresh_tokens.add(token)
        return answer(200, {**document("refresh_token"), "refresh_token": token})

    def _token(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            form = self._form(request)
            assert form["grant_type"] == "refresh_token"
            user, scopes = NULL_USER, form["scope"].split()
            service, is_good = form["service"], form["refresh_token"] in self._refresh_tokens
        else:
            pairs = parse_qsl(request.url.query.decode("ascii"))
            assert {name for name, _ in pairs} <= {"service", "scope", "account"}
            user, is_good = self._user(request)
            scopes = [value for name, value in pairs if name == "scope"]
            service = dict(pairs)["service"]
        assert service == self.host
        if not is_good:
            return answer(401, document("token_refused"))
        self.tokens += scopes
        token = f"eyJ.access-{len(self._granted)}.jwt"
        self._granted[token] = user, scopes
        return answer(200, {**document("access_token"), "access_token": token})

    def _user(self, request: httpx2.Request) -> tuple[str, bool]:
        sent = request.headers.get("authorization")
        if sent is None:
            return "", self.is_public
        basic = base64.b64encode(":".join(self.account).encode()).decode()
        assert sent.startswith("Basic ")
        return self.account[0], sent == f"Basic {basic}"

    def _form(self, request: httpx2.Request) -> dict[str, str]:
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert "authorization" not in request.headers
        return dict(parse_qsl(request.content.decode("ascii"), keep_blank_values=True))

    # The registry, and what is Azure's own

    def _registry(self, request: httpx2.Request, path: str) -> httpx2.Response:
        scope = self._scope(request, path)
        refusal = self._unauthorized(request, scope)
        if refusal is not None:
            return refusal
        if path == "/v2/":
            return answer(200, {})
        if path == "/acr/v1/_catalog":
            return self._page(request, path, "repositories", self.repositories, str)
        if path == "/v2/_catalog":
            return answer(200, {"repositories": self.repositories})
        if match := _OWN.fullmatch(path):
            return self._own(request, path, match[1], match[2], unquote(match[3] or ""))
        return self._distribution(request, path)

    def _scope(self, request: httpx2.Request, path: str) -> str:
        """Say what a request needs; one that is none of the registry's fails."""
        if path == "/v2/":
            return ""
        if path in ("/acr/v1/_catalog", "/v2/_catalog"):
            return "registry:catalog:*"
        own, upload = _OWN.fullmatch(path), _UPLOADS.fullmatch(path)
        name = own[1] if own else upload[1] if upload else repository_of(path)
        assert name, f"{path} is none of the registry's"
        actions = {"DELETE": "delete", "PUT": "pull,push", "POST": "pull,push"}
        reads = "metadata_read" if own else "pull"
        return f"repository:{name}:{actions.get(request.method, reads)}"

    def _unauthorized(self, request: httpx2.Request, scope: str) -> httpx2.Response | None:
        challenge = f'Bearer realm="https://{self.host}/oauth2/token",service="{self.host}"'
        if scope:
            challenge += f',scope="{scope}"'
        sent = request.headers.get("authorization")
        if sent is not None:
            token = sent.removeprefix("Bearer ")
            assert token in self._granted, "an Authorization that was not made here"
            user, scopes = self._granted[token]
            beside = self.beside.get(scope, scope)
            if scope in scopes and beside not in scopes:
                return answer(
                    401,
                    document("unauthorized"),
                    {"www-authenticate": challenge.replace(scope, beside)},
                )
            needed = scope and (scope not in scopes or scope in self.denied)
            reads = scope.endswith(("pull", "metadata_read", "catalog:*")) or not scope
            if not needed and (user or reads):
                return None
            challenge += ',error="insufficient_scope"'
        return answer(401, document("unauthorized"), {"www-authenticate": challenge})

    def _own(
        self, request: httpx2.Request, path: str, name: str, kind: str, one: str
    ) -> httpx2.Response:
        if name not in self.tags:
            return answer(404, document("name_unknown"))
        if request.method == "DELETE":
            assert kind == "tags"
            assert not request.url.query
            return self._untag(name, one)
        assert request.method == "GET"
        assert request.headers["accept"] == "application/json"
        listed = {"tags": self.tags, "manifests": self.manifests}[kind][name]
        if not one:
            key = "name" if kind == "tags" else "digest"
            return self._page(request, path, kind, listed, lambda entry: entry[key], name)
        assert kind == "manifests", "one tag's digest is in the list"
        assert not request.url.query
        found = [entry for entry in listed if entry["digest"] == one]
        if not found:
            return answer(404, document("manifest_unknown"))
        entry = copy.deepcopy(found[0])
        if one in self.references:
            entry["references"] = self.references[one]
        return answer(200, self._headed(name) | {"manifest": entry})

    def _headed(self, name: str) -> dict[str, Any]:
        return {"registry": self.host, "imageName": name} if name else {}

    def _page(
        self, request: httpx2.Request, path: str, key: str, entries: list, name_of, name: str = ""
    ) -> httpx2.Response:
        is_next = b"last=" in request.url.query
        query = query_of(request, *(("last", "n", "orderby") if is_next else ("n",)))
        assert query.get("orderby", "") == ""
        assert 1 <= int(query["n"]) <= 1000
        size = min(int(query["n"]), self.cap)
        names = [name_of(entry) for entry in entries]
        start = names.index(query["last"]) + 1 if is_next else 0
        part, headers = entries[start : start + size], {}
        if start + size < len(entries):
            last = quote(names[start + size - 1], safe="")
            link = f"{path}?last={last}&n={query['n']}&orderby="
            headers["link"] = f'<{link}>; rel="next"'
        return answer(200, self._headed(name) | {key: part}, headers)

    def _untag(self, name: str, tag: str) -> httpx2.Response:
        if tag in self.locked:
            return answer(405, document("locked"))
        found = [entry for entry in self.tags[name] if entry["name"] == tag]
        if not found:
            return answer(404, document("tag_unknown"))
        self.tags[name].remove(found[0])
        self.changed.append(f"tag {name}:{tag}")
        return answer(202, headers={"x-ms-int-docker-content-digest": found[0]["digest"]})

    def _distribution(self, request: httpx2.Request, path: str) -> httpx2.Response:
        name = repository_of(path)
        what, _, locator = path.removeprefix(f"/v2/{name}/").partition("/")
        if request.method == "DELETE":
            assert what == "manifests"
            assert ":" in locator, "a manifest is deleted by digest only"
            if locator in self.locked:
                return answer(405, document("locked"))
            if self.held.find(name, locator) is None:
                return answer(404, document("manifest_unknown"))
            self.changed.append(f"manifest {name}@{locator}")
            return answer(202)
        if what == "blobs" and self.held.blob(locator) is not None:
            return answer(307, headers={"location": f"https://{STORAGE}/{locator}?sig=x"})
        reply = self.held.reply(request, path)
        assert reply is not None
        return reply

    def _storage(self, request: httpx2.Request, path: str) -> httpx2.Response:
        assert "authorization" not in request.headers, "a token went along with a redirect"
        data = self.held.blob(path.removeprefix("/"))
        return answer(200, data) if data is not None else answer(404)
