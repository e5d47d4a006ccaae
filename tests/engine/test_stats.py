"""What real containers use, as real daemons count it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pandas as pd
import pytest

from ghostnb.engine import ContainerStats, Engine
from ghostnb.errors import EngineError, EngineUnreachableError
from tests.engine.test_containers import on_host
from tests.parts.daemons import RunningDaemon, dockerd

BUSY = "while :; do :; done"


def test_one_reading(daemon: RunningDaemon, box: str) -> None:
    async def run() -> ContainerStats:
        async with Engine(daemon.url) as engine:
            await engine.create_container(on_host(box, BUSY, name="busy"))
            try:
                return await engine.stats("busy")
            finally:
                await engine.remove("busy", force=True)

    stats = asyncio.run(run())
    assert 1 < stats.cpu_percent < 220  # one processor, of which others want a part
    assert 0 < stats.memory_bytes < 100_000_000 < stats.memory_limit_bytes
    assert stats.processes == 1
    assert stats.network_received_bytes in (None, 0)
    assert stats.block_read_bytes >= 0 <= stats.block_written_bytes
    assert abs((pd.Timestamp(stats.time) - pd.Timestamp.now("UTC")).total_seconds()) < 30


def test_readings_follow_each_other_until_the_container_ends(
    daemon: RunningDaemon, box: str
) -> None:
    async def run() -> list[ContainerStats]:
        async with Engine(daemon.url) as engine:
            await engine.create_container(on_host(box, "sleep 60 & sleep 60", name="idle"))
            found = []
            async for stats in engine.follow_stats("idle", period_seconds=0.2):
                found.append(stats)
                if len(found) == 2:
                    await engine.remove("idle", force=True)
            return found

    first, second = asyncio.run(run())
    assert pd.Timestamp(first.time) < pd.Timestamp(second.time)
    assert [first.processes, second.processes] == [2, 2]
    assert 0 <= first.cpu_percent < 50


def test_of_what_does_not_run_there_is_no_reading(daemon: RunningDaemon, box: str) -> None:
    async def run(engine: Engine, read: Any) -> EngineError:
        with pytest.raises(EngineError) as caught:
            await read()
        return caught.value

    async def both() -> list[EngineError]:
        async with Engine(daemon.url) as engine:
            await engine.create_container(on_host(box, "exit 0", name="still"), start=False)
            return [
                await run(engine, lambda: engine.stats("still")),
                await run(engine, lambda: anext(engine.follow_stats("still"))),
            ]

    for error in asyncio.run(both()):
        assert error.status == 409
        assert error.hint == "Start it first: engine.start('still')"


def test_who_leaves_leaves_nothing_behind(daemon: RunningDaemon, box: str) -> None:
    async def run() -> float:
        async with Engine(daemon.url) as engine:
            await engine.create_container(on_host(box, BUSY, name="left"))
            readings = engine.follow_stats("left", period_seconds=60)
            waiting = asyncio.ensure_future(anext(readings))
            await asyncio.sleep(0.5)
            began = time.monotonic()
            waiting.cancel()
            await asyncio.wait([waiting])
            await readings.aclose()
            return time.monotonic() - began

    assert asyncio.run(run()) < 10


def test_a_daemon_that_dies_is_told(origin: Any) -> None:
    async def run(daemon: RunningDaemon) -> None:
        async with Engine(daemon.url) as engine:
            name = f"{origin.host}/team/box:1.0"
            async for _ in engine.pull(name):
                pass
            made = await engine.create_container(on_host(name, BUSY))
            readings = engine.follow_stats(made)
            assert (await anext(readings)).processes == 1
            daemon.kill()
            with pytest.raises(EngineUnreachableError):
                await anext(readings)

    with dockerd() as daemon:
        asyncio.run(run(daemon))


def reading(used: int, passed: int, **more: Any) -> dict[str, Any]:
    cpu = {"cpu_usage": {"total_usage": used}, "system_cpu_usage": passed, "online_cpus": 4}
    return {"read": "2025-01-16T13:55:22.165243637Z", "cpu_stats": cpu, **more}


def test_as_a_daemon_with_cgroups_of_the_second_version_says_it() -> None:
    """Docker Engine API v1.49, "ContainerStats": its example, shortened."""
    now = reading(
        200,
        1000,
        pids_stats={"current": 5},
        blkio_stats={
            "io_service_bytes_recursive": [
                {"major": 254, "minor": 0, "op": "read", "value": 7593984},
                {"major": 254, "minor": 0, "op": "write", "value": 100},
                {"major": 254, "minor": 1, "op": "read", "value": 16},
            ],
            "io_serviced_recursive": None,
        },
        memory_stats={
            "usage": 10_000,
            "stats": {"inactive_file": 4_000, "active_file": 77},
            "limit": 8096399360,
        },
        networks={
            "eth0": {"rx_bytes": 5338, "tx_bytes": 648},
            "eth5": {"rx_bytes": 4641, "tx_bytes": 690},
        },
    )

    assert ContainerStats.between(reading(100, 600), now) == ContainerStats(
        time="2025-01-16T13:55:22.165243637Z",
        cpu_percent=100.0,
        memory_bytes=6_000,
        memory_limit_bytes=8096399360,
        network_received_bytes=9979,
        network_sent_bytes=1338,
        block_read_bytes=7594000,
        block_written_bytes=100,
        processes=5,
    )


def test_what_a_daemon_does_not_say_is_not_known() -> None:
    stats = ContainerStats.between({}, {"read": "2025-01-16T13:55:22Z", "memory_stats": {}})

    unknown = [getattr(stats, name) for name in ContainerStats.__slots__ if name != "time"]
    assert unknown == [None] * 8


@pytest.mark.parametrize(
    ("memory", "used"),
    [
        ({"usage": 10, "stats": {"total_inactive_file": 4, "inactive_file": 1}}, 6),
        ({"usage": 10, "stats": {"inactive_file": 4}}, 6),
        ({"usage": 10, "stats": {"inactive_file": 40}}, 10),
        ({"usage": 10}, 10),
    ],
)
def test_memory_is_counted_as_the_docker_command_does(memory: dict[str, Any], used: int) -> None:
    stats = ContainerStats.between(reading(0, 0), reading(0, 0, memory_stats=memory))

    assert stats.memory_bytes == used


def test_a_container_that_was_started_anew_uses_nothing_yet() -> None:
    assert ContainerStats.between(reading(500, 0), reading(10, 100)).cpu_percent == 0
