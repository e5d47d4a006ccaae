"""How zot is recognised: by the answer to a ping, which any registry is asked once."""

from __future__ import annotations

import pytest

from ghostnb.registries.vendors import KINDS
from ghostnb.registries.vendors.zot import Zot
from tests.registries.vendors.zot.replay import HOST, answer
from tests.registries.vendors.zot.runs import URL, listed, run


async def kind_of(registry):
    await registry.ping()
    return registry.kind


def test_it_is_recognised_by_what_its_own_page_may_send(zot):
    assert run(zot, kind_of) == "zot"
    assert zot.asked[0] == f"GET {URL}/v2/"


def test_a_minimal_build_is_recognised_as_well(zot):
    zot.extension = False
    assert run(zot, kind_of) == "zot"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"access-control-allow-headers": "Authorization,content-type"},
        {"access-control-allow-headers": "X-ZOT-API-CLIENT-2"},
        {"server": "zot"},
    ],
)
def test_what_says_less_is_not_zot(zot, headers):
    zot.planned[f"{HOST}/v2/"] = [answer(200, {}, headers)]

    assert run(zot, kind_of) == "distribution"


def test_its_header_may_be_written_in_any_case(zot):
    headers = {"access-control-allow-headers": "content-type, x-Zot-Api-Client"}
    zot.planned[f"{HOST}/v2/"] = [answer(200, {}, headers)]

    assert run(zot, kind_of) == "zot"


@pytest.mark.parametrize("host", ["zotregistry.dev", "zot.example.com", "zot"])
def test_no_host_is_zots_by_its_name(host):
    assert not Zot.is_at(host)


def test_it_can_be_configured_where_a_proxy_takes_its_header_away(zot):
    zot.planned[f"{HOST}/v2/"] = [answer(200, {})]

    found = run(zot, listed("tag_details", "team/app"), kind="zot")

    assert found[0].size_bytes == 29_000_000 + 1_200_000
    assert "zot" in KINDS
