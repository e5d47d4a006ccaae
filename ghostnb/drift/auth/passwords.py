"""Passwords, checked: slowly once, then at once."""

import asyncio
import base64
import binascii
import hmac
import os
import secrets
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakValueDictionary

import bcrypt

from ghostnb.drift.auth.attempts import Attempts
from ghostnb.drift.auth.identity import User
from ghostnb.drift.auth.users import Users
from ghostnb.drift.replies import RefusedError

__all__ = ["Passwords", "decode_login"]

# What bcrypt looks at; the rest never counted, in htpasswd neither.
_PASSWORD_BYTES = 72
# Half of the processors: the other half serves meanwhile.
_THREADS = max(1, min(4, (os.cpu_count() or 2) // 2))
_MAX_WAITING = 100
# Of one address: with names that are made up, one could take all that there are.
_MAX_WAITING_OF_ONE = 8


class Passwords:
    """Checks passwords on threads of its own.

    Parameters
    ----------
    users : Users
    attempts : Attempts, optional

    Notes
    -----
    bcrypt takes a tenth of a second by design. Who sends his password with each
    request pays for it once: what is remembered is a keyed hash of it beside
    the hash in the file, so that it ends when that changes.
    """

    def __init__(self, users: Users, attempts: Attempts | None = None) -> None:
        self._users = users
        self._attempts = attempts or Attempts()
        self._secret = secrets.token_bytes(32)
        self._proofs: dict[str, bytes] = {}
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="drift-passwords")
        self._waiting: Counter[str] = Counter()
        # A lock lives as long as a login holds it or waits for it.
        self._turns: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    async def check(self, name: str, password: str, address: str) -> User | None:
        """Find out whose password it is.

        Parameters
        ----------
        name, password : str
        address : str
            Where the login comes from.

        Returns
        -------
        User or None
            None for a wrong password and for a user who is not known: both take
            as long.

        Raises
        ------
        RefusedError
            429, if too many logins from there have failed, of this name or of
            any, or too many wait.
        """
        await self._users.refresh()
        given = password.encode()[:_PASSWORD_BYTES]
        user = self._users.get(name)
        if user is not None and self._is_remembered(user, given):
            return user
        async with self._turns.setdefault((name, address), asyncio.Lock()):
            # Meanwhile the same may have been found out for another request.
            if user is not None and self._is_remembered(user, given):
                return user
            self._attempts.check(name, address)
            return await self._try(name, user, given, address)

    def close(self) -> None:
        """End the threads; who still waits is not answered."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _try(self, name: str, user: User | None, given: bytes, address: str) -> User | None:
        hashed = user.password_hash if user is not None else self._users.decoy(name)
        matches = await self._matches(given, hashed, address)
        if user is None or not matches:
            self._attempts.note_failed(name, address)
            return None
        self._attempts.forget(name, address)
        self._proofs[name] = self._proof(user, given)
        return user

    async def _matches(self, given: bytes, hashed: bytes, address: str) -> bool:
        waiting = self._waiting.total()
        if waiting >= _MAX_WAITING or self._waiting[address] >= _MAX_WAITING_OF_ONE:
            message = f"{waiting} logins are waiting; try again in a moment."
            raise RefusedError(429, "TOOMANYREQUESTS", message, headers={"retry-after": "1"})
        self._waiting[address] += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, bcrypt.checkpw, given, hashed)
        finally:
            self._waiting[address] -= 1
            # Who does not wait is forgotten.
            self._waiting = +self._waiting

    def _is_remembered(self, user: User, given: bytes) -> bool:
        return hmac.compare_digest(self._proofs.get(user.name, b""), self._proof(user, given))

    def _proof(self, user: User, given: bytes) -> bytes:
        return hmac.digest(self._secret, user.password_hash + given, "sha256")


def decode_login(value: str) -> tuple[str, str] | None:
    """Read the name and the password of Basic (RFC 7617); None if they cannot be."""
    try:
        text = base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None
    name, colon, password = text.partition(":")
    return (name, password) if colon else None
