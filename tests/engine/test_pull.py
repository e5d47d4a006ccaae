from __future__ import annotations

import asyncio
import base64
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ghostnb.engine import Engine
from ghostnb.errors import GhostnbError, InvalidReferenceError
from ghostnb.progress import Progress
from tests.engine.images import MULTI, document
from tests.engine.proxies import Proxy
from tests.parts.daemons import RunningDaemon
from tests.parts.registries import RunningRegistry


@dataclass(frozen=True)
class Credentials:
    username: str | None
    password: str | None = field(repr=False)


async def pull(daemon: RunningDaemon, reference: str, **options: object) -> list[Progress]:
    async with Engine(daemon.url) as engine:
        return [step async for step in engine.pull(reference, **options)]


async def digests(daemon: RunningDaemon, repository: str) -> dict[str, str]:
    """Give the digest of every tag that the daemon has."""
    async with Engine(daemon.url) as engine:
        frame = await engine.images()
    rows = frame[frame["repository"] == repository]
    return {row.tag: row.digest for row in rows.itertuples()}


def test_progress_to_the_end(daemon: RunningDaemon, slow: Proxy) -> None:
    expected = document("team/slow:1.0")

    steps = asyncio.run(pull(daemon, f"{slow.host}/team/slow:1.0"))

    *before, last = steps
    assert (last.item, last.done) == ("", True)
    assert last.overall_current_bytes == last.overall_total_bytes == last.current_bytes
    # Podman counts the config in when it is slow enough to be seen
    assert last.overall_total_bytes >= expected.total_bytes
    overall = [step.overall_current_bytes for step in steps]
    assert overall == sorted(overall)
    assert len(set(overall)) > 5
    assert all(step.overall_current_bytes <= step.overall_total_bytes for step in steps)
    layers = {layer.digest.removeprefix("sha256:")[:12] for layer in expected.layers}
    assert layers <= {step.item for step in before}
    assert layers <= {step.item for step in before if step.done}
    assert not any(step.done for step in before if not step.item)
    sizes = {
        layer.digest.removeprefix("sha256:")[:12]: layer.size_bytes for layer in expected.layers
    }
    assert all(
        step.total_bytes in (None, sizes[step.item]) for step in before if step.item in sizes
    )
    assert asyncio.run(digests(daemon, f"{slow.host}/team/slow")) == {"1.0": expected.digest}


def test_what_is_there_already(daemon: RunningDaemon, origin: RunningRegistry) -> None:
    asyncio.run(pull(daemon, f"{origin.host}/team/app:1.0"))

    *_, last = asyncio.run(pull(daemon, f"{origin.host}/team/app:1.0"))

    assert (last.item, last.done, last.total_bytes) == ("", True, None)


def test_by_digest_and_the_tag_counts_for_nothing(
    daemon: RunningDaemon, origin: RunningRegistry
) -> None:
    digest = document("team/app:2.0").digest

    *_, last = asyncio.run(pull(daemon, f"{origin.host}/team/app:nonsense@{digest}"))

    assert last.done
    assert digest in asyncio.run(digests(daemon, f"{origin.host}/team/app")).values()


def test_no_tag_is_latest_and_not_every_tag(
    daemon: RunningDaemon, private: RunningRegistry
) -> None:
    credentials = Credentials(private.username, private.password)

    asyncio.run(pull(daemon, f"{private.host}/team/app", credentials=credentials))

    expected = {"latest": document("team/app:latest").digest}
    assert asyncio.run(digests(daemon, f"{private.host}/team/app")) == expected


def test_an_index_by_platform(daemon: RunningDaemon, origin: RunningRegistry) -> None:
    reference = f"{origin.host}/team/multi:1.0"

    asyncio.run(pull(daemon, reference, platform="linux/amd64"))
    found = asyncio.run(digests(daemon, f"{origin.host}/team/multi"))
    assert found == {"1.0": MULTI.digest}

    with pytest.raises(GhostnbError, match="not made for that platform"):
        asyncio.run(pull(daemon, reference, platform="linux/arm64"))


def test_credentials_given(daemon: RunningDaemon, private: RunningRegistry) -> None:
    credentials = Credentials(private.username, private.password)

    *_, last = asyncio.run(pull(daemon, f"{private.host}/team/secret:1.0", credentials=credentials))

    assert last.done


def test_credentials_of_the_docker_configuration(
    daemon: RunningDaemon, private: RunningRegistry, home: Path
) -> None:
    pair = base64.b64encode(f"{private.username}:{private.password}".encode()).decode()
    (home / ".docker").mkdir()
    config = {"auths": {private.host: {"auth": pair}}}
    (home / ".docker" / "config.json").write_text(json.dumps(config))

    *_, last = asyncio.run(pull(daemon, f"{private.host}/team/app:2.0"))

    assert last.done


@pytest.mark.parametrize("garbage", ["", "UPPER case", "app:", "app@sha256:12", "a//b"])
def test_garbage_is_refused_at_once(garbage: str) -> None:
    with pytest.raises(InvalidReferenceError):
        Engine("unix:///nowhere").pull(garbage)


def test_a_garbage_platform_is_refused_at_once() -> None:
    with pytest.raises(InvalidReferenceError):
        Engine("unix:///nowhere").pull("app", platform="arm64")


def test_two_at_once(daemon: RunningDaemon, origin: RunningRegistry, slow: Proxy) -> None:
    async def both() -> list[list[Progress]]:
        async with Engine(daemon.url) as engine:

            async def one(reference: str) -> list[Progress]:
                return [step async for step in engine.pull(reference)]

            names = (f"{slow.host}/team/other:1.0", f"{slow.host}/team/app:2.0")
            return await asyncio.gather(*(one(name) for name in names))

    assert [steps[-1].done for steps in asyncio.run(both())] == [True, True]


def test_one_engine_on_two_loops(daemon: RunningDaemon, origin: RunningRegistry) -> None:
    engine = Engine(daemon.url)
    results: dict[str, list[Progress]] = {}

    async def use(tag: str) -> None:
        await engine.ping()
        steps = engine.pull(f"{origin.host}/team/loops:{tag}")
        results[tag] = [step async for step in steps]
        await engine.images()

    threads = [
        threading.Thread(target=asyncio.run, args=(use(tag),), name=tag) for tag in ("1.0", "2.0")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert {tag: steps[-1].done for tag, steps in results.items()} == {"1.0": True, "2.0": True}
    found = asyncio.run(digests(daemon, f"{origin.host}/team/loops"))
    assert found == {tag: document(f"team/loops:{tag}").digest for tag in ("1.0", "2.0")}
