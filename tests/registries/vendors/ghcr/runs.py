"""Work with a registry that is GHCR's replay."""

from __future__ import annotations

from typing import Any

from tests.registries.vendors.ghcr.replay import SECRET, GHCRReplay
from tests.registries.vendors.runs import Work, listed, run_on

__all__ = ["API", "GHCR_URL", "SECRET", "listed", "logged_in", "run", "tag_rows"]

API = "https://api.github.com"
GHCR_URL = "https://ghcr.io"


def run(github: GHCRReplay, work: Work, *, url: str = GHCR_URL, **options: Any) -> Any:
    """Do something with a registry, and close it."""
    return run_on(github, work, name="ghcr", url=url, **options)


def logged_in(password: str = SECRET) -> dict[str, str]:
    return {"username": "ada", "password": password}


def tag_rows(records: list[Any]) -> dict[str, str | None]:
    return {record.tag: record.digest for record in records}
