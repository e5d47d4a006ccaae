"""Drift's tokens: what they say is signed, and nothing of them is kept."""

import base64
import binascii
import hmac
import logging
import os
import secrets
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from ghostnb.drift.auth.identity import Identity, Role, User
from ghostnb.drift.auth.scopes import Scope, parse_scopes
from ghostnb.drift.auth.users import Users

__all__ = ["InvalidTokenError", "Token", "Tokens", "read_key"]

_log = logging.getLogger("ghostnb.drift")
_KEY_BYTES = 32
# A token for some scopes is asked for again and again; one of a login is held by somebody.
_ACCESS_SECONDS = 300
_LOGIN_SECONDS = 3600
_ACCESS, _LOGIN, _REFRESH = "access", "login", "refresh"


class InvalidTokenError(Exception):
    """A token that does not count (any more)."""


class _Claims(msgspec.Struct, omit_defaults=True):
    """What a token says.

    `stamp` is of the user's entry in the file: a new password ends all tokens.
    """

    purpose: str
    username: str | None = None
    stamp: str = ""
    expires: float | None = None
    scopes: list[str] | None = None


_decoder = msgspec.json.Decoder(_Claims)


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is given out.

    Attributes
    ----------
    value : str
        Never shown.
    lifetime_seconds : int
        0 for one that does not expire.
    issued_at : str
        By RFC 3339.
    """

    value: str = field(repr=False)
    lifetime_seconds: int
    issued_at: str


class Tokens:
    """Issues tokens, and reads them.

    Parameters
    ----------
    key : bytes
        Who has it can make tokens; see `read_key`.
    users : Users
        A token is good as long as its user's entry is the same. The role is
        that of the moment.
    clock : callable
        Gives seconds since 1970: tokens may outlive the process.
    """

    def __init__(self, key: bytes, users: Users, *, clock: Callable[[], float] = time.time) -> None:
        self._key = key
        self._users = users
        self._clock = clock

    def access(self, user: User | None, scopes: Iterable[Scope]) -> Token:
        """Issue a token for some scopes; for nobody in particular if `user` is None."""
        return self._issue(_ACCESS, user, _ACCESS_SECONDS, [str(scope) for scope in scopes])

    def login(self, user: User) -> Token:
        """Issue a token for all that a user may do."""
        return self._issue(_LOGIN, user, _LOGIN_SECONDS)

    def refresh(self, user: User) -> Token:
        """Issue a token that only gets other tokens, and does not expire."""
        return self._issue(_REFRESH, user, 0)

    async def identity(self, value: str) -> Identity:
        """Find out whose token it is, and what for.

        Raises
        ------
        InvalidTokenError
        """
        claims = await self._read(value, {_ACCESS, _LOGIN})
        scopes = None if claims.scopes is None else parse_scopes(claims.scopes)
        if claims.username is None:
            return Identity(None, Role.VIEWER, scopes)
        user = self._user(claims)
        return Identity(user.name, user.role, scopes)

    async def refreshing(self, value: str) -> User:
        """Find out who may have another token.

        Raises
        ------
        InvalidTokenError
        """
        return self._user(await self._read(value, {_REFRESH}))

    def _issue(
        self,
        purpose: str,
        user: User | None,
        lifetime_seconds: int,
        scopes: list[str] | None = None,
    ) -> Token:
        now = self._clock()
        expires = now + lifetime_seconds if lifetime_seconds else None
        claims = _Claims(purpose, expires=expires, scopes=scopes)
        if user is not None:
            claims.username, claims.stamp = user.name, self._stamp(user)
        said = msgspec.json.encode(claims)
        issued_at = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Token(f"{_text(said)}.{_text(self._sign(said))}", lifetime_seconds, issued_at)

    async def _read(self, value: str, purposes: set[str]) -> _Claims:
        said, signature = _parts(value)
        if not hmac.compare_digest(signature, self._sign(said)):
            raise InvalidTokenError("The token was not issued here.")
        try:
            claims = _decoder.decode(said)
        except msgspec.MsgspecError as e:
            # The key is older than this version: it may have signed other claims.
            raise InvalidTokenError("The token is of another version.") from e
        if claims.purpose not in purposes:
            raise InvalidTokenError(f"A {claims.purpose} token is not good for this.")
        if claims.expires is not None and self._clock() >= claims.expires:
            raise InvalidTokenError("The token has expired.")
        await self._users.refresh()
        return claims

    def _user(self, claims: _Claims) -> User:
        user = self._users.get(claims.username or "")
        if user is None or not hmac.compare_digest(claims.stamp, self._stamp(user)):
            raise InvalidTokenError("The token's user has gone, or has another password now.")
        return user

    def _stamp(self, user: User) -> str:
        entry = user.name.encode() + b"\0" + user.password_hash
        return _text(hmac.digest(self._key, b"user\0" + entry, "sha256")[:12])

    def _sign(self, said: bytes) -> bytes:
        return hmac.digest(self._key, b"token\0" + said, "sha256")


def read_key(file: Path) -> bytes:
    """Give the key that tokens are signed with; make one if there is none.

    It is kept so that who has logged in stays so when Drift starts anew. Where
    it cannot be kept there is one for this time.

    Parameters
    ----------
    file : Path
        Only its owner can read it.
    """
    try:
        key = _kept_key(file)
    except OSError as e:
        _log.warning(
            "The key for tokens cannot be kept in %s (%s): logins end with this process.",
            file,
            e.strerror,
        )
        return secrets.token_bytes(_KEY_BYTES)
    return key


def _kept_key(file: Path) -> bytes:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(secrets.token_bytes(_KEY_BYTES))
        try:
            # Whole, or not at all: two may start at once, and both then have the first one's.
            os.link(fresh, file)
        except FileExistsError:
            _log.debug("%s has been made meanwhile", file)
        finally:
            fresh.unlink()
    key = file.read_bytes()
    if len(key) < _KEY_BYTES:
        raise OSError(0, f"it has {len(key)} bytes")
    return key


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _parts(value: str) -> tuple[bytes, bytes]:
    said, _, signature = value.partition(".")
    try:
        return _data(said), _data(signature)
    except (binascii.Error, ValueError) as e:
        raise InvalidTokenError("The token cannot be read.") from e


def _data(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
