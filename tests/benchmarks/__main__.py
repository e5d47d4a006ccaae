"""Measure, and print ratios of one run: ``python -m tests.benchmarks``.

A registry of 200 repositories with 20 tags each, on this machine. Every figure
stands beside a peer's of the same run, since machines differ and are noisy.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.benchmarks.agent import measure_agent
from tests.benchmarks.dashboard import measure_dashboard
from tests.benchmarks.drift import measure_drift
from tests.benchmarks.economics import measure_economics
from tests.benchmarks.files import measure_files
from tests.benchmarks.tools import row, wrk
from tests.benchmarks.transfer import measure_transfer
from tests.parts.images import Document
from tests.parts.proxies import delaying_proxy
from tests.parts.registries import docker_registry
from tests.parts.storage import many_images, write_storage

REPOSITORIES, TAGS = 200, 20
ROUNDS = 3
SKOPEO_IMAGES = 400
DELAY_SECONDS = 0.05
Repositories = Mapping[str, Mapping[str, Document]]


def sample() -> Repositories:
    """Make the registry's content."""
    documents = iter(many_images(REPOSITORIES * TAGS))
    return {
        f"bench/app-{n:03}": {f"v{tag}": next(documents) for tag in range(TAGS)}
        for n in range(REPOSITORIES)
    }


def inventory(url: str, transport: str, connections: int = 16) -> tuple[float, float]:
    """Give images a second of a cold inventory, and how many times faster a warm one is."""
    command = [sys.executable, "-m", "tests.benchmarks.inventory", url, transport, str(connections)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answer = json.loads(output)
    if answer["images"] != REPOSITORIES * TAGS:
        raise RuntimeError(f"only {answer['images']} images were read")
    cold, warm = answer["seconds"]
    return answer["images"] / cold, cold / warm


def oras(host: str, lines: list[str]) -> float:
    """Give images a second by oras-py on 16 threads."""
    command = [sys.executable, "-m", "tests.benchmarks.oras_peer", host]
    text = "\n".join(lines)
    output = subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout
    answer = json.loads(output.splitlines()[-1])
    return answer["images"] / answer["seconds"][0]


def skopeo(host: str, lines: list[str]) -> float:
    """Give images a second by ``skopeo inspect`` under ``xargs -P 8``."""
    names = "\n".join(f"docker://{host}/{line.replace(' ', ':')}" for line in lines)
    command = ["xargs", "-P", "8", "-n", "1", "skopeo", "inspect", "--tls-verify=false"]
    started = time.perf_counter()
    subprocess.run(command, check=True, input=names, text=True, stdout=subprocess.DEVNULL)
    return len(lines) / (time.perf_counter() - started)


def median(measure: Callable[[], float]) -> float:
    """Give the median of some rounds."""
    return statistics.median(measure() for _ in range(ROUNDS))


def import_seconds() -> float:
    """Give the best time of importing a client after pandas, in a fresh process."""
    code = (
        "import pandas, time; t = time.perf_counter(); "
        "from ghostnb import RegistryClient; print(time.perf_counter() - t)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
            for _ in range(7)]  # fmt: skip
    return min(float(run.stdout) for run in runs)


def memory(images: int) -> dict[str, float]:
    """Give what a layers frame of so many images of ten layers takes."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", str(images)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    answer: dict[str, float] = json.loads(output)
    return answer


def measure_scanning(url: str, host: str, content: Repositories) -> None:
    """Compare cold and warm inventories with wrk, oras-py and skopeo on this machine."""
    lines = [f"{repository} {tag}" for repository, tags in content.items() for tag in tags]
    paths = []
    for repository, tags in content.items():
        for tag, document in tags.items():
            digest = json.loads(document.raw)["config"]["digest"]
            paths += [f"/v2/{repository}/manifests/{tag}", f"/v2/{repository}/blobs/{digest}"]
    rates: dict[str, list[float]] = {}
    warm: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        rates.setdefault("wrk", []).append(wrk(url, paths, 16) / 2)
        for transport in ("httpx2", "fast"):
            rate, ratio = inventory(url, transport)
            rates.setdefault(transport, []).append(rate)
            warm.setdefault(transport, []).append(ratio)
        rates.setdefault("oras-py, 16 threads", []).append(oras(host, lines))
        rates.setdefault("skopeo inspect, -P 8", []).append(skopeo(host, lines[:SKOPEO_IMAGES]))
    ceiling = statistics.median(rates["wrk"])
    row("16 connections, no distance", "images/s", "of wrk", "warm inventory")
    row("---", "---", "---", "---")
    for name, values in rates.items():
        rate = statistics.median(values)
        faster = f"× {statistics.median(warm[name]):.1f}" if name in warm else ""
        row(name, f"{rate:.0f}", f"{rate / ceiling:.2f}", faster)


def measure_distance(port: int, content: Repositories) -> None:
    """Compare with the ideal where each request takes 50 ms longer."""
    lines = [f"{repository} {tag}" for repository, tags in content.items() for tag in tags]
    with delaying_proxy("127.0.0.1", port, delay_seconds=DELAY_SECONDS) as far:
        host = f"127.0.0.1:{far}"
        ideal = 64 / DELAY_SECONDS / 2
        row(f"{DELAY_SECONDS * 1000:.0f} ms a request", "images/s", "of the ideal", "")
        row("---", "---", "---", "---")
        for transport in ("httpx2", "fast"):
            rate = median(lambda name=transport: inventory(f"http://{host}", name, 64)[0])
            row(f"{transport}, 64 connections", f"{rate:.0f}", f"{rate / ideal:.2f}", "")
        rate = median(lambda: oras(host, lines))
        row("oras-py, 16 threads", f"{rate:.0f}", f"{rate / ideal:.2f}", "")


def measure_memory() -> None:
    """Print what layers frames take."""
    row("layers frame", "frame", "peak beyond the imports", "")
    row("---", "---", "---", "---")
    for images in (10_000, 100_000):
        answer = memory(images)
        sizes = f"{answer['frame_mib']:.0f} MiB", f"{answer['peak_mib']:.0f} MiB"
        row(f"{answer['rows']:,} rows", *sizes, "")


def main() -> None:
    """Measure everything."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is needed: apt-get install wrk")
    os.environ.update(GHOSTNB_CACHE="off")
    content = sample()
    with tempfile.TemporaryDirectory(prefix="ghostnb-benchmark-") as directory:
        write_storage(Path(directory), content)
        with docker_registry(storage_dir=Path(directory)) as registry:
            measure_scanning(registry.url, registry.host, content)
        print()
        # With less of Go's garbage collection, so that distance and not the registry is measured.
        quick = {"GOGC": "800"}
        with docker_registry(storage_dir=Path(directory), environment=quick) as registry:
            measure_distance(registry.port, content)
    print()
    with tempfile.TemporaryDirectory(prefix="ghostnb-benchmark-") as directory:
        measure_drift(Path(directory))
    print()
    with tempfile.TemporaryDirectory(prefix="ghostnb-benchmark-") as directory:
        measure_dashboard(Path(directory))
    print()
    measure_transfer()
    print()
    measure_economics()
    print()
    measure_agent()
    print()
    measure_files()
    print()
    measure_memory()
    print(f"\nimport RegistryClient, beyond pandas: {import_seconds() * 1000:.0f} ms")


if __name__ == "__main__":
    main()
