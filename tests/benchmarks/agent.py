"""The agent under load: 200 clients that read and pull, and what its event loop does meanwhile."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx2
import psutil

from tests.benchmarks.tools import row
from tests.engine import images
from tests.parts.agent import TOKEN, RunningAgent, running_agent
from tests.parts.daemons import dockerd
from tests.parts.registries import docker_registry
from tests.parts.storage import write_storage

CLIENTS, SECONDS = 200, 30
PULLED = ("team/app:1.0", "team/app:2.0", "team/other:1.0", "team/moved:1.0")
# How long the loop's callbacks take, and how late it is when a thread has it do something, every
# ten milliseconds: that also counts whoever's turn is before.
WATCH = """
import asyncio, json, os, threading, time
def watch(loop, lags, longest, file):
    run = asyncio.Handle._run
    def timed(handle):
        begun = time.perf_counter()
        run(handle)
        if threading.current_thread() is threading.main_thread():
            longest.append(time.perf_counter() - begun)
    asyncio.Handle._run = timed
    while True:
        time.sleep(0.01)
        asked, done = time.perf_counter(), threading.Event()
        loop.call_soon_threadsafe(done.set)
        done.wait()
        lags.append(time.perf_counter() - asked)
        longest[:] = [max(longest, default=0)]
        if len(lags) % 100 == 0:
            with open(file + ".new", "w") as new:
                json.dump({{"lags": lags, "longest": longest[0]}}, new)
            os.replace(file + ".new", file)
# The server and the extension both read this file.
if not any(thread.name == "lag" for thread in threading.enumerate()):
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    watching = threading.Thread(
        target=watch, args=(loop, [], [], {file!r}), name="lag", daemon=True
    )
    watching.start()
"""


async def load(url: str, clients: int, seconds: float) -> tuple[Counter[int], list[float]]:
    """Have clients ask at once for some time; give statuses and how long answers took."""
    seen: Counter[int] = Counter()
    took: list[float] = []
    until = time.monotonic() + seconds
    limits = httpx2.Limits(max_connections=clients, max_keepalive_connections=clients)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx2.AsyncClient(
        limits=limits, headers=headers, trust_env=False, timeout=120, base_url=url
    ) as client:

        async def one(number: int) -> None:
            choose = random.Random(number)
            while time.monotonic() < until:
                begun = time.monotonic()
                answer = await _ask(client, choose)
                seen[answer.status_code] += 1
                took.append(time.monotonic() - begun)

        await asyncio.gather(*(one(number) for number in range(clients)))
    return seen, took


async def _ask(client: httpx2.AsyncClient, choose: random.Random) -> httpx2.Response:
    place = "/registries/local/repositories"
    reference = choose.choice(PULLED)
    repository, tag = reference.split(":")
    if choose.random() < 0.05:
        body = {"registry": "local", "repository": repository, "tag": tag}
        return await client.post("/images/pull", json=body)
    paths = (
        "/registries",
        place,
        f"{place}/{repository}/tags",
        f"{place}/{repository}/tags/{tag}",
        "/images/search?q=app",
        "/jobs",
        "/events",
    )
    return await client.get(choose.choice(paths))


def measure_agent() -> None:
    """Print what one loaded run shows."""
    figures = loaded_agent(CLIENTS, SECONDS)
    row(f"an agent with {CLIENTS} clients for {SECONDS} s", "", "")
    for name, figure in figures.items():
        row(name.replace("_", " "), f"{figure}", "")


def loaded_agent(clients: int, seconds: float) -> dict[str, object]:
    """Run the agent, a registry and a daemon, load them, and give figures."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write_storage(directory / "storage", images.REPOSITORIES)
        lag_file = directory / "lag.json"
        with (
            docker_registry(storage_dir=directory / "storage", hostname="localhost") as registry,
            dockerd() as daemon,
            running_agent(
                directory / "agent",
                {"local": registry.url},
                "--daemon",
                daemon.url,
                settings=WATCH.format(file=str(lag_file)),
            ) as agent,
        ):
            return _figures(agent, lag_file, clients, seconds)


def _figures(
    agent: RunningAgent, lag_file: Path, clients: int, seconds: float
) -> dict[str, object]:
    process = psutil.Process(agent.process.pid)
    before = process.memory_info().rss
    # Another process: who measures must not be in the way of what is measured.
    command = [
        sys.executable,
        "-m",
        "tests.benchmarks.agent",
        agent.url,
        str(clients),
        str(seconds),
    ]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    after = process.memory_info().rss
    watched = json.loads(lag_file.read_text())
    lags = sorted(watched["lags"])
    return {
        **json.loads(said),
        "memory_mib": [round(before / 2**20), round(after / 2**20)],
        "lag_ms": {
            "median": round(statistics.median(lags) * 1000, 1),
            "p99": round(lags[len(lags) * 99 // 100] * 1000, 1),
            "longest": round(lags[-1] * 1000, 1),
        },
        "longest_callback_ms": round(watched["longest"] * 1000, 1),
    }


def main() -> None:
    """Load the agent that is named, and print what was seen."""
    url, clients, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    seen, took = asyncio.run(load(f"{url}/api/v1", clients, seconds))
    took.sort()
    figures = {
        "statuses": dict(seen),
        "answers_a_second": round(len(took) / seconds),
        "answer_ms": [round(took[len(took) * n // 100] * 1000) for n in (50, 99)],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main() if len(sys.argv) > 1 else measure_agent()
