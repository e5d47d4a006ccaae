"""Credentials that Docker and Podman have been given: their files and helpers."""

import asyncio
import base64
import os
import shutil
import signal
import warnings
from contextlib import suppress
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
    # Docker reads null as what is not there.
    auth: str | None = None
    username: str | None = None
    password: str | None = None
    identitytoken: str | None = None


class _AuthFile(
    msgspec.Struct, rename={"creds_store": "credsStore", "cred_helpers": "credHelpers"}
):
    auths: dict[str, _Auth | None] | None = None
    creds_store: str | None = None
    cred_helpers: dict[str, str | None] | None = None


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
        found = await _from_helpers(file, host) or _from_auths(file, host, path)
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
        # Not chained: a decoding error holds what it could not decode.
        raise ConfigError(
            f"The credentials file {path} cannot be read: {e}.",
            hint="Mend it, or log in again with: docker login",
        ) from None


def _from_auths(file: _AuthFile, host: str, path: Path) -> Credentials | None:
    auths = file.auths or {}
    by_host: dict[str, _Auth | None] = {}
    for key, entry in auths.items():
        if _is_whole_host(key):
            by_host.setdefault(_host_of(key), entry)
    for key in _keys(host):
        entry = auths.get(key) or by_host.get(_host_of(key))
        credentials = _decode_entry(entry, key, path) if entry else None
        if credentials is not None:
            return credentials
    return None


def _is_whole_host(key: str) -> bool:
    """Tell whether an entry is for all of a host.

    Older Docker versions wrote whole URLs. Podman also writes namespaces, of
    which one's credentials are not another's; and Docker, after a login by
    browser, tokens under URLs beside the host's own, which are no passwords
    (docker/cli, "https://index.docker.io/v1/refresh-token").
    """
    path = urlsplit(key).path if "://" in key else key.partition("/")[2]
    return path.strip("/") in ("", "v1", "v2")


def _host_of(key: str) -> str:
    return urlsplit(key).netloc if "://" in key else key.partition("/")[0]


def _decode_entry(entry: _Auth, key: str, path: Path) -> Credentials | None:
    username, password = entry.username or "", entry.password or ""
    if entry.auth:
        try:
            pair = base64.b64decode(entry.auth, validate=True).decode("utf-8")
        except ValueError:
            # Not chained: a decoding error holds what it could not decode.
            raise ConfigError(
                f"The credentials file {path} has an auth for {key} that is not base64.",
                hint=f"Log in again with: docker login {key}",
            ) from None
        username, _, password = pair.rstrip("\0").partition(":")
    if not (username or entry.identitytoken):
        return None
    return Credentials(username, password, entry.identitytoken or "")


async def _from_helpers(file: _AuthFile, host: str) -> Credentials | None:
    helpers = file.cred_helpers or {}
    try:
        for key in _keys(host):
            helper = helpers.get(key) or file.creds_store
            found = await _ask_helper(helper, key) if helper else None
            if found is not None:
                return found
    except _HelperError as e:
        warnings.warn(f"{e}; going on without it.", UserWarning, stacklevel=2)
    return None


class _HelperError(Exception):
    """A helper is of no use, whatever it is asked."""


async def _ask_helper(helper: str, key: str) -> Credentials | None:
    """Run a credential helper; None if it knows nothing of the host.

    Raises
    ------
    _HelperError
        If it is not there, or does not do what helpers do.

    Notes
    -----
    Source: github.com/docker/docker-credential-helpers: ``get`` reads the
    server's address from standard input, so that no secret is in a process list.
    """
    name = f"The credential helper docker-credential-{helper} for {key}"
    program = shutil.which(f"docker-credential-{helper}") if os.sep not in helper else None
    if program is None:
        raise _HelperError(f"{name} is not installed")
    try:
        status, output = await _run(program, key)
    except TimeoutError:
        raise _HelperError(f"{name} did not answer") from None
    except OSError as e:
        raise _HelperError(f"{name} cannot be run ({e.strerror})") from None
    if status and _NOT_FOUND in output:
        return None
    if status:
        raise _HelperError(f"{name} failed")
    return _decode_helper(output, name)


async def _run(program: str, key: str) -> tuple[int | None, bytes]:
    pipe = asyncio.subprocess.PIPE
    # In a session of its own, so that what it has started ends with it.
    process = await asyncio.create_subprocess_exec(
        program, "get", stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        async with asyncio.timeout(_HELPER_TIMEOUT_SECONDS):
            output, _ = await process.communicate(key.encode())
        return process.returncode, output
    finally:
        if process.returncode is None:
            _kill_group(process)
            await process.wait()


def _kill_group(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _decode_helper(output: bytes, name: str) -> Credentials | None:
    try:
        reply: Any = msgspec.json.decode(output, type=_HelperReply)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Not chained: the output may hold a secret.
        raise _HelperError(f"{name} gave no JSON") from None
    if reply.username == _TOKEN_USER:
        return Credentials("", "", reply.secret)
    return Credentials(reply.username, reply.secret) if reply.username else None
