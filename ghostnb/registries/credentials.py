"""Credentials that Docker and Podman have already been given."""

import asyncio
import base64
import binascii
import os
import shutil
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ghostnb.errors import ConfigError
from ghostnb.wire.tokens import Credentials

__all__ = ["auth_files", "find_credentials"]

_HELPER_TIMEOUT_SECONDS = 15
# docker-credential-helpers: a token instead of a password has this user name.
_TOKEN_USER = "<token>"  # noqa: S105
_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io", "docker.io", "registry-1.docker.io")
_NOT_FOUND = b"credentials not found"


class _Auth(msgspec.Struct):
    auth: str = ""
    username: str = ""
    password: str = ""
    identitytoken: str = ""


class _AuthFile(
    msgspec.Struct, rename={"creds_store": "credsStore", "cred_helpers": "credHelpers"}
):
    auths: dict[str, _Auth] | None = None
    creds_store: str = ""
    cred_helpers: dict[str, str] | None = None


class _HelperReply(msgspec.Struct):
    username: str = msgspec.field(name="Username", default="")
    secret: str = msgspec.field(name="Secret", default="")


def auth_files() -> list[Path]:
    """List the files that may hold credentials, the first wins.

    Notes
    -----
    Source: Docker, "docker login"; Podman, containers-auth.json(5).
    """
    home, environment = Path.home(), os.environ
    docker = Path(environment.get("DOCKER_CONFIG") or home / ".docker") / "config.json"
    runtime = environment.get("XDG_RUNTIME_DIR")
    candidates = [
        Path(environment["REGISTRY_AUTH_FILE"]) if "REGISTRY_AUTH_FILE" in environment else None,
        docker,
        Path(runtime) / "containers" / "auth.json" if runtime else None,
        home / ".config" / "containers" / "auth.json",
    ]
    return [path for path in candidates if path is not None]


async def find_credentials(host: str) -> Credentials | None:
    """Look a registry's host up in Docker's and Podman's configuration.

    Parameters
    ----------
    host : str
        Host and port, as in references.

    Returns
    -------
    Credentials or None
        None if no file has any.

    Raises
    ------
    ConfigError
        If a file that exists cannot be read.

    Warns
    -----
    UserWarning
        If a credential helper is configured, but missing or failing; the
        registry is then used anonymously.
    """
    for path in auth_files():
        file = _read(path)
        if file is None:
            continue
        found = await _from_helpers(file, host) or _from_auths(file, host)
        if found is not None:
            return found
    return None


def _keys(host: str) -> tuple[str, ...]:
    """Give the names under which a host may be listed."""
    return _HUB_KEYS if host in _HUB_KEYS else (host,)


def _read(path: Path) -> _AuthFile | None:
    try:
        return msgspec.json.decode(path.read_bytes() or b"{}", type=_AuthFile)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as e:
        raise ConfigError(
            f"The credentials file {path} cannot be read: {e}.",
            hint="Mend it, or log in again with: docker login",
        ) from e


def _from_auths(file: _AuthFile, host: str) -> Credentials | None:
    # Older Docker versions wrote whole URLs as keys.
    entries = {_host_of(key): entry for key, entry in (file.auths or {}).items()}
    for key in map(_host_of, _keys(host)):
        entry = entries.get(key)
        credentials = _decode_entry(entry) if entry else None
        if credentials is not None:
            return credentials
    return None


def _host_of(key: str) -> str:
    return urlsplit(key).netloc if "://" in key else key.partition("/")[0]


def _decode_entry(entry: _Auth) -> Credentials | None:
    username, password = entry.username, entry.password
    if entry.auth:
        try:
            pair = base64.b64decode(entry.auth).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError) as e:
            raise ConfigError(
                "An entry of the Docker configuration has an auth that is not base64.",
                hint="Log in again with: docker login",
            ) from e
        username, _, password = pair.rstrip("\0").partition(":")
    if not (username or entry.identitytoken):
        return None
    return Credentials(username, password, entry.identitytoken)


async def _from_helpers(file: _AuthFile, host: str) -> Credentials | None:
    helpers = file.cred_helpers or {}
    for key in _keys(host):
        helper = helpers.get(key) or file.creds_store
        found = await _ask_helper(helper, key) if helper else None
        if found is not None:
            return found
    return None


async def _ask_helper(helper: str, key: str) -> Credentials | None:
    """Run a credential helper.

    Notes
    -----
    Source: github.com/docker/docker-credential-helpers: ``get`` reads the
    server's address from standard input, so that no secret is in a process list.
    """
    program = shutil.which(f"docker-credential-{helper}")
    if program is None or os.sep in helper:
        _warn(f"The credential helper docker-credential-{helper} for {key} is not installed")
        return None
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        program, "get", stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        output, _ = await asyncio.wait_for(
            process.communicate(key.encode()), _HELPER_TIMEOUT_SECONDS
        )
    except TimeoutError:
        _warn(f"The credential helper docker-credential-{helper} for {key} did not answer")
        return None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        if _NOT_FOUND not in output:
            _warn(f"The credential helper docker-credential-{helper} for {key} failed")
        return None
    return _decode_helper(output, helper, key)


def _decode_helper(output: bytes, helper: str, key: str) -> Credentials | None:
    try:
        reply: Any = msgspec.json.decode(output, type=_HelperReply)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Not chained: the output may hold a secret.
        _warn(f"The credential helper docker-credential-{helper} for {key} gave no JSON")
        return None
    if reply.username == _TOKEN_USER:
        return Credentials("", "", reply.secret)
    return Credentials(reply.username, reply.secret) if reply.username else None


def _warn(problem: str) -> None:
    warnings.warn(f"{problem}; going on without credentials.", UserWarning, stacklevel=2)
