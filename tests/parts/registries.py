"""Debian's ``docker-registry`` (distribution 2.8.2) on a free loopback port.

The configuration is written as JSON, which is YAML too. See
https://distribution.github.io/distribution/about/configuration/ for its keys.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import secrets
import shutil
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from tests.parts.processes import PartError, end, find_program, free_port, launch, log_tail

if TYPE_CHECKING:
    from tests.parts.certificates import Certificates

START_SECONDS = 20
ATTEMPTS = 5
# distribution names it in every reply and nothing else here does
API_VERSION = ("Docker-Distribution-Api-Version", "registry/2.0")


@dataclass(frozen=True)
class Htpasswd:
    """Basic authentication: user names with their passwords."""

    users: Mapping[str, str] = field(default_factory=lambda: {"ghost": "nb-s3cret"}, repr=False)
    realm: str = "ghostnb tests"


@dataclass(frozen=True)
class Token:
    """Bearer authentication: where tokens come from, and whose signature counts."""

    realm: str
    service: str
    issuer: str
    root_certificates: Path
    users: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Tls:
    """HTTPS; with ``client_required`` only for clients that show a certificate."""

    certificates: Certificates
    client_required: bool = False


@dataclass(frozen=True)
class RunningRegistry:
    """A ``docker-registry`` that answers."""

    url: str
    host: str
    port: int
    directory: Path
    storage_dir: Path
    log_file: Path
    process: subprocess.Popen[bytes] = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None

    def stop(self) -> None:
        """End the process; what it stored stays until the context is left."""
        end(self.process)


@contextlib.contextmanager
def docker_registry(
    *,
    auth: Htpasswd | Token | None = None,
    tls: Tls | None = None,
    delete: bool = False,
    notifications: Sequence[str] | Mapping[str, Mapping[str, str]] = (),
    storage_dir: Path | None = None,
    hostname: str = "127.0.0.1",
    port: int | None = None,
    schema1: bool = False,
    config: Mapping[str, Any] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[RunningRegistry]:
    """Run a registry for as long as the context lasts.

    Parameters
    ----------
    auth, tls : what callers must show; none by default.
    delete : switch deletion on (405 otherwise).
    notifications : URLs to which events are posted; or a mapping of them to the headers there.
    storage_dir : keep the content here (see `tests.parts.storage`) instead of a temporary place.
    hostname : how the URL names the loopback address: ``127.0.0.1`` or ``localhost``.
    port : a fixed port, to restart a registry where it was; no second attempt then.
    schema1 : accept pushed manifests of Docker schema 1.
    config : further top-level keys of the configuration.
    environment : further variables, such as ``GOGC``.
    """
    directory = Path(tempfile.mkdtemp(prefix="ghostnb-registry-"))
    storage = storage_dir or directory / "storage"
    settings = {**_settings(directory, storage, auth, tls, delete, notifications, schema1)}
    settings.update(config or {})
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        started = _start(directory, settings, port, environment or {})
        stack.callback(end, started[0])
        yield _running(started, hostname, directory, storage, auth, tls)


def _running(
    started: tuple[subprocess.Popen[bytes], int],
    hostname: str,
    directory: Path,
    storage: Path,
    auth: Htpasswd | Token | None,
    tls: Tls | None,
) -> RunningRegistry:
    process, port = started
    user = next(iter(auth.users.items()), (None, None)) if auth else (None, None)
    return RunningRegistry(
        url=f"{'https' if tls else 'http'}://{hostname}:{port}",
        host=f"{hostname}:{port}",
        port=port,
        directory=directory,
        storage_dir=storage,
        log_file=directory / "log",
        process=process,
        username=user[0],
        password=user[1],
        ca_file=tls.certificates.ca_file if tls else None,
    )


def _settings(
    directory: Path,
    storage: Path,
    auth: Htpasswd | Token | None,
    tls: Tls | None,
    delete: bool,
    notifications: Sequence[str] | Mapping[str, Mapping[str, str]],
    schema1: bool,
) -> dict[str, Any]:
    settings = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(storage), "maxthreads": 100},
            "delete": {"enabled": delete},
            "maintenance": {"uploadpurging": {"enabled": False}},
        },
        "http": {"secret": secrets.token_hex(8), **(_tls_settings(tls) if tls else {})},
        # without this a manifest with foreign layers (`urls`) is refused
        "validation": {"manifests": {"urls": {"allow": ["^https?://"]}}},
        "compatibility": {"schema1": {"enabled": schema1}},
    }
    if auth:
        settings["auth"] = _auth_settings(auth, directory)
    if notifications:
        settings["notifications"] = {"endpoints": _endpoints(notifications)}
    return settings


def _tls_settings(tls: Tls) -> dict[str, Any]:
    files = tls.certificates
    settings: dict[str, Any] = {
        "certificate": str(files.server_certificate),
        "key": str(files.server_key),
    }
    if tls.client_required:
        settings["clientcas"] = [str(files.ca_file)]
    return {"tls": settings}


def _auth_settings(auth: Htpasswd | Token, directory: Path) -> dict[str, Any]:
    if isinstance(auth, Htpasswd):
        path = directory / "htpasswd"
        path.write_text("".join(_htpasswd_line(*user) for user in auth.users.items()))
        return {"htpasswd": {"realm": auth.realm, "path": str(path)}}
    return {
        "token": {
            "realm": auth.realm,
            "service": auth.service,
            "issuer": auth.issuer,
            "rootcertbundle": str(auth.root_certificates),
        }
    }


def _htpasswd_line(username: str, password: str) -> str:
    """Hash at the lowest cost: the registry hashes again for every request."""
    command = [find_program("htpasswd", "apache2-utils"), "-niBC", "4", username]
    line = subprocess.run(command, input=password.encode(), capture_output=True, check=True).stdout
    return line.decode().strip() + "\n"


def _endpoints(
    notifications: Sequence[str] | Mapping[str, Mapping[str, str]],
) -> list[dict[str, Any]]:
    headers = notifications if isinstance(notifications, Mapping) else {}
    return [_endpoint(url, headers.get(url, {})) for url in notifications]


def _endpoint(url: str, headers: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": url,
        "url": url,
        "headers": {name: [value] for name, value in headers.items()},
        "timeout": "2s",
        "threshold": 3,
        "backoff": "200ms",
    }


def _start(
    directory: Path, settings: dict[str, Any], port: int | None, environment: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    for _ in range(ATTEMPTS):
        chosen = port or free_port()
        process = _launch_on(directory, settings, chosen, environment)
        if _wait(process, chosen, "tls" in settings["http"]):
            return process, chosen
        end(process)
        tail = log_tail(directory / "log")
        if port or "address already in use" not in tail:
            break
    raise PartError(f"docker-registry did not answer on 127.0.0.1:{chosen}. Its log:\n{tail}")


def _launch_on(
    directory: Path, settings: dict[str, Any], port: int, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    settings["http"] = {**settings["http"], "addr": f"127.0.0.1:{port}"}
    path = directory / "config.yml"
    path.write_text(json.dumps(settings))
    command = [find_program("docker-registry", "docker-registry"), "serve", str(path)]
    quiet = {"OTEL_TRACES_EXPORTER": "none", **environment}
    return launch(command, directory / "log", quiet)


def _wait(process: subprocess.Popen[bytes], port: int, tls: bool) -> bool:
    """Wait until *this* process answers: on a taken port another one would answer for it."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if _listens(process, port) and _answers(port, tls):
            return True
        time.sleep(0.01)
    return False


def _listens(process: subprocess.Popen[bytes], port: int) -> bool:
    with contextlib.suppress(psutil.Error):
        sockets = psutil.Process(process.pid).net_connections("tcp")
        return any(s.status == psutil.CONN_LISTEN and s.laddr.port == port for s in sockets)
    return False


def _answers(port: int, tls: bool) -> bool:
    context = ssl._create_unverified_context() if tls else None
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=2, context=context)
        if tls
        else http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    )
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().getheader(API_VERSION[0]) == API_VERSION[1]
        except ssl.SSLError:  # it asks for a client certificate: it is up
            return True
        except (OSError, http.client.HTTPException):
            return False
