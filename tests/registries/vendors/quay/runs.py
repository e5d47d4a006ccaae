"""Work with a registry that is Quay's replay."""

from __future__ import annotations

import copy
from typing import Any

from tests.registries.vendors.quay.replay import ROBOT, ROBOT_SECRET, TOKEN, QuayReplay
from tests.registries.vendors.quay.writing import document
from tests.registries.vendors.runs import Work, listed, run_on

__all__ = [
    "API",
    "OWN",
    "QUAY_URL",
    "TAGS",
    "by_robot",
    "by_token",
    "listed",
    "many_repositories",
    "many_tags",
    "of_api",
    "run",
]

QUAY_URL = "https://quay.io"
API = "https://quay.io/api/v1"
TAGS = "quay.io/api/v1/repository/acme/web/tag/"
OWN = "registry.example.com"


def run(quay: QuayReplay, work: Work, *, url: str = QUAY_URL, **options: Any) -> Any:
    """Do something with a registry, and close it."""
    return run_on(quay, work, name="quay", url=url, **options)


def by_token(token: str = TOKEN) -> dict[str, str]:
    return {"username": "$oauthtoken", "password": token}


def by_robot(password: str = ROBOT_SECRET) -> dict[str, str]:
    return {"username": ROBOT, "password": password}


def of_api(quay: QuayReplay) -> list[str]:
    """Give what was asked of the API, without its address."""
    return [line.replace(API, "") for line in quay.asked if API in line]


def many_tags(count: int) -> list[dict[str, Any]]:
    shape = document("tags")["tags"][0]
    return [copy.deepcopy(shape) | {"name": f"1.{n}"} for n in range(count)]


def many_repositories(count: int, namespace: str = "acme") -> list[dict[str, Any]]:
    shape = document("repositories")["repositories"][0]
    return [shape | {"namespace": namespace, "name": f"app-{n}"} for n in range(count)]
