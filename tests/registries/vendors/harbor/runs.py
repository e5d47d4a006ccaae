"""Work with a registry that is Harbor's replay."""

from __future__ import annotations

from typing import Any

from tests.registries.vendors.harbor.replay import API, HOST, HarborReplay
from tests.registries.vendors.runs import Work, listed, run_on

__all__ = ["ARTIFACTS", "SECRET", "URL", "WHO", "as_user", "listed", "run", "run_known"]

URL = f"https://{HOST}"
SECRET = "s3cret-Pw"
WHO = f"GET {URL}{API}/users/current"
ARTIFACTS = f"{HOST}{API}/projects/team/repositories/base%252Fpython/artifacts"


def run(harbor: HarborReplay, work: Work, *, url: str = URL, **options: Any) -> Any:
    """Do something with a registry of which nothing is known yet, and close it."""
    return run_on(harbor, work, name="harbor", url=url, **options)


def run_known(harbor: HarborReplay, work: Work, **options: Any) -> Any:
    """Do something with a registry that is configured as Harbor, and close it."""
    return run(harbor, work, kind="harbor", **options)


def as_user(name: str = "ada", password: str = SECRET) -> dict[str, str]:
    return {"username": name, "password": password}
