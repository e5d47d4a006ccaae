"""Copies between two docker-registries, beside skopeo's of the same run."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.benchmarks.tools import row
from tests.parts.images import Document, Step, image
from tests.parts.layers import Layer, layer_of
from tests.parts.registries import RunningRegistry, docker_registry
from tests.parts.storage import write_storage

ROUNDS = 3
IMAGES, REPOSITORIES = 100, 10
LARGE_LAYERS, LARGE_BYTES = 8, 128 * 2**20
LARGE = "bench/large:1"
OCI_TAR = "application/vnd.oci.image.layer.v1.tar"


def measure_transfer() -> None:
    """Print the ratios of one run."""
    row("copies between two docker-registries", "ghostnb / skopeo", "seconds")
    with tempfile.TemporaryDirectory() as directory:
        storage = Path(directory)
        write_storage(storage, sample())
        write_storage(storage, {"bench/large": {"1": large_image()}})
        with docker_registry(storage_dir=storage) as source:
            names = [f"bench/app-{n}" for n in range(REPOSITORIES)]
            _compare("100 images that share layers", source, names)
            _compare("1 image of 8 x 128 MiB", source, [LARGE])


def sample() -> dict[str, dict[str, Document]]:
    """Make images of five layers, three of them common to all."""
    base = [layer_of(f"base {n}", size_bytes=2_000_000) for n in range(3)]
    made: dict[str, dict[str, Document]] = {}
    for number in range(IMAGES):
        team = number % REPOSITORIES
        own = [layer_of(f"team {team}", size_bytes=500_000),
               layer_of(f"own {number}", size_bytes=100_000)]  # fmt: skip
        steps = [Step(f"RUN step {n}", layer) for n, layer in enumerate([*base, *own])]
        made.setdefault(f"bench/app-{team}", {})[f"v{number}"] = image(steps)
    return made


def large_image() -> Document:
    """Make an image of large layers that no one compresses."""
    layers = [Layer(os.urandom(LARGE_BYTES), OCI_TAR) for _ in range(LARGE_LAYERS)]
    return image([Step(f"ADD {n}", layer) for n, layer in enumerate(layers)])


def _compare(what: str, source: RunningRegistry, names: Sequence[str]) -> None:
    firsts, seconds, peaks = [], [], []
    for _ in range(ROUNDS):
        with docker_registry() as target:
            ours, again = (_ours(source, target, names) for _ in range(2))
        with docker_registry() as target:
            theirs, repeated = (_skopeo(source, target, names) for _ in range(2))
        firsts.append((ours["seconds"], theirs))
        seconds.append((again["seconds"], repeated))
        peaks.append(ours["peak_kib"] / 1024)
        if again["bytes_moved"]:
            raise RuntimeError("the second copy moved something")
    for label, pairs in ((what, firsts), (f"{what}, unchanged", seconds)):
        ratio = statistics.median(mine / other for mine, other in pairs)
        row(label, f"{ratio:.3f}", " ".join(f"{mine:.2f}/{other:.2f}" for mine, other in pairs))
    row(f"{what}: memory at peak", f"{max(peaks):.0f} MiB", "")


def _ours(source: RunningRegistry, target: RunningRegistry, names: Sequence[str]) -> dict:
    command = [sys.executable, "-m", "tests.benchmarks.copying", source.url, target.url, *names]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1])


def _skopeo(source: RunningRegistry, target: RunningRegistry, names: Sequence[str]) -> float:
    started = time.perf_counter()
    if ":" in names[0]:
        _call("copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false",
              *(f"docker://{one.host}/{names[0]}" for one in (source, target)))  # fmt: skip
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as plan:
            images = {name: [] for name in names}
            json.dump({source.host: {"tls-verify": False, "images": images}}, plan)
            plan.flush()
            _call("sync", "--all", "--src=yaml", "--dest=docker", "--src-tls-verify=false",
                  "--dest-tls-verify=false", plan.name, f"{target.host}/bench")  # fmt: skip
    return time.perf_counter() - started


def _call(*arguments: str) -> None:
    program = shutil.which("skopeo")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])


if __name__ == "__main__":
    measure_transfer()
