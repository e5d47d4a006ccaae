"""Work with a registry that is GitLab's replay."""

from __future__ import annotations

from typing import Any

from tests.registries.vendors.gitlab.replay import SECRET, GitLabReplay, document
from tests.registries.vendors.runs import Work, listed, run_on

__all__ = ["API", "LOGIN", "URL", "deleting", "listed", "many_tags", "pinging", "run"]

URL = "https://registry.gitlab.com"
API = "https://gitlab.com/api/v4"
LOGIN = {"username": "ada", "password": SECRET}


def run(gitlab: GitLabReplay, work: Work, *, url: str = URL, **options: Any) -> Any:
    """Do something with a registry, and close it."""
    return run_on(gitlab, work, name="gitlab", url=url, **options)


def many_tags(count: int) -> list[dict[str, Any]]:
    shape = document("tags")[0]
    return [shape | {"name": f"v{n:05}"} for n in range(count)]


def deleting(repository: str, tag: str) -> Work:
    async def work(registry: Any) -> None:
        await registry.delete_tag(repository, tag)

    return work


async def pinging(registry: Any) -> Any:
    return await registry.ping()
