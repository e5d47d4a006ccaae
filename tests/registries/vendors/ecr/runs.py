"""Work with a registry that is one of Amazon's replays."""

from __future__ import annotations

from typing import Any

from tests.registries.vendors.ecr.replay import ACCOUNT, HOST
from tests.registries.vendors.replaying import Replay
from tests.registries.vendors.runs import Work, listed, run_on

__all__ = ["IMAGES", "PUBLIC", "REPOSITORIES", "URL", "deletion", "listed", "run"]

URL = f"https://{HOST}"
PUBLIC = "https://public.ecr.aws"
REPOSITORIES = {"registryId": ACCOUNT, "maxResults": 1000}
IMAGES = {
    "registryId": ACCOUNT,
    "repositoryName": "team/web",
    "filter": {"tagStatus": "TAGGED"},
    "maxResults": 1000,
}


def run(replay: Replay, work: Work, *, url: str = URL, **options: Any) -> Any:
    """Do something with a registry, and close it."""
    return run_on(replay, work, name="aws", url=url, **options)


def deletion(**image: str) -> dict[str, Any]:
    """Give the parameters of a deletion in team/web."""
    return {"registryId": ACCOUNT, "repositoryName": "team/web", "imageIds": [image]}
