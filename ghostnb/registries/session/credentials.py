"""Credentials that Docker and Podman have already been given."""

import asyncio
import base64
import os
import shutil
import signal
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.wire.tokens import Credentials

__all__ = ["CredentialSource", "auth_files", "find_credentials"]

_HELPER_TIMEOUT_SECONDS = 15
# Docker asks helpers with every command. To wait for a 401 would not do: Amazon ECR,
# whose tokens last 12 hours, answers 403 to one that is over (AWS, "Troubleshooting
# Docker commands and issues when using Amazon ECR").
_KEEP_SECONDS = 60.0
# When many requests are refused at once, a helper is not run for each of them.
_PAUSE_SECONDS = 2.0
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


class CredentialSource:
    """Finds one registry's credentials when they are wanted, and anew when they may have changed.

    Parameters
    ----------
    config : RegistryConfig
        Its own credentials come first, else Docker's and Podman's for its host.

    Notes
    -----
    A kernel lives for days: helpers' tokens expire in it, and people log in
    after an error has told them to.
    """

    def __init__(self, config: RegistryConfig) -> None:
        self._config = config
        self._lock = asyncio.Lock()
        self._found: Credentials | None = None
        self._looked_at: float | None = None

    @property
    def found(self) -> Credentials | None:
        """What was found when it was last wanted."""
        return self._found

    async def current(self) -> Credentials | None:
        """Give the credentials, looked up at first and again after a minute.

        Raises
        ------
        ConfigError
            As `find_credentials` and `RegistryConfig.credentials`.
        """
        if self._is_old():
            async with self._lock:
                if self._is_old():
                    # A helper that fails once takes nothing away that may still be good.
                    self._found = await self._look_up() or self._found
        return self._found

    async def renewed(self, refused: Credentials | None) -> Credentials | None:
        """Give what is to be used instead of what was refused; the same if there is nothing new.

        Parameters
        ----------
        refused : Credentials or None
            None where the registry was used anonymously.

        Raises
        ------
        ConfigError
            As `current`.
        """
        async with self._lock:
            is_settled = self._age_seconds() < _PAUSE_SECONDS
            if self._found == refused and not is_settled:
                self._found = await self._look_up()
        return self._found

    def _is_old(self) -> bool:
        # What is configured stays as it was read until it is refused.
        is_kept = self._looked_at is not None and self._config.has_auth
        return not is_kept and self._age_seconds() >= _KEEP_SECONDS

    def _age_seconds(self) -> float:
        return float("inf") if self._looked_at is None else time.monotonic() - self._looked_at

    async def _look_up(self) -> Credentials | None:
        found = self._config.credentials() or await find_credentials(self._config.host)
        self._looked_at = time.monotonic()
        return found


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
    # Older Docker versions wrote whole URLs as keys, and Podman writes
    # namespaces, too: a host's own entry comes before both.
    entries = {_host_of(key): entry for key, entry in auths.items()} | auths
    for key in map(_host_of, _keys(host)):
        entry = entries.get(key)
        credentials = _decode_entry(entry, key, path) if entry else None
        if credentials is not None:
            return credentials
    return None


def _host_of(key: str) -> str:
    return urlsplit(key).netloc if "://" in key else key.partition("/")[0]


def _decode_entry(entry: _Auth, key: str, path: Path) -> Credentials | None:
    username, password = entry.username, entry.password
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
    return Credentials(username, password, entry.identitytoken)


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
