"""Work with a registry that is Google's replay."""

from __future__ import annotations

from typing import Any

from tests.registries.vendors.google.replay import API_HOST, HOST, KEY, TOKEN, GoogleReplay
from tests.registries.vendors.runs import Work, listed, run_on

__all__ = ["API", "REPOSITORIES", "TAGS", "URL", "by_key", "by_token", "listed", "run"]

URL = f"https://{HOST}"
API = f"https://{API_HOST}/v1/projects/my-proj/locations/us"
REPOSITORIES = f"{API_HOST}/v1/projects/my-proj/locations/us/repositories"
TAGS = f"{HOST}/v2/my-proj/apps/cart/tags/list"


def run(google: GoogleReplay, work: Work, *, url: str | None = None, **options: Any) -> Any:
    """Do something with a registry, and close it."""
    return run_on(google, work, name="google", url=url or f"https://{google.host}", **options)


def by_token(token: str = TOKEN, user: str = "oauth2accesstoken") -> dict[str, str]:
    return {"username": user, "password": token}


def by_key(key: str = KEY, user: str = "_json_key") -> dict[str, str]:
    return {"username": user, "password": key}
