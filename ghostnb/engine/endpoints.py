"""Where a container daemon may listen."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from ghostnb.errors import ConfigError, redact_url

__all__ = ["Endpoint", "TlsFiles", "endpoint_from_url", "known_endpoints"]

_SCHEMES = ("unix", "tcp", "http", "https", "ssh", "npipe")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files in PEM with which to meet a daemon behind TLS.

    Attributes
    ----------
    directory : Path
        Holds ``ca.pem``, ``cert.pem`` and ``key.pem``.
    verify : bool
        Whether the daemon's certificate must be signed by that authority.
    """

    directory: Path
    verify: bool = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One place where a daemon may listen.

    Attributes
    ----------
    context : str
        The context's name, or the URL where no context led here.
    url : str
        ``unix://``, ``tcp://``, ``ssh://`` or ``npipe://``. It may hold user information.
    tls : TlsFiles or None
    """

    context: str
    url: str = field(repr=False)
    tls: TlsFiles | None = field(default=None, repr=False)

    @property
    def shown_url(self) -> str:
        """The URL without user information."""
        return _shown(self.url)


def endpoint_from_url(
    url: str, *, context: str = "", environ: Mapping[str, str] = os.environ
) -> Endpoint:
    """Make an endpoint of a URL, with the TLS files that the environment names.

    Parameters
    ----------
    url : str
    context : str
        The context's name; the URL stands for it if empty.
    environ : mapping
        ``DOCKER_TLS_VERIFY`` and ``DOCKER_CERT_PATH`` are looked at for ``tcp://``.

    Returns
    -------
    Endpoint

    Raises
    ------
    ConfigError
        If the URL has another scheme than a daemon's.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not (parts.netloc or parts.path):
        raise ConfigError(
            f"{redact_url(url)!r} is no address of a container daemon.",
            hint="Write it as unix:///run/podman/podman.sock, tcp://host:2375 or ssh://host.",
        )
    tls = _tls_from_environment(environ) if parts.scheme in ("tcp", "https") else None
    return Endpoint(context or _shown(url), url, tls)


def _shown(url: str) -> str:
    """Redact a URL; the standard library would shorten ``unix:///path`` to ``unix:/path``."""
    return redact_url(url) if urlsplit(url).netloc else url


def _tls_from_environment(environ: Mapping[str, str]) -> TlsFiles | None:
    """Docker CLI: any value of DOCKER_TLS_VERIFY but the empty one switches checks on."""
    directory, verify = environ.get("DOCKER_CERT_PATH"), bool(environ.get("DOCKER_TLS_VERIFY"))
    if not directory and not verify:
        return None
    return TlsFiles(Path(directory) if directory else Path.home() / ".docker", verify)


def known_endpoints(environ: Mapping[str, str] = os.environ) -> tuple[Endpoint, ...]:
    """List where daemons listen when nobody says otherwise, in the order to try them.

    Returns
    -------
    tuple of Endpoint
        Docker's socket (the context "default"), rootless Docker's, rootless Podman's,
        Podman's, Docker Desktop's, and what ``CONTAINER_HOST`` names.
    """
    urls = [f"unix://{path}" for path in _known_sockets(environ)]
    if os.name == "nt":
        urls = ["npipe:////./pipe/docker_engine", "npipe:////./pipe/podman-machine-default"]
    if environ.get("CONTAINER_HOST"):
        urls.append(environ["CONTAINER_HOST"])
    first, *others = dict.fromkeys(urls)
    return (
        endpoint_from_url(first, context="default", environ=environ),
        *(endpoint_from_url(url, environ=environ) for url in others),
    )


def _known_sockets(environ: Mapping[str, str]) -> list[str]:
    runtime = environ.get("XDG_RUNTIME_DIR") or _runtime_directory()
    return [
        "/var/run/docker.sock",
        f"{runtime}/docker.sock",
        f"{runtime}/podman/podman.sock",
        "/run/podman/podman.sock",
        str(Path.home() / ".docker/run/docker.sock"),
    ]


def _runtime_directory() -> str:
    """Where systemd puts it; services often lack the variable."""
    return f"/run/user/{os.getuid()}" if hasattr(os, "getuid") else ""
