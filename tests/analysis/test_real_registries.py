"""What real registries hold: bytes worked out by hand, and held against those on their disks."""

from __future__ import annotations

import contextlib
import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from ghostnb import Fleet, RegistryClient, RegistryConfig, analysis, run
from tests.analysis.test_storage import figures
from tests.parts import media_types as types
from tests.parts.images import (
    CREATED,
    Document,
    Settings,
    Step,
    artifact,
    cosign_signature,
    digest_of,
    helm_chart,
    image,
    index,
)
from tests.parts.layers import Layer
from tests.parts.pushes import Pusher
from tests.parts.registries import RunningRegistry, docker_registry


def blob(name: str, size_bytes: int, media_type: str = types.OCI_GZIP, *urls: str) -> Layer:
    """Make a layer of exactly so many bytes."""
    data = random.Random(name).randbytes(size_bytes)
    return Layer(data, media_type, digest_of(b"unpacked " + data), urls)


def of(*layers: Layer, created: str | None = CREATED, **options: str) -> Document:
    steps = [Step("RUN", layer, created=created) for layer in layers]
    return image(steps, Settings(created=created), **options)


BASE, APP, ARM, OWN, LATE = (
    blob(name, size)
    for name, size in {"base": 1000, "app": 50, "arm": 70, "own": 20, "late": 7}.items()
)
WINDOWS = blob("windows", 4000, types.OCI_FOREIGN, "https://example.invalid/windows")
NO_BYTES, NO_FILES = Layer(b"", types.OCI_TAR, digest_of(b"")), blob("no files", 32)
PAYLOAD = random.Random("payload").randbytes(40)
AMD64, ARM64 = of(BASE, APP), of(BASE, ARM, platform="linux/arm64")
SIGNATURE = f"{AMD64.digest.replace(':', '-')}.sig"
SBOM = artifact("application/spdx+json", [blob("sbom", 300, "application/spdx+json")])
IMAGES = {
    "app:1": AMD64,
    "app:nested": index([index([AMD64, ARM64]), index([AMD64])]),
    f"app:{SIGNATURE}": cosign_signature(PAYLOAD, times=2),
    "chart:1": helm_chart(blob("chart", 160)),
    "sbom:1": SBOM,
    "sbom:bare": artifact("application/x-mark", []),
    "windows:1": of(WINDOWS, OWN, platform="windows/amd64"),
    "twice:1": of(BASE, APP, BASE),
    "empty:1": of(NO_BYTES, NO_FILES, APP),
    "undated:1": of(BASE, LATE, created=None),
}
# base, app, arm, payload, chart, sbom, the bare one's {}, own, no files, late
STORED = 1000 + 50 + 70 + 40 + 160 + 300 + 2 + 20 + 32 + 7


def push(running: RunningRegistry, images: dict[str, Document]) -> None:
    with Pusher(running.url) as pusher:
        for name, document in images.items():
            pusher.push(*name.split(":"), document)


def inventory(running: RunningRegistry, name: str = "a") -> pd.DataFrame:
    return run(RegistryClient(RegistryConfig(name, running.url)).inventory())


def layer_bytes(storage: Path) -> int:
    """Count the bytes on a registry's disk that its manifests call layers."""
    blobs = {file.parent.name: file for file in storage.rglob("blobs/sha256/*/*/data")}
    layers: set[str] = set()
    for file in blobs.values():
        with contextlib.suppress(ValueError):
            document = json.loads(file.read_bytes())
            layers |= {one["digest"].partition(":")[2] for one in document.get("layers", ())}
    return sum(blobs[one].stat().st_size for one in layers & blobs.keys())


@pytest.fixture(scope="module")
def registry():
    with docker_registry() as running:
        push(running, IMAGES)
        yield running


@pytest.fixture(scope="module")
def frame(registry):
    return inventory(registry)


