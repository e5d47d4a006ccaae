"""Drift beside Debian's docker-registry: the same files, the same clients, one run."""

import hashlib
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.tools import MANIFEST, row, wrk
from tests.parts.drift import running_drift
from tests.parts.registries import docker_registry

ROUNDS = 3
MANIFESTS = 400
BLOB_BYTES = 2**30
LAYERS, LAYER_BYTES = 8, 128 * 2**20
BLOCK = 2**20


def measure_drift(directory: Path) -> None:
    """Compare manifests, a large blob, and a push of large layers."""
    blob = directory / "blob"
    digest = _random_file(blob, BLOB_BYTES)
    image = _large_image(directory / "image")
    rates: dict[str, dict[str, list[float]]] = {"docker-registry": {}, "drift": {}}
    with _both(directory) as urls:
        for url in urls.values():
            _push_blob(url, "bench/blob", blob, digest)
            _push_manifests(url)
        paths = [f"/v2/bench/app/manifests/v{n}" for n in range(MANIFESTS)]
        for _ in range(ROUNDS):
            for name, url in urls.items():
                rates[name].setdefault("manifests", []).append(wrk(url, paths, 16))
                rates[name].setdefault("download", []).append(_download(url, "bench/blob", digest))
    for _ in range(ROUNDS):
        # Empty each time: what is there already is not pushed.
        with _both(directory) as urls:
            for name, url in urls.items():
                rates[name].setdefault("push", []).append(_skopeo_push(image, url))
    _print(rates)


@contextmanager
def _both(directory: Path) -> Iterator[dict[str, str]]:
    """Run both registries, empty; what they keep goes with them."""
    with (
        tempfile.TemporaryDirectory(dir=directory) as root,
        docker_registry() as peer,
        running_drift(Path(root)) as drift,
    ):
        yield {"docker-registry": peer.url, "drift": drift.url}


def _print(rates: Mapping[str, Mapping[str, list[float]]]) -> None:
    row("drift and docker-registry", "docker-registry", "drift", "drift / docker-registry")
    row("---", "---", "---", "---")
    kinds: dict[str, tuple[str, Callable[[float], str]]] = {
        "manifests": ("manifest GETs/s, 16 connections", lambda value: f"{value:.0f}"),
        "download": ("download of 1 GiB, MB/s", lambda value: f"{value / 1e6:.0f}"),
        "push": ("skopeo push of 8 × 128 MiB, s", lambda value: f"{value:.1f}"),
    }
    for kind, (title, show) in kinds.items():
        peer, own = (statistics.median(rates[name][kind]) for name in ("docker-registry", "drift"))
        row(title, show(peer), show(own), f"{own / peer:.2f}")


def _random_file(path: Path, size_bytes: int) -> str:
    hasher = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size_bytes // BLOCK):
            block = os.urandom(BLOCK)
            hasher.update(block)
            file.write(block)
    return f"sha256:{hasher.hexdigest()}"


def _large_image(directory: Path) -> Path:
    """Make an image layout with some layers of random bytes."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    layers = []
    for number in range(LAYERS):
        digest = _random_file(directory / f"layer-{number}", LAYER_BYTES)
        (directory / f"layer-{number}").rename(blobs / digest.partition(":")[2])
        layers.append(_descriptor("layer.v1.tar", digest, LAYER_BYTES))
    diff_ids = [layer["digest"] for layer in layers]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _blob(blobs, "config.v1+json", config),
        "layers": layers,
    }
    entry = _blob(blobs, "manifest.v1+json", manifest)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "it"}
    index = {"schemaVersion": 2, "manifests": [entry]}
    (directory / "index.json").write_text(json.dumps(index))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return directory


def _blob(blobs: Path, kind: str, document: object) -> dict[str, object]:
    content = json.dumps(document).encode()
    encoded = hashlib.sha256(content).hexdigest()
    (blobs / encoded).write_bytes(content)
    return _descriptor(kind, f"sha256:{encoded}", len(content))


def _descriptor(kind: str, digest: str, size: int) -> dict[str, object]:
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": digest, "size": size}


def _curl(*arguments: str) -> str:
    command = ["curl", "--silent", "--show-error", "--fail", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _push_blob(url: str, repository: str, path: Path, digest: str) -> None:
    headers = _curl("-i", "-X", "POST", f"{url}/v2/{repository}/blobs/uploads/")
    location = next(
        line.split(":", 1)[1].strip()
        for line in headers.splitlines()
        if line.lower().startswith("location:")
    )
    location = location if location.startswith("http") else url + location
    mark = "&" if "?" in location else "?"
    octets = "content-type: application/octet-stream"
    _curl("-T", str(path), "-H", octets, f"{location}{mark}digest={digest}")


def _push_manifests(url: str) -> None:
    """Push one manifest under many tags: what is asked for is a tag's manifest."""
    with tempfile.TemporaryDirectory() as directory:
        blobs = Path(directory)
        config = _blob(blobs, "config.v1+json", {"architecture": "amd64", "os": "linux"})
        _push_blob(url, "bench/app", blobs / str(config["digest"]).partition(":")[2],
                   str(config["digest"]))  # fmt: skip
        for number in range(MANIFESTS):
            manifest = {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config,
                "layers": [config] * 5,
                "annotations": {"number": str(number)},
            }
            (blobs / "manifest").write_text(json.dumps(manifest))
            _curl("-T", str(blobs / "manifest"), "-H", f"content-type: {MANIFEST}",
                  f"{url}/v2/bench/app/manifests/v{number}")  # fmt: skip


def _download(url: str, repository: str, digest: str) -> float:
    """Give bytes a second."""
    target = f"{url}/v2/{repository}/blobs/{digest}"
    return float(_curl("-o", os.devnull, "-w", "%{speed_download}", target))


def _skopeo_push(image: Path, url: str) -> float:
    """Give the seconds that a push takes."""
    target = f"docker://{url.removeprefix('http://')}/bench/large:v1"
    command = ["skopeo", "copy", "-q", "--dest-tls-verify=false", f"oci:{image}:it", target]
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started
