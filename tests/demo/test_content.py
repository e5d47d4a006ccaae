"""What the sample registry holds."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import httpx2
import pandas as pd
import pytest

from ghostnb import RegistryClient, run
from ghostnb.demo.filling import fill_demo, sample_releases
from ghostnb.oci import Descriptor, Digest, Index
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.demo.tags import digests_by_tag
from tests.parts.drift import drift_transport
from tests.parts.pushes import skopeo

API = "team/shop/api"


@pytest.fixture
def layout(filled: Path) -> LayoutRegistry:
    return LayoutRegistry(filled / "registry")


def test_there_is_enough_to_look_at(inventory: pd.DataFrame) -> None:
    tags = inventory[["repository", "tag"]].drop_duplicates()
    assert inventory.attrs["errors"] == []
    assert tags["repository"].nunique() >= 12
    assert len(tags) >= 60
    assert set(inventory["platform"].dropna()) == {"linux/amd64", "linux/arm64/v8"}


def test_it_is_modest_on_disk(filled: Path) -> None:
    stored = sum(file.stat().st_size for file in filled.rglob("*") if file.is_file())
    assert 10e6 < stored < 60e6


def test_versions_share_layers(inventory: pd.DataFrame) -> None:
    """Most of all bytes are stored once for several images; bases under other teams' images."""
    stored = inventory.drop_duplicates("digest")["size_bytes"].sum()
    assert stored < inventory["size_bytes"].sum() / 4
    base = inventory[(inventory["repository"] == "library/base") & (inventory["tag"] == "1.2")]
    users = inventory[inventory["digest"].isin(base["digest"])]["repository"].unique()
    assert {"library/python", API, "team/shop/web", "ml/trainer"} <= set(users)


def test_every_version_is_an_image_of_its_own(inventory: pd.DataFrame) -> None:
    """Only tags that move point to what another tag points to as well."""
    own = inventory[~inventory["tag"].isin(["latest", "3.12", "3.13"])]
    tags = own.groupby("image_digest", observed=True)["tag"].nunique()
    assert tags.max() == 1


def test_the_images_were_made_over_eighteen_months(demo: RegistryClient) -> None:
    created = pd.concat(
        run(demo.tags(name, details=True))["created"]
        for name in ("library/base", API, "team/shop/worker")
    )
    months = created.dt.strftime("%Y-%m").nunique()
    assert created.max() - created.min() > pd.Timedelta(days=480)
    assert months >= 12


@pytest.mark.parametrize("name", [f"{API}:1.0", f"{API}:2.4", "ml/notebook:latest"])
def test_history_tells_which_step_made_each_layer(demo: RegistryClient, name: str) -> None:
    history = run(demo.history(name))
    layers = run(demo.layers(name))
    with_layer = history[~history["empty_layer"]]
    assert history["empty_layer"].sum() >= 5
    assert list(with_layer["layer_digest"]) == list(layers["digest"])
    assert layers["created_by"].notna().all()
    assert (history.groupby("platform")["created"].diff().dropna() >= pd.Timedelta(0)).all()


def test_an_image_says_how_it_runs(demo: RegistryClient) -> None:
    image = run(demo.image(f"{API}:2.4", platform="linux/arm64"))
    assert image.platform == "linux/arm64/v8"
    assert image.entrypoint == ("python3", "-m", "api")
    assert image.cmd == ("--workers", "4")
    assert image.ports == ("8080/tcp",)
    assert "PYTHON_VERSION=3.13.9" in image.env
    assert image.labels["org.opencontainers.image.version"] == "2.4"


def test_buildkits_attestations_stand_in_an_index_and_are_no_platforms(
    demo: RegistryClient, layout: LayoutRegistry
) -> None:
    top = run(layout.manifest(API, "2.4"))
    assert isinstance(top, Index)
    proofs = [entry for entry in top.manifests if entry.is_attestation]
    assert [entry.annotations["vnd.docker.reference.digest"] for entry in proofs] == [
        image.digest for image in top.images
    ]
    statement = read_layer(layout, API, proofs[0].digest)
    assert statement["predicateType"] == "https://slsa.dev/provenance/v0.2"
    assert run(demo.image(f"{API}:2.4")).platforms == ("linux/amd64", "linux/arm64/v8")


