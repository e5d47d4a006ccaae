"""Quay, replayed."""

from __future__ import annotations

import pytest

from tests.registries.vendors.quay.replay import QuayReplay


@pytest.fixture
def quay() -> QuayReplay:
    return QuayReplay()
