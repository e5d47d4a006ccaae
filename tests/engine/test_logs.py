"""What real containers write, read by real daemons."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import docker
import psutil
import pytest

from ghostnb.engine import Engine
from ghostnb.engine.log_lines import MAX_LINE_CHARACTERS
from ghostnb.errors import EngineError, EngineUnreachableError
from tests.engine.conftest import limited_podman
from tests.engine.test_containers import ended, on_host
from tests.engine.test_pull_stops import wait_for_workers, workers
from tests.parts.daemons import RunningDaemon, dockerd
from tests.parts.registries import RunningRegistry

ENDLESS = "while :; do echo tick; sleep 0.1; done"


def written(daemon: RunningDaemon, image: str, script: str, **options: object) -> list[str]:
    """Run a script to its end, and give what it wrote."""

    async def run() -> list[str]:
        async with Engine(daemon.url) as engine:
            made = await engine.create_container(on_host(image, script))
            await ended(engine, made)
            return [line async for line in engine.logs(made, **options)]  # type: ignore[arg-type]

    return asyncio.run(run())


def test_both_streams(daemon: RunningDaemon, box: str) -> None:
    lines = written(daemon, box, "echo out; echo err >&2; echo; echo end")
    assert sorted(lines) == ["", "end", "err", "out"]


def test_the_last_lines(daemon: RunningDaemon, box: str) -> None:
    script = "i=0; while [ $i -lt 300 ]; do echo $i; i=$((i+1)); done"
    assert written(daemon, box, script) == [f"{n}" for n in range(100, 300)]
    assert written(daemon, box, script, tail=3) == ["297", "298", "299"]
    assert written(daemon, box, script, tail=None) == [f"{n}" for n in range(300)]
    assert written(daemon, box, script, tail=0) == []


def test_what_is_no_text(daemon: RunningDaemon, box: str) -> None:
    script = r"printf '\377\376\000\001bin\nca\303\251\n\033[31mred\033[0m\n'; cat /bin/busybox"
    lines = written(daemon, box, script, tail=None)
    assert lines[0] == "\N{REPLACEMENT CHARACTER}" * 2 + "\0\1bin"
    assert lines[1:3] == ["caé", "\033[31mred\033[0m"]
    assert "\N{REPLACEMENT CHARACTER}" in "".join(lines[3:])


def test_a_very_long_line(daemon: RunningDaemon, box: str) -> None:
    length = 3 * MAX_LINE_CHARACTERS + 10
    script = f"cat /dev/zero | busybox tr '\\0' x | busybox head -c {length}; echo; echo end"
    lines = written(daemon, box, script, tail=None)
    assert [len(line) for line in lines] == [*[MAX_LINE_CHARACTERS] * 3, 10, 3]
    assert set("".join(lines[:-1])) == {"x"}


def test_a_terminal(daemon: RunningDaemon, box: str) -> None:
    async def run(name: str) -> list[str]:
        async with Engine(daemon.url) as engine:
            return [line async for line in engine.logs(name, follow=True)]

    with contextlib.closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
        settings = client.create_host_config(network_mode="host")
        command = ["sh", "-c", "echo out; sleep 0.3; echo err >&2; printf 'é\\377\\n'; sleep 0.5"]
        made = client.create_container(box, command, tty=True, host_config=settings)["Id"]
        client.start(made)
        assert asyncio.run(run(made)) == ["out", "err", "é\N{REPLACEMENT CHARACTER}"]


def test_lines_come_as_they_are_written(daemon: RunningDaemon, box: str) -> None:
    """A silence longer than the engine's patience ends nothing."""

    async def run() -> list[float]:
        times = []
        async with Engine(daemon.url, timeout_seconds=3) as engine:
            script = "sleep 0.5; echo a; sleep 4; echo b; sleep 0.5"
            made = await engine.create_container(on_host(box, script))
            async for _ in engine.logs(made, follow=True):
                times.append(time.monotonic())
        return times

    first, second = asyncio.run(run())
    assert second - first > 3.5


async def stop_by_break(engine: Engine) -> None:
    async for line in engine.logs("endless", follow=True):
        assert line == "tick"
        break
    await asyncio.to_thread(wait_for_workers)


async def stop_by_close(engine: Engine) -> None:
    lines = engine.logs("endless", follow=True)
    await anext(lines)
    await lines.aclose()


async def stop_by_task(engine: Engine) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            async for _ in engine.logs("endless", follow=True):
                pass


async def stop_by_closing_the_engine(engine: Engine) -> None:
    with pytest.raises(EngineError, match="was closed while it was in use"):
        async for _ in engine.logs("endless", follow=True):
            await engine.close()


def test_a_followed_log_is_left(daemon: RunningDaemon, box: str) -> None:
    async def run() -> None:
        async with Engine(daemon.url) as engine:
            await engine.create_container(on_host(box, ENDLESS, name="endless"))
            for stop in (stop_by_break, stop_by_close, stop_by_task, stop_by_closing_the_engine):
                async with asyncio.timeout(5):
                    await stop(engine)
                assert workers() == []
        async with Engine(daemon.url) as engine:
            assert (await engine.container("endless")).state == "running"

    asyncio.run(run())


@pytest.mark.parametrize("product", ["docker", "podman"])
def test_the_daemon_dies(product: str, origin: RunningRegistry, tmp_path: Path) -> None:
    async def run(daemon: RunningDaemon) -> None:
        image = f"{origin.host}/team/box:1.0"
        async with Engine(daemon.url) as engine:
            async for _ in engine.pull(image):
                pass
            made = await engine.create_container(on_host(image, ENDLESS))
            async for _ in engine.logs(made, follow=True):
                if not killed:
                    daemon.kill()
                    killed.append(time.monotonic())

    killed: list[float] = []
    start = dockerd() if product == "docker" else limited_podman([origin.host], tmp_path)
    with start as daemon:
        with pytest.raises(EngineUnreachableError, match="was lost while it should give the logs"):
            asyncio.run(run(daemon))
        assert time.monotonic() - killed[0] < 5
        end_what_outlives(daemon)


def end_what_outlives(daemon: RunningDaemon) -> None:
    """End the container and who watches it: that a daemon dies is nothing to them."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(daemon.directory) in " ".join(process.cmdline()):
                family = [process, *process.children(recursive=True)]
                for one in family:
                    with contextlib.suppress(psutil.NoSuchProcess):
                        one.kill()
                psutil.wait_procs(family, timeout=5)


def test_many_at_once(daemon: RunningDaemon, box: str) -> None:
    async def run() -> None:
        async with Engine(daemon.url) as engine:
            specs = [on_host(box, f"echo {n}; sleep 0.2; echo end; sleep 0.5") for n in range(6)]
            made = await asyncio.gather(*map(engine.create_container, specs))

            async def follow(container: str) -> list[str]:
                return [line async for line in engine.logs(container, follow=True)]

            found = await asyncio.gather(*map(follow, made))
            assert found == [[f"{n}", "end"] for n in range(6)]

    asyncio.run(run())


def test_a_driver_that_keeps_nothing(daemon: RunningDaemon, box: str) -> None:
    async def run(name: str) -> None:
        async with Engine(daemon.url) as engine:
            await anext(engine.logs(name))

    with contextlib.closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
        settings = client.create_host_config(network_mode="host", log_config={"type": "none"})
        made = client.create_container(box, ["echo", "x"], host_config=settings)["Id"]
        client.start(made)
        with pytest.raises(EngineError) as caught:
            asyncio.run(run(made))
    assert "logging driver keeps nothing" in caught.value.hint
