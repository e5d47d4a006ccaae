"""Drift's users: an htpasswd file, read again when it changes."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

from ghostnb.drift.auth.identity import Role, User
from ghostnb.errors import ConfigError

__all__ = ["Users", "parse_htpasswd"]

_log = logging.getLogger("ghostnb.drift")
# bcrypt's cost is 4 to 31; $2y$ is what htpasswd writes, $2a$ and $2b$ are others' names for it.
_BCRYPT = re.compile(r"\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}")
_MAX_NAME_LENGTH = 255
_LOOK_SECONDS = 1.0

_Version = tuple[int, ...]


class Users:
    """Who can log in.

    Parameters
    ----------
    file : Path
        As ``htpasswd -B`` writes it.
    roles : mapping of str to Role
        Who is more than a viewer.

    Raises
    ------
    ConfigError
        If the file cannot be used, or a name with a role is not in it.

    Notes
    -----
    A new version of the file that cannot be used is logged, and the users stay
    as they were.
    """

    def __init__(self, file: Path, roles: Mapping[str, Role]) -> None:
        self._file = file
        self._roles = dict(roles)
        self._secret = secrets.token_bytes(32)
        self._look_at = time.monotonic() + _LOOK_SECONDS
        self._version = _version(file)
        self._users = self._read()
        if missing := self._without_entry():
            raise ConfigError(
                f"{_listed(missing)} is given a role, but is not in {file}.",
                hint=f"Add an entry: htpasswd -B {file} {missing[0]}",
            )

    def __len__(self) -> int:
        return len(self._users)

    def __repr__(self) -> str:
        return f"<{len(self)} users of {self._file}>"

    def get(self, name: str) -> User | None:
        """Give a user; None if there is none of this name."""
        return self._users.get(name)

    def decoy(self, name: str) -> bytes:
        """Give some user's hash, always the same for a name that nobody has.

        To check a password against it takes as long as against that user's: so
        it does not show in the time whose name is known.
        """
        users = list(self._users.values())
        drawn = blake2b(name.encode(), key=self._secret, digest_size=8).digest()
        return users[int.from_bytes(drawn) % len(users)].password_hash

    async def refresh(self) -> None:
        """Read the file again if it has changed; it is looked at once a second."""
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + _LOOK_SECONDS
            await asyncio.to_thread(self._reload)

    def _reload(self) -> None:
        version = _version(self._file)
        if version == self._version:
            return
        # Kept also of a version that cannot be used: that is said once.
        self._version = version
        try:
            self._users = self._read()
        except ConfigError as e:
            _log.error("%s; the users stay as they were.", str(e).rstrip("."))
            return
        _log.info("%s has changed: %d users", self._file, len(self._users))
        if missing := self._without_entry():
            _log.warning(
                "%s is given a role, but is not in %s any more.", _listed(missing), self._file
            )

    def _read(self) -> dict[str, User]:
        try:
            text = self._file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as e:
            reason = getattr(e, "strerror", None) or "it is not UTF-8"
            raise ConfigError(
                f"The users cannot be read from {self._file} ({reason}).",
                hint=f"Make one: htpasswd -cB {self._file} USER",
            ) from e
        hashes = parse_htpasswd(text, source=str(self._file))
        viewer = Role.VIEWER
        return {
            name: User(name, self._roles.get(name, viewer), hashed)
            for name, hashed in hashes.items()
        }

    def _without_entry(self) -> list[str]:
        return sorted(self._roles.keys() - self._users.keys())


def parse_htpasswd(text: str, *, source: str) -> dict[str, bytes]:
    """Read an htpasswd file.

    Parameters
    ----------
    text : str
        ``name:hash`` lines; blank ones and those that begin with ``#`` count for nothing.
    source : str
        Where it comes from, for messages.

    Returns
    -------
    dict of str to bytes
        Each user's hash.

    Raises
    ------
    ConfigError
        For a hash that is not bcrypt's, a name that cannot be one or comes
        twice, and a file without users. What stands in the line is not shown.
    """
    users: dict[str, bytes] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, colon, hashed = line.strip().partition(":")
        if not colon or not _is_name(name):
            raise _bad_line(source, number, "is not a user's name, a colon and a hash", "USER")
        if not _BCRYPT.fullmatch(hashed):
            raise _bad_line(source, number, f"has a hash for {name} that is not bcrypt's", name)
        if name in users:
            raise _bad_line(source, number, f"is a second one for {name}", name)
        users[name] = hashed.encode("ascii")
    if not users:
        raise ConfigError(
            f"There are no users in {source}.", hint="Make a line for each: htpasswd -nB USER"
        )
    return users


def _is_name(name: str) -> bool:
    return 0 < len(name) <= _MAX_NAME_LENGTH and name.isprintable()


def _bad_line(source: str, number: int, problem: str, name: str) -> ConfigError:
    return ConfigError(
        f"Line {number} of {source} {problem}.",
        hint=f"Put there what this prints: htpasswd -nB {name}",
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names)


def _version(file: Path) -> _Version:
    """Tell one version of a file from another; empty if there is none."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino
