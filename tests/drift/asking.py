"""Ask a Drift in this process."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2

from tests.parts.drift import IN_PROCESS_URL


def asked(app: Any, method: str, path: str, **options: Any) -> httpx2.Response:
    """Send one request to an application, and give its reply."""
    return conversation(app, (method, path, options))[0]


def conversation(app: Any, *requests: tuple[str, str, dict[str, Any]]) -> list[httpx2.Response]:
    """Send several requests, one after the other."""

    async def work() -> list[httpx2.Response]:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            return [await client.request(m, path, **options) for m, path, options in requests]

    return asyncio.run(work())
