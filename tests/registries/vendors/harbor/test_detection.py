"""What makes a registry a Harbor: its challenge, at any host."""

from __future__ import annotations

import pytest

from ghostnb.errors import InvalidReferenceError
from ghostnb.registries.vendors import offers_of
from ghostnb.registries.vendors.harbor import Harbor
from ghostnb.registries.vendors.known import VENDORS
from ghostnb.wire.challenges import parse_challenges
from tests.registries.vendors.harbor.replay import CHALLENGE, REPLIES, HarborReplay
from tests.registries.vendors.harbor.runs import as_user, listed, run, run_known


@pytest.mark.parametrize("host", ["harbor.example.com", "images.example.org:8443", "10.1.2.3"])
@pytest.mark.parametrize("options", [{}, as_user(), as_user("robot$team+ci")])
def test_a_harbor_is_recognised_at_any_host(host, options):
    harbor = HarborReplay(host)
    # The realm has Harbor's own external address; the token server must be known by name.
    harbor.hosts["harbor.example.com"] = harbor.hosts[host]
    options = options | ({"token_host": "harbor.example.com"} if options else {})

    async def work(registry):
        return await registry.ping(), registry.kind

    ping, kind = run(harbor, work, url=f"https://{host}", **options)

    assert (ping.kind, kind) == ("harbor", "harbor")
    assert ping.authenticated == bool(options)
    assert set(ping.offers) == {
        "repositories",
        "tag details",
        "search",
        "tag deletion",
        "usage",
    }


def test_lists_alone_recognise_it_too(harbor):
    assert len(run(harbor, listed("tag_details", "team/base/python"), **as_user())) == 4
    assert harbor.count("GET https://harbor.example.com/v2/team") == 0


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer realm="https://harbor.example.com/service/token",service="harbor-registry-2"',
        'Bearer realm="https://harbor.example.com/service/token",service="harbor.example.com"',
        'Bearer realm="https://harbor-registry/token",service="registry"',
        'Basic realm="harbor-registry"',
        'Basic realm="harbor"',
        "",
    ],
)
def test_what_only_looks_like_it_is_not(challenge):
    assert not Harbor.has_answered({}, parse_challenges(challenge))
    assert Harbor.has_answered({}, parse_challenges(CHALLENGE))


@pytest.mark.parametrize("host", ["harbor.example.com", "demo.goharbor.io", "harbor"])
def test_no_host_makes_a_harbor(host):
    assert not Harbor.is_at(host)


def test_it_is_no_other_vendors():
    headers, challenges = {"content-type": "application/json"}, parse_challenges(CHALLENGE)
    found = [one for one in VENDORS.values() if one.has_answered(headers, challenges)]

    assert found == [Harbor]
    assert VENDORS["harbor"] is Harbor
    assert "usage" in offers_of("harbor")


@pytest.mark.parametrize("method", ["tags", "tag_details"])
def test_a_name_without_a_project_is_none(harbor, method):
    with pytest.raises(InvalidReferenceError, match="library/nginx"):
        run_known(harbor, listed(method, "nginx"))

    assert harbor.asked == []


def test_every_reply_names_its_source():
    lines = (REPLIES / "README.md").read_text(encoding="utf-8").splitlines()
    named = [line.split("`")[1] for line in lines if line.startswith("| `")]
    files = [path.name for path in REPLIES.glob("*.json")]

    assert files
    assert sorted(named) == sorted(files)
