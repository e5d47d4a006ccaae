"""Work with a registry that is Azure's replay, and what azure-identity finds meanwhile."""

from __future__ import annotations

import copy
import threading
from typing import Any

from azure.core.exceptions import ClientAuthenticationError

from tests.registries.vendors.acr.replay import HOST, SECRET, ACRReplay, document
from tests.registries.vendors.runs import Work, listed, run_on

__all__ = ["URL", "SignIn", "listed", "logged_in", "many", "pinged", "run"]

URL = f"https://{HOST}"


class SignIn:
    """Stands for `DefaultAzureCredential`: a token, or that there is none.

    Attributes
    ----------
    token : what is found.
    options : with what it was made, each time.
    audiences : what tokens were asked for.
    error : raised instead.
    answers : cleared, it keeps who asks waiting.
    """

    def __init__(self) -> None:
        self.token: str | None = None
        self.options: list[dict[str, Any]] = []
        self.audiences: list[str] = []
        self.error: Exception | None = None
        self.closed = 0
        self.answers = threading.Event()
        self.answers.set()

    def __call__(self, **options: Any) -> SignIn:
        self.options.append(options)
        return self

    def __enter__(self) -> SignIn:
        return self

    def __exit__(self, *error: object) -> None:
        self.closed += 1

    def get_token(self, audience: str) -> Any:
        self.audiences.append(audience)
        self.answers.wait(30)
        if self.error is not None:
            raise self.error
        if self.token is None:
            raise ClientAuthenticationError("nobody has signed in")
        return type("AccessToken", (), {"token": self.token, "expires_on": 0})()


def run(azure: ACRReplay, work: Work, *, url: str = URL, **options: Any) -> Any:
    """Do something with a registry, and close it."""
    return run_on(azure, work, name="mine", url=url, **options)


def logged_in(password: str = SECRET) -> dict[str, str]:
    return {"username": "ci", "password": password}


def many(azure: ACRReplay, tags: int, *, untagged: int = 0) -> None:
    """Let shop/cart have so many images of one tag each."""
    tag, manifest = document("tags")["tags"][0], document("manifests")["manifests"][1]
    digests = [f"sha256:{number:064x}" for number in range(tags + untagged)]
    azure.tags["shop/cart"] = [
        copy.deepcopy(tag) | {"name": f"1.{n:05}", "digest": digests[n]} for n in range(tags)
    ]
    azure.manifests["shop/cart"] = [
        copy.deepcopy(manifest) | {"digest": digest, "tags": [f"1.{n:05}"]}
        for n, digest in enumerate(digests)
    ]


async def pinged(registry: Any) -> Any:
    return await registry.ping()
