"""The files in a layer of 500 MB, beside ``zcat | tar tv`` of the same file.

Usage: ``python -m tests.benchmarks.files``; with URL it measures one process: a line of JSON.
"""

import hashlib
import io
import json
import random
import re
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import ghostnb
from tests.benchmarks.tools import row
from tests.parts.images import Step, image
from tests.parts.layers import Layer
from tests.parts.media_types import OCI_GZIP
from tests.parts.registries import docker_registry
from tests.parts.storage import write_storage

FILES, FILE_BYTES = 20_000, 25_000
ROUNDS = 5
REFERENCE = "bench/files:1"


def layer(folder: Path) -> Layer:
    """Make a layer that packs to about a third, as images' layers do."""
    chance, plain = random.Random(3), folder / "layer.tar"
    words = [chance.randbytes(6).hex().encode() for _ in range(4000)]
    with tarfile.open(plain, "w") as tar:
        for number in range(FILES):
            text = b" ".join(chance.choices(words, k=FILE_BYTES // 13))
            info = tarfile.TarInfo(f"usr/lib/package-{number // 50}/module-{number}.py")
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text))
    subprocess.run(["gzip", "-6", plain], check=True)
    content = (folder / "layer.tar.gz").read_bytes()
    unpacked = subprocess.run(
        ["gzip", "-dc", folder / "layer.tar.gz"], check=True, capture_output=True
    )
    return Layer(content, OCI_GZIP, f"sha256:{hashlib.sha256(unpacked.stdout).hexdigest()}")


def measure_files() -> None:
    """Print the ratio of one run, and the memory."""
    with tempfile.TemporaryDirectory() as directory:
        folder = Path(directory)
        made = layer(folder)
        write_storage(folder / "storage", {"bench/files": {"1": image([Step("COPY", made)])}})
        pairs, peaks = [], []
        with docker_registry(storage_dir=folder / "storage") as registry:
            for _ in range(ROUNDS):
                command = [sys.executable, "-m", "tests.benchmarks.files", registry.url]
                output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                found = json.loads(output)
                pairs.append((found["seconds"], _listed(folder / "layer.tar.gz")))
                peaks.append(found["peak_mib"])
    speed = statistics.median(theirs / ours for ours, theirs in pairs)
    seconds = " ".join(f"{ours:.2f}/{theirs:.2f}" for ours, theirs in pairs)
    row("files of a layer of 500 MB, from a registry", "speed, of zcat | tar tv", "seconds")
    row("ghostnb", f"{speed:.2f}", seconds)
    row("memory at peak", f"{max(peaks):.0f} MiB", "")


def _listed(file: Path) -> float:
    started = time.perf_counter()
    subprocess.run(f"zcat {file} | tar tv > /dev/null", shell=True, check=True)
    return time.perf_counter() - started


def _measure(url: str) -> None:
    client = ghostnb.RegistryClient(url)
    ghostnb.run(client.ping())
    started = time.perf_counter()
    frame = ghostnb.run(client.files(REFERENCE, progress=False))
    seconds = time.perf_counter() - started
    if len(frame) != FILES:
        raise RuntimeError(f"{len(frame)} files were found")
    status = Path("/proc/self/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _measure(sys.argv[1])
    else:
        measure_files()