def test_what_each_repository_stores(frame):
    assert frame.attrs["errors"] == []
    found = figures(analysis.storage(frame), "repository")
    # Five images name the base, in their tags, and four the app: 200 and 12.5 bytes each.
    assert found == {
        "app": (1050 + 2120 + 80, 1160, 110, 3 * 200 + 2 * 12.5 + 70 + 40, 3, 3, 4),
        "twice": (2050, 1050, 0, 212.5, 1, 1, 2),
        "undated": (1007, 1007, 7, 207, 1, 1, 2),
        "sbom": (302, 302, 302, 302, 2, 2, 2),
        "chart": (160, 160, 160, 160, 1, 1, 1),
        "empty": (82, 82, 32, 44.5, 1, 1, 3),
        "windows": (20, 20, 20, 20, 1, 1, 1),
    }
    assert list(found) == ["app", "twice", "undated", "sbom", "chart", "empty", "windows"]


def test_all_of_it_is_what_is_on_the_disk(frame, registry):
    whole = analysis.storage(frame, [])
    assert whole["physical_bytes"].tolist() == [STORED]
    assert layer_bytes(registry.storage_dir) == STORED
    assert whole["amortised_bytes"].tolist() == pytest.approx([STORED])
    assert analysis.cost(whole, 2, gigabyte=1)["physical_cost"].tolist() == [2 * STORED]


def test_an_image_that_an_index_names_twice_counts_once(frame):
    found = figures(analysis.storage(frame, ["repository", "tag"]), "repository", "tag")
    assert found["app", "nested"] == (2120, 1120, 70, 2 * 200 + 12.5 + 70, 1, 2, 3)


def test_who_shares_with_whom(frame):
    matrix = analysis.sharing(frame)
    assert {
        (a, b): matrix.loc[a, b] for a in matrix for b in matrix if a < b and matrix.loc[a, b]
    } == {
        ("app", "twice"): 1050,
        ("app", "undated"): 1000,
        ("twice", "undated"): 1000,
        ("app", "empty"): 50,
        ("empty", "twice"): 50,
    }
    assert dict(zip(matrix, matrix.to_numpy().diagonal(), strict=True)) == {
        "app": 1160, "twice": 1050, "undated": 1007, "sbom": 302, "chart": 160, "empty": 82,
        "windows": 20,
    }  # fmt: skip


def test_the_largest_layers(frame):
    found = analysis.largest_layers(frame)
    names = ["size_bytes", "saved_bytes", "repositories", "tags", "images"]
    rows = dict(zip(found["digest"], found[names].to_numpy().tolist(), strict=True))
    assert found["size_bytes"].tolist() == [1000, 300, 160, 70, 50, 40, 32, 20, 7, 2, 0]
    assert rows[BASE.digest] == [1000, 4000, 3, 4, 4]
    assert rows[APP.digest] == [50, 150, 3, 4, 3]
    assert rows[digest_of(PAYLOAD)] == [40, 0, 1, 1, 1]
    assert WINDOWS.digest not in rows
    saved = analysis.largest_layers(frame, 2, order="saved_bytes")
    assert saved["digest"].tolist() == [BASE.digest, APP.digest]


def test_artifacts_and_images_without_a_date_grew_at_no_known_time(frame):
    found = analysis.growth(frame, "YS")
    # No time: payload, chart, sbom, {} and late; the base has that of the other images.
    undated = 40 + 160 + 300 + 2 + 7
    assert found["period"].isna().tolist() == [True, False]
    assert found["period"].tolist()[1] == pd.Timestamp("2024-01-01", tz="UTC")
    assert found["layers"].tolist() == [5, 6]
    assert found["total_bytes"].tolist() == [undated, STORED]


def test_what_stands_on_what(frame):
    found = analysis.bases(frame).sort_values(["repository", "tag", "platform"])
    names = ["repository", "tag", "platform", "base_tags", "base_bytes", "own_bytes"]
    rows = found[names].astype(object).where(found[names].notna(), None)
    assert rows.to_numpy().tolist() == [
        ["app", "1", "linux/amd64", None, 0, 1050],
        ["app", "nested", "linux/amd64", None, 0, 1050],
        ["app", "nested", "linux/arm64", None, 0, 1070],
        ["empty", "1", "linux/amd64", None, 0, 82],
        ["twice", "1", "linux/amd64", "1, nested", 1050, 1000],
        ["undated", "1", "linux/amd64", None, 0, 1007],
        ["windows", "1", "windows/amd64", None, 0, 20],
    ]


