"""What the tests of pushes have in common."""

import asyncio
from contextlib import contextmanager

from ghostnb.oci import Reference
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.pushing.push import push_path
from ghostnb.transfer.tally import TransferTally
from tests.parts.drift import through_drift
from tests.parts.registries import docker_registry
from tests.registries.conftest import listed

KINDS = ("memory", "layout", "drift", "docker-registry")


@contextmanager
def target_of(kind, directory):
    """Give a fresh registry of a kind."""
    if kind == "memory":
        yield MemoryRegistry("target")
    elif kind == "layout":
        yield LayoutRegistry(directory / "target")
    elif kind == "drift":
        yield through_drift(MemoryRegistry())
    else:
        with docker_registry() as running:
            yield over_http(running)


def over_http(running):
    config = RegistryConfig("reg", running.url, insecure=True)
    return HTTPRegistry(config, cache=ContentCache())


def pushed(target, *paths, to="team/app:1.0", **options):
    """Push paths, and close the registry; it is opened anew for whatever comes next."""

    async def question():
        try:
            return await push_path(target, paths, Reference.within(to, ""), **options)
        finally:
            await target.aclose()

    return asyncio.run(question())


def stored(target, name="team/app:1.0"):
    """Give a manifest, and the bytes of its config and of its layers."""
    repository, _, tag = name.rpartition(":")

    async def question():
        try:
            manifest = await target.manifest(repository, tag)
            config = await target.blob(repository, manifest.config)
            layers = [
                b"".join(await listed(target.open_blob(repository, layer)))
                for layer in manifest.layers
            ]
            return manifest, config, layers
        finally:
            await target.aclose()

    return asyncio.run(question())


class Meddling(TransferTally):
    """Does something once, when the first bytes of something are noted."""

    def __init__(self, act, doing):
        super().__init__()
        self.act, self.doing = act, doing

    def advance(self, item, size_bytes, doing="Downloading"):
        super().advance(item, size_bytes, doing)
        if self.act is not None and doing == self.doing:
            act, self.act = self.act, None
            act()
