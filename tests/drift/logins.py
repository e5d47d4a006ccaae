"""A Drift with users, in this process: one of each role, and what they send."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
import httpx2
from starlette.applications import Starlette

from ghostnb.drift import create_app
from ghostnb.drift.auth.access import KnownUsers
from ghostnb.drift.auth.identity import Role
from ghostnb.drift.auth.tokens import Tokens
from ghostnb.drift.auth.users import Users
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.protocol import Registry
from tests.drift.asking import asked
from tests.parts.images import plain_image
from tests.registries.conftest import push

PASSWORDS = {"vic": "v1c-s3cret", "dev": "d3v-s3cret", "ada": "ad4-s3cret"}
ROLES = {"dev": Role.DEVELOPER, "ada": Role.ADMIN}
KEY = b"k" * 32
IMAGE = plain_image("one")


def htpasswd_line(name: str, password: str, *, cost: int = 4) -> str:
    """Write an entry; at the lowest cost unless that is what a test is about."""
    return f"{name}:{bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()}\n"


def write_htpasswd(file: Path, passwords: Mapping[str, str] = PASSWORDS, *, cost: int = 4) -> Path:
    """Write a file, or a new version of it that shows however fast the test is."""
    text = "".join(htpasswd_line(*pair, cost=cost) for pair in passwords.items())
    fresh = file.with_name(f"{file.name}.new")
    fresh.write_text(text)
    os.replace(fresh, file)
    return file


def filled_registry() -> MemoryRegistry:
    """Make a registry with one image in each of two repositories."""
    registry = MemoryRegistry()

    async def fill() -> None:
        await push(registry, "team/app:1", IMAGE)
        await push(registry, "other/app:1", IMAGE)

    asyncio.run(fill())
    return registry


@dataclass(frozen=True)
class Locked:
    """A Drift with users."""

    app: Starlette
    access: KnownUsers
    file: Path

    def ask(self, method: str, path: str, user: str = "", **options: Any) -> httpx2.Response:
        """Send one request as a user, by Basic."""
        headers = {**options.pop("headers", {}), **(basic(user) if user else {})}
        return asked(self.app, method, path, headers=headers, **options)

    def token(self, user: str, *scopes: str, **query: str) -> str:
        """Get a token for some scopes; with an empty name for nobody."""
        pairs = [("service", "drift"), *(("scope", scope) for scope in scopes), *query.items()]
        reply = self.ask("GET", "/token", user, params=pairs)
        assert reply.status_code == 200, reply.text
        return reply.json()["token"]

    def login(self, user: str) -> str:
        """Get a token for all that a user may do."""
        pair = {"username": user, "password": PASSWORDS[user]}
        reply = self.ask("POST", "/login", json=pair)
        assert reply.status_code == 200, reply.text
        return reply.json()["token"]


def locked_drift(
    directory: Path, registry: Registry | None = None, *, clock: Any = None, **options: Any
) -> Locked:
    """Make a Drift with `PASSWORDS` and `ROLES`."""
    file = write_htpasswd(directory / "htpasswd")
    users = Users(file, ROLES)
    access = KnownUsers(users, KEY, **options)
    if clock is not None:
        access.tokens = Tokens(KEY, users, clock=clock)
    return Locked(create_app(registry or filled_registry(), access=access), access, file)


def basic(user: str, password: str | None = None) -> dict[str, str]:
    """Give the header by which a user logs in, by default with the right password."""
    pair = f"{user}:{PASSWORDS[user] if password is None else password}"
    return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}


def bearer(token: str) -> dict[str, str]:
    """Give the header by which a token is shown."""
    return {"authorization": f"Bearer {token}"}
