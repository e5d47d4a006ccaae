"""Where GitHub's registries are, and where the API of each is."""

import re
from urllib.parse import urlsplit

from ghostnb.wire.token_hosts import belongs_to

__all__ = ["GITHUB", "api_of", "is_github"]

GITHUB = "ghcr.io"
_ENTERPRISE = "containers."
# GitHub Enterprise Cloud with data residency: an enterprise has a name of its own.
_RESIDENT = re.compile(r"containers\.([a-z0-9-]+)\.ghe\.com")


def is_github(host: str) -> bool:
    """Tell by a host that GitHub itself runs the registry there."""
    return host == GITHUB or _RESIDENT.fullmatch(host) is not None


def api_of(url: str) -> str | None:
    """Give the address of the API that belongs to a registry; None if that is not known.

    Credentials go there: it must be GitHub's own, or on an Enterprise Server, whose registry
    is ``containers.`` and its own name, that server.

    Notes
    -----
    Source: docs.github.com, "Working with the Container registry" (of github.com and of
    Enterprise Server), "About GitHub Enterprise Cloud with data residency".

    Examples
    --------
    >>> api_of("https://ghcr.io"), api_of("https://mirror.example.com")
    ('https://api.github.com', None)
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or parts.port not in (None, 443) or parts.path:
        return None
    if host == GITHUB:
        return "https://api.github.com"
    if resident := _RESIDENT.fullmatch(host):
        return f"https://api.{resident[1]}.ghe.com"
    server = host.removeprefix(_ENTERPRISE)
    if server == host or not belongs_to(server, host):
        return None
    return f"https://{server}/api/v3"