def test_a_bill_of_materials_names_the_packages_that_are_in_the_image(
    layout: LayoutRegistry,
) -> None:
    sbom = referrer(layout, API, "application/spdx+json")
    document = read_layer(layout, API, sbom.digest)
    packages = {entry["name"]: entry["versionInfo"] for entry in document["packages"]}
    assert document["spdxVersion"] == "SPDX-2.3"
    assert packages["starlette"] == version("starlette")
    assert set(packages) == {"anyio", "click", "h11", "httpx2", "idna", "starlette", "uvicorn"}


def test_a_signature_has_cosigns_shape(layout: LayoutRegistry) -> None:
    found = referrer(layout, API, "application/vnd.dev.cosign.artifact.sig.v1+json")
    payload = read_layer(layout, API, found.digest)
    subject = run(layout.manifest(API, "latest")).digest
    assert payload["critical"]["image"]["docker-manifest-digest"] == subject
    manifest = run(layout.manifest(API, found.digest))
    assert len(manifest.layers[0].annotations["dev.cosignproject.cosign/signature"]) > 60


def test_a_chart_is_no_image_and_is_listed(demo: RegistryClient, layout: LayoutRegistry) -> None:
    tags = run(demo.tags("ops/charts/shop", details=True))
    assert list(tags["tag"]) == ["0.1.0", "0.2.0", "1.0.0"]
    assert tags["platforms"].isna().all()
    manifest = run(layout.manifest("ops/charts/shop", "1.0.0"))
    assert manifest.config.media_type == "application/vnd.cncf.helm.config.v1+json"


def test_drift_finds_bolts_profiles_on_their_shelf(layout: LayoutRegistry) -> None:
    async def listed() -> dict:
        async with httpx2.AsyncClient(transport=drift_transport(layout)) as client:
            return (await client.get("http://localhost:5000/v1/profiles")).json()

    answer = run(listed())
    versions = {entry["name"]: entry["version"] for entry in answer["results"]}
    assert versions == {"low-latency": "1.1.0", "quiet-evening": "0.3.0"}


def test_garbage_collection_finds_what_was_left_over_and_nothing_else(
    layout: LayoutRegistry,
) -> None:
    assert run(layout.collect_garbage(dry_run=True, grace_seconds=0)).blobs_deleted == 0
    found = run(layout.collect_garbage(dry_run=True, untagged=True, grace_seconds=0))
    assert found.orphaned_manifests_found == 1
    # Its config, and the one layer that no other image has.
    assert found.orphaned_blobs_found == 2
    assert found.bytes_freed > 10_000


def test_digests_are_the_same_each_time(filled: Path) -> None:
    """Another filling, into memory, gives every tag and referrer the same digest."""
    memory = MemoryRegistry()
    run(fill_demo(memory))
    expected = digests_by_tag(LayoutRegistry(filled / "registry"))
    assert len(expected) >= 60
    assert digests_by_tag(memory) == expected


def test_skopeo_copies_an_index_and_a_chart(filled: Path, tmp_path: Path) -> None:
    for name in (f"{API}:2.4", "ops/charts/shop:1.0.0"):
        target = tmp_path / name.replace("/", "_")
        skopeo("copy", "-q", "--all", f"oci:{filled / 'registry'}:{name}", f"dir:{target}")
        assert (target / "manifest.json").exists()


def test_no_release_stands_twice() -> None:
    names = [(one.repository, tag) for one in sample_releases() for tag in one.tags]
    assert len(names) == len(set(names))


def referrer(layout: LayoutRegistry, repository: str, kind: str) -> Descriptor:
    """Find the one thing of a type that is attached to what is latest."""
    subject = run(layout.manifest(repository, "latest")).digest
    found = run(layout.referrers(repository, subject))
    (one,) = (entry for entry in found if entry.artifact_type == kind)
    return one


def read_layer(layout: LayoutRegistry, repository: str, digest: Digest) -> dict:
    """Read the first layer of an artifact as JSON."""
    manifest = run(layout.manifest(repository, digest))
    return json.loads(run(layout.blob(repository, manifest.layers[0])))
