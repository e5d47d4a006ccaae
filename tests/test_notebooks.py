"""Each notebook, run by its own kernel on a real registry."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.parts.drift import RunningDrift
from tests.parts.images import Settings, Step, image
from tests.parts.layers import layer_of
from tests.parts.pushes import skopeo, write_layout
from tests.parts.registries import RunningRegistry, docker_registry

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
IMAGES = (
    *("library/base:1.0", "library/base:1.3", "library/python:3.12"),
    *("team/shop/api:1.0", "team/shop/api:1.1"),
)
ALL = {path.name for path in NOTEBOOKS.glob("*.ipynb")}
# What each says of the demo; of sizes only what holds with every Python that it is made of.
SAID = {
    "layer-economics.ipynb": (
        r"Tags: \d\d\. Their images list .*So sharing saves [89]\d%\.",
        r"ml/notebook bears most: .*without it, \d\.\d MB would be free",
        r"ml/notebook and ml/trainer have \d\d\.\d MB in common",
        r"From 2025-05-01 to 2026-10-01 it grew to",
    ),
    "cleanup-what-if.ipynb": (
        r"Tags that go: 19\. Their sizes promise \d\d\.\d MB\. Freed are \d\.\d MB",
        r"keep the newest 1 +65 ",
        r"the same layers again +\d+\.\d MB",
        r"does not list manifests without a tag",
    ),
    "compare-images.ipynb": (
        r"team/shop/api:1\.3 to team/shop/api:1\.4: \+",
        r"config.Env.PYTHON_VERSION +3\.12\.4",
        r"For less than 1 kB of files in each: 2, which are 1\.\d MB",
        r"python +httpx2 +added",
    ),
    "lineage.ipynb": (
        r"Images: 10\d\. Of these stand on another one: 92",
        r"stand on library/base: 92\. In use: 17, in repositories: 11\.",
        r"library/python:3\.12 \(linux/amd64\) stands on library/base:1\.3, 127 days older than",
        r"Behind and in use: 2 of 17\. Behind and not in use: 75;",
    ),
}


@pytest.fixture(scope="module")
def some_images(demo_drift: RunningDrift) -> Iterator[RunningRegistry]:
    """Fill a docker-registry with some of the demo's images, by skopeo."""
    with docker_registry() as running:
        for name in IMAGES:
            source, target = f"oci:{demo_drift.root}:{name}", f"docker://{running.host}/{name}"
            skopeo("copy", "-q", "--all", "--dest-tls-verify=false", source, target)
        yield running


@pytest.mark.parametrize("notebook", sorted(ALL - SAID.keys()))
def test_notebook(notebook: str, some_images: RunningRegistry, tmp_path: Path, home: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:xdist"]
    result = subprocess.run(
        [*command, "--rootdir", str(home), str(NOTEBOOKS / notebook)],
        env={**os.environ, "GHOSTNB_CONFIG": str(configuration(tmp_path, some_images.url))},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert result.returncode == 0, result.stdout[-3000:]


@pytest.mark.parametrize("notebook", SAID)
def test_it_comes_out_on_docker_registry(
    notebook: str, some_images: RunningRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GHOSTNB_CONFIG", str(configuration(tmp_path, some_images.url)))
    said, pictures = shown(notebook, tmp_path)
    assert "team/shop/api" in said
    assert pictures


@pytest.mark.parametrize("notebook", SAID)
def test_what_it_says_of_the_demo(
    notebook: str, demo_drift: RunningDrift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GHOSTNB_CONFIG", str(configuration(tmp_path, demo_drift.url)))
    said, pictures = shown(notebook, tmp_path)
    for pattern in SAID[notebook]:
        assert re.search(pattern, said), f"{pattern}: {said}"
    assert pictures


@pytest.mark.parametrize("notebook", SAID)
def test_it_comes_out_where_there_is_little(
    notebook: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One repository, no common base, and nobody knows when anything was made."""
    images = {f"own/app:{tag}": undated(tag) for tag in ("1", "2")}
    layout = write_layout(tmp_path / "layout", images)
    monkeypatch.setenv("GHOSTNB_CONFIG", str(configuration(tmp_path, f"oci:{layout}")))
    said, pictures = shown(notebook, tmp_path)
    assert "own/app" in said
    assert "nan" not in said.lower()
    assert pictures


def test_no_notebook_holds_a_password_or_a_path_of_a_machine() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        for forbidden in ("/home/", "/root/", "/tmp/", "Bearer "):
            assert forbidden not in text, f"{path.name}: {forbidden}"


@pytest.mark.parametrize("notebook", SAID)
def test_a_story_is_kept_as_if_never_run(notebook: str) -> None:
    """What it would show is one machine's; it begins with a question, and says what to do."""
    cells = nbformat.read(NOTEBOOKS / notebook, as_version=4).cells
    ran = [one for one in cells if one.get("outputs") or one.get("execution_count")]
    assert ran == []
    assert re.match(r"# .*\?\n", cells[0].source)
    assert cells[-1].source.startswith("**What to do next:**")


def configuration(folder: Path, url: str) -> Path:
    config = folder / "registries.toml"
    config.write_text(f'[[registries]]\nname = "local-drift"\nurl = "{url}"\n')
    return config


def undated(seed: str):
    steps = [Step(f"RUN make {seed}", layer_of(seed), created="")]
    return image(steps, Settings(created=None))


def shown(notebook: str, folder: Path) -> tuple[str, list[str]]:
    """Run a notebook; give what it says, and its pictures. A warning is a failure."""
    document = nbformat.read(NOTEBOOKS / notebook, as_version=4)
    # A cell that takes a minute hangs.
    client = NotebookClient(document, timeout=60, resources={"metadata": {"path": str(folder)}})
    client.execute()
    outputs = [one for cell in document.cells for one in cell.get("outputs", ())]
    assert [one.text for one in outputs if one.get("name") == "stderr"] == []
    bundles = [one.data for one in outputs if "data" in one]
    texts = [one.text for one in outputs if one.output_type == "stream"]
    texts += [bundle["text/plain"] for bundle in bundles]
    return "\n".join(texts), [one["image/svg+xml"] for one in bundles if "image/svg+xml" in one]
