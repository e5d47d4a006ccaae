"""The token server's HTTP side: GET with Basic, POST with OAuth2 forms."""

from __future__ import annotations

import base64
import json
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.parts.token_server import NotAllowedError, TokenRequest, TokenServer

Parameters = dict[str, list[str]]


def listen(server: TokenServer, host: str, tls: ssl.SSLContext | None) -> ThreadingHTTPServer:
    """Open the port; the caller serves."""

    class Handler(_Handler):
        tokens = server

    listener = ThreadingHTTPServer((host, 0), Handler)
    listener.daemon_threads = True
    if tls:
        # the handshake belongs to the connection's own thread, not to the one that accepts
        listener.socket = tls.wrap_socket(
            listener.socket, server_side=True, do_handshake_on_connect=False
        )
    return listener


class _Handler(BaseHTTPRequestHandler):
    tokens: TokenServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_: object) -> None:
        """Say nothing: what was asked is in ``TokenServer.requests``."""

    def do_GET(self) -> None:
        parameters = parse_qs(urlsplit(self.path).query)
        self._answer(parameters, None)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        parameters = parse_qs(body)
        self._answer(parameters, _one(parameters, "grant_type") or "")

    def _answer(self, parameters: Parameters, grant_type: str | None) -> None:
        scopes = tuple(scope for value in parameters.get("scope", ()) for scope in value.split())
        username, status, body = None, 200, {}
        try:
            username = self._who(parameters, grant_type)
            body = self._granted(parameters, scopes, username, grant_type)
        except NotAllowedError:
            status, body = 401, _error("UNAUTHORIZED", "incorrect username or password")
        if self.tokens.refuse or (grant_type is not None and not self.tokens.oauth):
            status, body = self.tokens.refuse or 404, _error("DENIED", "refused by the test")
        flat = {name: values[-1] for name, values in parameters.items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.tokens.requests.append(
            TokenRequest(self.command, scopes, username, status, grant_type, flat, headers)
        )
        self._send(status, body)

    def _who(self, parameters: Parameters, grant_type: str | None) -> str | None:
        if grant_type is None:
            return self._basic()
        if grant_type == "refresh_token":
            token = _one(parameters, "refresh_token") or ""
            if token not in self.tokens.refresh_tokens:
                raise NotAllowedError
            return self.tokens.refresh_tokens[token]
        pair = (_one(parameters, "username") or "", _one(parameters, "password") or "")
        return self.tokens.identify(*pair)

    def _basic(self) -> str | None:
        scheme, _, encoded = self.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        if scheme.lower() != "basic":
            raise NotAllowedError
        username, _, password = base64.b64decode(encoded).decode().partition(":")
        return self.tokens.identify(username, password)

    def _granted(
        self,
        parameters: Parameters,
        scopes: tuple[str, ...],
        username: str | None,
        grant_type: str | None,
    ) -> dict[str, Any]:
        """Answer with a token, and a refresh token to who asks for one in either way."""
        body = self.tokens.reply(scopes, username)
        if grant_type is not None:
            body["scope"] = " ".join(scopes)
            body.setdefault("access_token", body.pop("token", None))
        offline = (
            _one(parameters, "access_type") == "offline"
            or _one(parameters, "offline_token") == "true"
        )
        if username and offline:
            body["refresh_token"] = self.tokens.refresh_token(username)
        return body

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _one(parameters: Parameters, name: str) -> str | None:
    return parameters.get(name, [None])[-1]


def _error(code: str, message: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}
