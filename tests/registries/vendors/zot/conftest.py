"""zot, replayed."""

from __future__ import annotations

import pytest

from tests.registries.vendors.zot.replay import ZotReplay


@pytest.fixture
def zot() -> ZotReplay:
    return ZotReplay()
