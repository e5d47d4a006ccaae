"""Work with a registry that is zot's replay."""

from __future__ import annotations

from typing import Any

from tests.registries.vendors.runs import Work, listed, run_on
from tests.registries.vendors.zot.replay import HOST, ZotReplay

__all__ = ["SECRET", "URL", "listed", "logged_in", "run"]

URL = f"https://{HOST}"
SECRET = "zak_s3cret"


def run(zot: ZotReplay, work: Work, *, url: str = URL, **options: Any) -> Any:
    """Do something with a registry, and close it."""
    return run_on(zot, work, name="mine", url=url, **options)


def logged_in(password: str = SECRET) -> dict[str, str]:
    return {"username": "ada", "password": password, "token_host": "auth.example.com"}
