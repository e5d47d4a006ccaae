"""Each notebook, run by its own kernel on a real registry."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ghostnb import run
from ghostnb.demo import prepare_demo
from tests.parts.pushes import skopeo
from tests.parts.registries import RunningRegistry

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
IMAGES = ("library/base:1.0", "library/python:3.12", "team/shop/api:1.0", "team/shop/api:1.1")


@pytest.fixture
def demo_registry(fresh_registry: RunningRegistry, tmp_path: Path) -> RunningRegistry:
    """Fill a docker-registry with some of the demo's images, by skopeo."""
    run(prepare_demo(tmp_path))
    for name in IMAGES:
        source = f"oci:{tmp_path / 'registry'}:{name}"
        target = f"docker://{fresh_registry.host}/{name}"
        skopeo("copy", "-q", "--all", "--dest-tls-verify=false", source, target)
    return fresh_registry


@pytest.mark.parametrize("notebook", sorted(path.name for path in NOTEBOOKS.glob("*.ipynb")))
def test_notebook(
    notebook: str, demo_registry: RunningRegistry, tmp_path: Path, home: Path
) -> None:
    config = tmp_path / "registries.toml"
    config.write_text(f'[[registries]]\nname = "local-drift"\nurl = "{demo_registry.url}"\n')
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "-q", "-p", "no:xdist"]
    result = subprocess.run(
        [*command, "--rootdir", str(home), str(NOTEBOOKS / notebook)],
        env={**os.environ, "GHOSTNB_CONFIG": str(config)},
        capture_output=True,
        text=True,
        timeout=150,
    )
    assert result.returncode == 0, result.stdout[-3000:]


def test_no_notebook_holds_a_password_or_a_path_of_a_machine() -> None:
    for path in NOTEBOOKS.glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        for forbidden in ("/home/", "/root/", "/tmp/", "Bearer "):
            assert forbidden not in text, f"{path.name}: {forbidden}"
