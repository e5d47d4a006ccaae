"""Registries of every kind that hold the standard set, for the conformance suite."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
import pytest

from ghostnb.errors import RegistryError
from ghostnb.oci import Descriptor, Digest
from ghostnb.oci.descriptor import decode_digest
from ghostnb.registries.archive import ArchiveRegistry
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.content import content_of
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.protocol import Registry
from tests.parts.archives import tarred
from tests.parts.drift import through_drift
from tests.parts.images import Document, plain_image
from tests.parts.pushes import skopeo, write_layout
from tests.parts.registries import docker_registry
from tests.parts.standard import EMPTIED_REPOSITORY, STANDARD_IMAGES

if TYPE_CHECKING:
    from tests.parts.agent import RunningAgent
    from tests.parts.registries import RunningRegistry

Answer = TypeVar("Answer")

# skopeo 1.9 refuses nested indexes and does not see Docker's media types in a layout.
NOT_BY_SKOPEO = ("nested", "docker", "windows")


@dataclass(frozen=True)
class Case:
    """A kind of registry that holds `images`; `open` makes a fresh client of it."""

    open: Callable[[], Registry]
    images: Mapping[str, Document] = field(default_factory=lambda: STANDARD_IMAGES)
    emptied: tuple[str, ...] = (EMPTIED_REPOSITORY,)
    takes_credentials: bool = False

    def __getitem__(self, name: str) -> Document:
        return self.images[name]

    @property
    def repositories(self) -> set[str]:
        return {name.rpartition(":")[0] for name in self.images} | set(self.emptied)

    def tags(self, repository: str) -> list[str]:
        names = (name.rpartition(":") for name in self.images)
        return sorted(tag for name, _, tag in names if name == repository)

    def ask(self, question: Callable[[Any], Awaitable[Answer]]) -> Answer:
        """Ask a client on a loop of its own, and close it."""
        return ask(self.open(), question)


def ask(registry: Any, question: Callable[[Any], Awaitable[Answer]]) -> Answer:
    """Run a question to a registry on a loop of its own."""

    async def body() -> Answer:
        try:
            return await question(registry)
        finally:
            await registry.aclose()

    return asyncio.run(body())


def refusal(
    open_it: Callable[[], Any],
    error: type[RegistryError],
    *more: Callable[[Any], Awaitable[object]],
) -> RegistryError:
    """What a layout answers to every way to ask, the same to each; it names the place."""
    said = {}
    for question in (
        lambda registry: registry.ping(),
        lambda registry: listed(registry.repositories()),
        lambda registry: listed(registry.tags("team/app")),
        lambda registry: registry.manifest("team/app", "1.0"),
        *more,
    ):
        registry = open_it()
        with pytest.raises(error) as caught:
            ask(registry, question)
        assert type(caught.value) is error
        assert registry.url.removeprefix("oci:") in caught.value.message
        said[str(caught.value)] = caught.value
    (answer,) = said.values()
    return answer


async def listed(items: AsyncIterator[Answer]) -> list[Answer]:
    """Read an async iterator to its end."""
    return [item async for item in items]


async def pieces_of(data: bytes, size: int = 250) -> AsyncIterator[bytes]:
    """Give bytes as a network would: in pieces."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


def descriptor_of(entry: Mapping[str, Any]) -> Descriptor:
    """Read a descriptor as a manifest has it."""
    return msgspec.convert(dict(entry), Descriptor, dec_hook=decode_digest)


async def push(registry: Any, name: str, document: Document) -> Digest:
    """Push a document and all it needs to ``REPOSITORY:TAG``, or ``REPOSITORY:`` for no tag."""
    repository, _, tag = name.rpartition(":")
    for blob in document.blobs:
        if blob.pushed:
            await registry.push_blob(
                repository, descriptor_of(blob.descriptor()), content_of(blob.data)
            )
    for child in document.children:
        await push(registry, f"{repository}:", child)
    return await registry.push_manifest(repository, document.raw, document.media_type, tag=tag)


async def fill(registry: Any) -> None:
    """Push the standard set, and a repository without tags."""
    # One after the other: docker-registry 2.8 writes the links of shared blobs in place, so that
    # a manifest that comes at that moment is refused.
    for name, document in STANDARD_IMAGES.items():
        await push(registry, name, document)
    await push(registry, f"{EMPTIED_REPOSITORY}:", plain_image("gone"))


def layout_by_skopeo(directory: Path) -> Path:
    """Let skopeo copy what it can of the standard set into one layout, and push the rest to it."""
    target = directory / "all"
    rest = {}
    for number, (name, document) in enumerate(STANDARD_IMAGES.items()):
        if any(word in name for word in NOT_BY_SKOPEO):
            rest[name] = document
            continue
        source = write_layout(directory / str(number), {"it": document})
        skopeo("copy", "--all", "--preserve-digests", f"oci:{source}:it", f"oci:{target}:{name}")
    asyncio.run(push_all(LayoutRegistry(target), rest))
    return target


