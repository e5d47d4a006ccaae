"""The Docker command line's contexts, read from its own files.

Source: github.com/docker/cli, ``cli/context/store``: each context is
``contexts/meta/<sha256 of its name>/meta.json``, its TLS files are in
``contexts/tls/<the same>/docker``. The Python SDK's reader is not used: it looks in the working
directory when there is no ``config.json``, and takes a broken one for an empty one.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from ghostnb.engine.endpoints import Endpoint, TlsFiles, endpoint_from_url, known_endpoints
from ghostnb.engine.frames import contexts_frame
from ghostnb.errors import ConfigError

__all__ = ["contexts", "find_endpoints"]


def contexts() -> pd.DataFrame:
    """Tabulate the Docker contexts by which an `Engine` can be named.

    Returns
    -------
    pandas.DataFrame, shape (n_contexts, 3)
        name, url : string, sorted by name; the URL without user information
        current : boolean, true for the one that `Engine` takes when none is named

    Raises
    ------
    ConfigError
        If a file of the Docker configuration cannot be read.

    Notes
    -----
    ``DOCKER_CONFIG``, ``DOCKER_HOST`` and ``DOCKER_CONTEXT`` are honoured. No daemon is
    contacted.
    """
    environ = os.environ
    current = _current_name(environ)
    stored = {"default": _default_endpoints(environ)[0], **_stored_endpoints(environ)}
    rows = [(name, stored[name].shown_url, name == current) for name in sorted(stored)]
    return contexts_frame(rows)


def find_endpoints(
    context: str | None, environ: Mapping[str, str] = os.environ
) -> tuple[Endpoint, ...]:
    """Say where to look for the daemon that a user means.

    Parameters
    ----------
    context : str or None
        A context's name, a URL, or None for the current context.
    environ : mapping

    Returns
    -------
    tuple of Endpoint
        One if anything names it; only the context "default" without ``DOCKER_HOST`` stands
        for several, to be tried in order.

    Raises
    ------
    ConfigError
        If no context has that name, or a file cannot be read.
    """
    name = context or _current_name(environ)
    if "://" in name:
        return (endpoint_from_url(name, environ=environ),)
    if name == "default":
        return _default_endpoints(environ)
    stored = _stored_endpoints(environ)
    if name not in stored:
        known = ", ".join(sorted({"default", *stored}))
        raise ConfigError(
            f"No Docker context is named {name!r}; there are: {known}.",
            hint="Name one of these, or give a URL such as unix:///run/podman/podman.sock.",
        )
    return (stored[name],)


def _current_name(environ: Mapping[str, str]) -> str:
    """Docker CLI: DOCKER_HOST beats DOCKER_CONTEXT beats config.json."""
    if environ.get("DOCKER_HOST"):
        return "default"
    if environ.get("DOCKER_CONTEXT"):
        return environ["DOCKER_CONTEXT"]
    path = _config_directory(environ) / "config.json"
    return (path.exists() and _read_json(path).get("currentContext")) or "default"


def _default_endpoints(environ: Mapping[str, str]) -> tuple[Endpoint, ...]:
    host = environ.get("DOCKER_HOST")
    if host:
        return (endpoint_from_url(host, context="default", environ=environ),)
    return known_endpoints(environ)


def _stored_endpoints(environ: Mapping[str, str]) -> dict[str, Endpoint]:
    directory = _config_directory(environ) / "contexts"
    found = (_read_context(path, directory) for path in directory.glob("meta/*/meta.json"))
    return {endpoint.context: endpoint for endpoint in found if endpoint}


def _read_context(path: Path, directory: Path) -> Endpoint | None:
    """Read one context; None for one that has no Docker endpoint (Kubernetes)."""
    meta = _read_json(path)
    name, docker = meta.get("Name"), (meta.get("Endpoints") or {}).get("docker") or {}
    if not name or not docker.get("Host"):
        return None
    # without the environment: its TLS files belong to DOCKER_HOST
    endpoint = endpoint_from_url(docker["Host"], context=name, environ={})
    tls = directory / "tls" / hashlib.sha256(name.encode()).hexdigest() / "docker"
    if not tls.is_dir():
        return endpoint
    return Endpoint(name, endpoint.url, TlsFiles(tls, verify=not docker.get("SkipTLSVerify")))


def _config_directory(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or Path.home() / ".docker")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"The Docker configuration {path} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise ConfigError(f"The Docker configuration {path} is no JSON object.")
    return content
