"""GitHub's services, replayed."""

from __future__ import annotations

import pytest

from tests.registries.vendors.ghcr.replay import GHCRReplay


@pytest.fixture
def github() -> GHCRReplay:
    return GHCRReplay()
