"""A receiver's side of webhooks: what it checks, and how a test waits for it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from ghostnb.server.subscriptions import Limits, Subscriptions
from ghostnb.wire.events import Event
from ghostnb.wire.retries import RetryPolicy
from tests.parts.replies import Request
from tests.serving import until

KEY = b"the key of 32 bytes for webhooks"
SECRET = "whsec_" + base64.b64encode(KEY).decode()
# Eight tries as always, within a tenth of a second.
QUICK = RetryPolicy(total_seconds=10, max_attempts=8, first_wait_seconds=0.001)
PUSH = Event("1", "2026-01-02T03:04:05Z", "agent", "push", registry="team", repository="app")


def pushes(count: int) -> list[Event]:
    return [Event(str(n), "2026-01-02T03:04:05Z", "agent", "push", "team") for n in range(count)]


def quick(**changes: Any) -> Limits:
    return Limits(**{"timeout_seconds": 5.0, "patience": QUICK, **changes})


def verified(request: Request, secret: str = SECRET) -> dict[str, Any]:
    """Check a delivery as a receiver does, and give its body.

    Source: Standard Webhooks 1.0.0, "Signature scheme" and "Verifying signatures".
    """
    headers = request.headers
    timestamp = headers["webhook-timestamp"]
    assert abs(time.time() - int(timestamp)) < 60
    signed = b".".join([headers["webhook-id"].encode(), timestamp.encode(), request.body])
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    versions = [one.partition(",") for one in headers["webhook-signature"].split(" ")]
    assert ("v1", ",", expected) in versions
    return json.loads(request.body)


def ids(requests: list[Request]) -> list[str]:
    """Give the ids of the events, in the order of their arrival."""
    return [json.loads(request.body)["data"]["id"] for request in requests]


@contextlib.asynccontextmanager
async def subscribing(**settings: Any) -> AsyncIterator[Subscriptions]:
    """Give subscriptions that may reach this machine and are quick, and close them."""
    hooks = Subscriptions(**{"allow_internal": True, "limits": quick(), **settings})
    try:
        yield hooks
    finally:
        await hooks.close()


def running(scenario: Callable[[Subscriptions], Awaitable[None]], **settings: Any) -> None:
    """Run a scenario with subscriptions of its own, on a loop of its own."""

    async def run() -> None:
        async with subscribing(**settings) as hooks:
            await scenario(hooks)

    asyncio.run(run())


async def settled(hooks: Subscriptions, subscription_id: str) -> Any:
    """Wait until nothing is left to deliver, and give the state."""
    await until(lambda: hooks.state(subscription_id).waiting == 0)
    return hooks.state(subscription_id)


def resolver(*answers: list[str]) -> Any:
    """Make a resolver that gives these addresses, one answer a lookup, the last for ever.

    What it was asked is in its ``asked``.
    """

    async def resolve(host: str, port: int) -> list[str]:
        resolve.asked.append((host, port))
        return answers[min(len(resolve.asked), len(answers)) - 1]

    resolve.asked = []
    return resolve
