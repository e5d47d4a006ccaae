"""Work with a registry that is Docker Hub's replay."""

from __future__ import annotations

import copy
from typing import Any

from tests.registries.vendors.docker_hub.replay import DockerHubReplay, document
from tests.registries.vendors.runs import Work, listed, run_on

__all__ = [
    "API",
    "HUB_URL",
    "REPOSITORIES",
    "SECRET",
    "TAGS",
    "listed",
    "logged_in",
    "many_tags",
    "run",
]

API = "https://hub.docker.com/v2"
HUB_URL = "https://registry-1.docker.io"
REPOSITORIES = "hub.docker.com/v2/namespaces/acme/repositories"
TAGS = "hub.docker.com/v2/namespaces/library/repositories/nginx/tags"
SECRET = "dckr_pat_s3cret"


def run(hub: DockerHubReplay, work: Work, *, url: str = HUB_URL, **options: Any) -> Any:
    """Do something with a registry, and close it."""
    return run_on(hub, work, name="docker-hub", url=url, **options)


def logged_in(password: str = SECRET) -> dict[str, str]:
    return {"username": "ada", "password": password}


def many_tags(count: int) -> list[dict[str, Any]]:
    shape = document("tags")["results"][0]
    return [copy.deepcopy(shape) | {"name": f"1.{n}"} for n in range(count)]