async def push_all(registry: Any, images: Mapping[str, Document]) -> None:
    """Push images one after the other."""
    for name, document in images.items():
        await push(registry, name, document)


@pytest.fixture(scope="session")
def filled_layout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Push the standard set into a layout."""
    layout = tmp_path_factory.mktemp("filled") / "layout"
    asyncio.run(fill(LayoutRegistry(layout)))
    return layout


@pytest.fixture(scope="session")
def agent(
    registry: RunningRegistry, filled_layout: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAgent]:
    """Run an agent over the standard set; registries may be added."""
    from tests.parts.agent import running_agent

    registries = {"http": registry.url, "layout": f"oci:{filled_layout}"}
    with running_agent(tmp_path_factory.mktemp("agent"), registries) as running:
        yield running


def through(agent: RunningAgent, name: str) -> HTTPRegistry:
    """Look at one of an agent's registries."""
    from tests.parts.agent import TOKEN

    url = f"{agent.url}/api/v1/registries/{name}"
    config = RegistryConfig("reg", url, token=TOKEN, kind="agent:distribution")
    return HTTPRegistry(config, cache=ContentCache())


@pytest.fixture(scope="session")
def cases(
    registry: RunningRegistry,
    agent: RunningAgent,
    filled_layout: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Case]:
    """Fill one registry of each kind."""
    memory = MemoryRegistry()
    asyncio.run(fill(memory))
    layout = filled_layout
    by_skopeo = layout_by_skopeo(tmp_path_factory.mktemp("skopeo"))
    archive = tarred(layout, layout.with_name("archive.tar"))
    archive_by_skopeo = tarred(by_skopeo, by_skopeo.with_name("archive.tar"))
    config = RegistryConfig("reg", registry.url, insecure=True)
    return {
        "memory": Case(lambda: memory),
        "layout": Case(lambda: LayoutRegistry(layout)),
        "layout by skopeo": Case(lambda: LayoutRegistry(by_skopeo), emptied=()),
        "archive": Case(lambda: ArchiveRegistry(archive)),
        "archive by skopeo": Case(lambda: ArchiveRegistry(archive_by_skopeo), emptied=()),
        "http": Case(lambda: HTTPRegistry(config, cache=ContentCache())),
        "http, fast": Case(lambda: HTTPRegistry(config, cache=ContentCache())),
        "drift over memory": Case(lambda: through_drift(memory)),
        "drift over a layout": Case(lambda: through_drift(LayoutRegistry(layout))),
        "agent over http": Case(lambda: through(agent, "http"), takes_credentials=True),
        "agent over a layout": Case(lambda: through(agent, "layout"), takes_credentials=True),
    }


@pytest.fixture(
    params=[
        "memory",
        "layout",
        "layout by skopeo",
        "archive",
        "archive by skopeo",
        "http",
        "http, fast",
        "drift over memory",
        "drift over a layout",
        "agent over http",
        "agent over a layout",
    ]
)
def case(
    request: pytest.FixtureRequest, cases: dict[str, Case], monkeypatch: pytest.MonkeyPatch
) -> Case:
    """Give one kind of registry after the other."""
    if request.param == "http, fast":
        # The extra must behave as httpx2 does.
        monkeypatch.setenv("GHOSTNB_FAST", "on")
    return cases[request.param]


@pytest.fixture(params=["memory", "layout", "drift", "http", "http, fast", "agent"])
def writable(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Give an empty registry of each kind that can be written to."""
    if request.param == "memory":
        yield MemoryRegistry()
    elif request.param == "layout":
        yield LayoutRegistry(tmp_path / "new")
    elif request.param == "drift":
        yield through_drift(MemoryRegistry())
    elif request.param == "agent":
        agent: RunningAgent = request.getfixturevalue("agent")
        with docker_registry(delete=True) as running:
            agent.ask("POST", "/registries", json={"name": "new", "url": running.url})
            yield through(agent, "new")
            agent.ask("DELETE", "/registries/new")
    else:
        monkeypatch.setenv("GHOSTNB_FAST", "on" if "fast" in request.param else "off")
        with docker_registry(delete=True) as running:
            config = RegistryConfig("reg", running.url, insecure=True)
            yield HTTPRegistry(config, cache=ContentCache())


@pytest.fixture(params=["memory", "layout"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """Give an empty registry of each kind that keeps its content itself."""
    return MemoryRegistry() if request.param == "memory" else LayoutRegistry(tmp_path / "new")
