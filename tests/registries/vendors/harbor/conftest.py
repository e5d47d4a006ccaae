"""Harbor, replayed."""

from __future__ import annotations

import pytest

from tests.registries.vendors.harbor.replay import HarborReplay


@pytest.fixture
def harbor() -> HarborReplay:
    return HarborReplay()