def test_a_snapshot_of_it_and_what_has_changed_since(frame, tmp_path):
    taken = datetime(2026, 1, 1, tzinfo=UTC)
    before = analysis.snapshot(frame, tmp_path / "before.parquet", taken=taken)
    pd.testing.assert_frame_equal(analysis.read_snapshot(before), frame)
    with docker_registry() as running:
        # Of the index only the entry that stands there twice is gone: its images are the same.
        push(running, {**IMAGES, "app:nested": index([AMD64, ARM64])})
        push(running, {"chart:1": helm_chart(blob("chart 2", 200)), "windows:2": of(WINDOWS, LATE)})
        changed = analysis.compare(before, inventory(running))
    names = ["repository", "tag", "change", "bytes_before", "bytes_after"]
    rows = changed[names].astype(object).where(changed[names].notna(), None)
    assert rows.to_numpy().tolist() == [
        ["chart", "1", "moved", 160, 200],
        ["windows", "2", "added", None, 7],
    ]


def test_two_registries_with_the_same_image(registry):
    with docker_registry() as other:
        push(other, {"copy:1": AMD64, "copy:sbom": SBOM})
        fleet = Fleet([RegistryConfig("a", registry.url), RegistryConfig("b", other.url)])
        both = run(fleet.inventory())
        on_disk = [layer_bytes(one.storage_dir) for one in (registry, other)]
    assert on_disk == [STORED, 1350]
    assert figures(analysis.storage(both, "registry"), "registry")["b"] == (
        1350, 1350, 1350, 1350, 2, 2, 3,
    )  # fmt: skip
    assert analysis.storage(both, [])["physical_bytes"].tolist() == [STORED + 1350]

    across = figures(analysis.storage(both, "registry", across=True), "registry")
    # A sixth image names the base, a fifth the app, a second the SBOM.
    assert across["b"] == (1350, 1350, 0, pytest.approx(1000 / 6 + 50 / 5 + 150), 2, 2, 3)
    assert across["a"][1:3] == (STORED, STORED - 1350)
    assert analysis.storage(both, [], across=True)["physical_bytes"].tolist() == [STORED]
    assert analysis.growth(both, across=True)["total_bytes"].tolist()[-1] == STORED
    assert analysis.sharing(both, "registry", across=True).loc["a", "b"] == 1350
    largest = analysis.largest_layers(both, 1, across=True)
    assert largest[["saved_bytes", "repositories", "tags"]].to_numpy().tolist() == [[5000, 4, 5]]


def test_a_registry_of_artifacts_alone(tmp_path):
    with docker_registry() as running:
        push(running, {name: IMAGES[name] for name in ("chart:1", "sbom:1", "sbom:bare")})
        found = inventory(running)
    assert analysis.storage(found, [])["physical_bytes"].tolist() == [462]
    assert analysis.growth(found)["total_bytes"].tolist() == [462]
    assert analysis.largest_layers(found)["size_bytes"].tolist() == [300, 160, 2]
    assert len(analysis.bases(found)) == 0
    path = analysis.snapshot(found, tmp_path / "artifacts.parquet")
    pd.testing.assert_frame_equal(analysis.read_snapshot(path), found)


def test_attestations_are_in_no_inventory():
    with docker_registry() as running:
        attested = index([AMD64], attested=True)
        push(running, {"app:1": attested})
        found = analysis.storage(inventory(running), [])
        on_disk = layer_bytes(running.storage_dir)
    (proof,) = (child for child in attested.children if child.platform == "unknown/unknown")
    assert found["physical_bytes"].tolist() == [1050]
    assert on_disk == 1050 + proof.total_bytes
