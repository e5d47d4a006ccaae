"""What a vendor says is stored, and what it offers."""

from __future__ import annotations

import pytest

from ghostnb import RegistryClient, RegistryConfig, UnsupportedError, run
from tests.registries.vendors.harbor.replay import HarborReplay
from tests.registries.vendors.harbor.runs import URL, as_user


def harbor(**options: str) -> RegistryClient:
    config = RegistryConfig("harbor", URL, kind="harbor", **as_user(), **options)
    return RegistryClient(config, transport=HarborReplay())


@pytest.mark.parametrize(
    ("configured", "asked", "namespaces"),
    [
        ({}, {}, ["hubcache", "library", "team"]),
        ({"namespace": "team"}, {}, ["team"]),
        ({"namespace": "team"}, {"namespace": "library"}, ["library"]),
    ],
)
def test_usage_is_a_frame_with_a_row_a_namespace(configured, asked, namespaces):
    found = run(harbor(**configured).usage(**asked))

    assert sorted(found["namespace"]) == sorted(namespaces)
    assert set(found["registry"]) == {"harbor"}
    assert found.dtypes["stored_bytes"] == "Int64"


def test_what_is_no_service_tells_no_usage(tmp_path):
    client = RegistryClient(f"oci:{tmp_path}/images")

    with pytest.raises(UnsupportedError, match="inventory"):
        run(client.usage())
    assert client.offers == ()


def test_a_namespace_that_is_none_is_a_mistake():
    with pytest.raises(TypeError, match="library"):
        run(harbor().usage(namespace=5))


def test_what_a_vendor_offers_is_known_by_its_kind():
    assert "usage" in harbor().offers
