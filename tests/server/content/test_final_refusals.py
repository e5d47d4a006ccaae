"""A registry's last word on a deletion is one through an agent, too: no other way is tried."""

from __future__ import annotations

import asyncio

import httpx2
import pytest

from ghostnb.errors import LastTagError, RejectedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.server.content.contents import _app
from ghostnb.server.content.staging import Staging
from tests.parts.images import plain_image
from tests.registries.conftest import listed, push

PLACE = "/api/v1/registries/e"


class Refusing(MemoryRegistry):
    """Takes no tag away, and notes what else was tried."""

    def __init__(self, error):
        super().__init__()
        self.error, self.tried = error, []

    async def delete_tag(self, repository, tag, *, expected=None):
        raise self.error

    async def delete_manifest(self, repository, digest):
        self.tried.append(digest)

    async def push_manifest(self, repository, raw, media_type, *, tag="", **options):
        self.tried.append(tag)
        return await super().push_manifest(repository, raw, media_type, tag=tag, **options)


def below(place, app):
    """Serve an application below a path, as the agent does."""

    async def served(scope, receive, send):
        path = scope["path"].removeprefix(place)
        await app({**scope, "path": path, "raw_path": path.encode()}, receive, send)

    return served


def final(error):
    error.is_final = True
    return error


@pytest.mark.parametrize(
    ("error", "kind", "hint"),
    [
        (LastTagError("1 is the only tag.", hint="x"), LastTagError, "Delete the image itself"),
        (final(RejectedError("It is immutable.", status=400)), RejectedError, ""),
        (RejectedError("It is held."), RejectedError, ""),
    ],
)
@pytest.mark.filterwarnings("ignore:.*insecure")
def test_it_is_told_as_what_it_is(tmp_path, error, kind, hint):
    async def question():
        registry = Refusing(error)
        await push(registry, "app:1", plain_image("app"))
        registry.tried.clear()
        carried = httpx2.ASGITransport(app=below(PLACE, _app(registry, Staging(tmp_path))))
        config = RegistryConfig("e", f"http://localhost:8000{PLACE}", token="t", kind="agent:ecr")
        client = HTTPRegistry(config, transport=carried)
        with pytest.raises(RejectedError) as raised:
            await client.delete_tag("app", "1")
        await client.aclose()
        assert type(raised.value) is kind
        assert error.message in raised.value.message
        assert hint in raised.value.hint
        assert registry.tried == []
        assert await listed(registry.tags("app")) == ["1"]

    asyncio.run(question())
