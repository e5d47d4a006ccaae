"""A registry of a vendor that is none."""

from __future__ import annotations

import pytest

from ghostnb.registries import vendors
from ghostnb.registries.vendors.known import VENDORS
from tests.registries.vendors.acme import Acme, PlainReplay


@pytest.fixture
def registry() -> PlainReplay:
    return PlainReplay()


@pytest.fixture
def acme(registry, monkeypatch) -> type[Acme]:
    """Let there be Acme, and let it be whose registry this is."""

    class Own(Acme):
        calls: list[str] = []  # noqa: RUF012 - one list for one test

    monkeypatch.setitem(VENDORS, "acme", Own)
    monkeypatch.setattr(vendors, "KINDS", (*vendors.KINDS, "acme"))
    registry.headers = {"x-registry": "acme"}
    return Own
