"""Logging in: tokens for clients of the protocol, and for everybody else."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from ghostnb.drift.auth.access import KnownUsers, address_of, log_in_first
from ghostnb.drift.auth.identity import Role, User, identity_of
from ghostnb.drift.auth.scopes import Scope, parse_scopes
from ghostnb.drift.auth.tokens import InvalidTokenError, Token
from ghostnb.drift.bodies import whole
from ghostnb.drift.limits import Limits
from ghostnb.drift.replies import RefusedError
from ghostnb.drift.routing import Router
from ghostnb.drift.service import Service

__all__ = ["add_login"]

_MAX_BODY_BYTES = 64 * 1024
# A token travels in a header, and all headers of a request have 64 KiB together.
_MAX_SCOPES = 50
_SECRET = {"cache-control": "no-store"}


def add_login(router: Router, service: Service) -> None:
    """Add the routes by which users log in, and learn who they are."""
    router.add("GET", "/whoami", _whoami, "none")
    if not isinstance(service.access, KnownUsers):
        router.add("POST", "/login", _no_users, "open")
        return
    login = _Login(service.access, service.limits)
    router.add("POST", "/login", login.log_in, "open")
    router.add("GET", "/token", login.token, "open")
    router.add("POST", "/token", login.token_by_form, "open")


class _Credentials(msgspec.Struct):
    username: str
    password: str


class _Login:
    """Handlers; each of them is one route."""

    def __init__(self, access: KnownUsers, limits: Limits) -> None:
        self._access = access
        self._limits = limits

    async def log_in(self, request: Request) -> Response:
        """Give a token for all that a user may do."""
        given = _credentials(await self._body(request))
        user = await self._user(request, given.username, given.password)
        token = self._access.tokens.login(user)
        answer = {
            "token": token.value,
            "expires_in": token.lifetime_seconds,
            "username": user.name,
            "role": user.role,
        }
        return JSONResponse(answer, headers=_SECRET)

    async def token(self, request: Request) -> Response:
        """Give a token for some scopes, as far as the role allows them.

        Source: distribution, "Token Authentication Specification".
        """
        query = request.query_params
        scopes = _asked_scopes(query.getlist("scope"))
        user = await self._access.logged_in(request)
        answer = self._answer(user, scopes)
        if user is not None and query.get("offline_token") == "true":
            answer["refresh_token"] = self._access.tokens.refresh(user).value
        return JSONResponse(answer, headers=_SECRET)

    async def token_by_form(self, request: Request) -> Response:
        """Give a token for a password or a refresh token.

        Source: distribution, "OAuth2 Token Authentication".
        """
        pairs = _form(await self._body(request))
        form = dict(pairs)
        # Some clients join the scopes, some repeat the field.
        scopes = _asked_scopes([text for name, text in pairs if name == "scope"])
        user = await self._granted(request, form)
        answer = self._answer(user, scopes)
        if form.get("access_type") == "offline":
            answer["refresh_token"] = self._access.tokens.refresh(user).value
        return JSONResponse(answer, headers=_SECRET)

    async def _body(self, request: Request) -> bytearray:
        return await whole(request, self._limits, _MAX_BODY_BYTES, "A login")

    async def _granted(self, request: Request, form: Mapping[str, str]) -> User:
        kind = form.get("grant_type")
        if kind == "password":
            return await self._user(request, form.get("username", ""), form.get("password", ""))
        if kind != "refresh_token":
            message = "grant_type must be password or refresh_token."
            raise RefusedError(400, "UNSUPPORTED", message)
        try:
            return await self._access.tokens.refreshing(form.get("refresh_token", ""))
        except InvalidTokenError as e:
            raise log_in_first(f"{e} Log in again.") from e

    async def _user(self, request: Request, name: str, password: str) -> User:
        user = await self._access.passwords.check(name, password, address_of(request))
        if user is None:
            raise log_in_first("The name or the password is wrong.")
        return user

    def _answer(self, user: User | None, asked: tuple[Scope, ...]) -> dict[str, Any]:
        role = user.role if user is not None else Role.VIEWER
        granted = [_allowed(scope, role) for scope in asked]
        token: Token = self._access.tokens.access(user, granted)
        return {
            "token": token.value,
            "access_token": token.value,
            "expires_in": token.lifetime_seconds,
            "issued_at": token.issued_at,
            "scope": " ".join(map(str, granted)),
        }


async def _whoami(request: Request) -> Response:
    identity = identity_of(request)
    answer = {"username": identity.username, "role": identity.role}
    return JSONResponse(answer, headers=_SECRET)


async def _no_users(request: Request) -> Response:
    message = "No users are configured here: everything may be done without a login."
    raise RefusedError(404, "UNSUPPORTED", message)


def _allowed(scope: Scope, role: Role) -> Scope:
    """Leave of a scope what a role allows; who may read also lists the repositories."""
    if scope.kind != "repository":
        return scope
    return scope.only(role.allows)


def _asked_scopes(texts: list[str]) -> tuple[Scope, ...]:
    scopes = parse_scopes(texts)
    if len(scopes) > _MAX_SCOPES:
        message = f"A token is given for {_MAX_SCOPES} scopes at most, not for {len(scopes)}."
        raise RefusedError(400, "UNSUPPORTED", message)
    return scopes


def _credentials(body: bytearray) -> _Credentials:
    try:
        return msgspec.json.decode(body, type=_Credentials)
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        # Not chained: a decoding error holds what it could not decode, perhaps a password.
        message = f'The body must be like {{"username": "…", "password": "…"}} ({e}).'
        raise RefusedError(400, "UNSUPPORTED", message) from None


def _form(body: bytearray) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body.decode("utf-8"), max_num_fields=100, errors="strict")
    except ValueError:
        raise RefusedError(400, "UNSUPPORTED", "The form cannot be read.") from None
