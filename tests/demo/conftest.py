"""The sample registry, filled once for all tests that only read it."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ghostnb import RegistryClient, run
from ghostnb.demo import prepare_demo


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a demo's directory, and give it."""
    root = tmp_path_factory.mktemp("demo")
    run(prepare_demo(root))
    return root


@pytest.fixture
def demo(filled: Path) -> RegistryClient:
    """Look at the sample registry on disk."""
    return RegistryClient(f"oci:{filled / 'registry'}")


@pytest.fixture(scope="session")
def inventory(filled: Path) -> pd.DataFrame:
    return run(RegistryClient(f"oci:{filled / 'registry'}").inventory(progress=False))
