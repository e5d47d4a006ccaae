"""How vendors are recognised, what that costs, and who deletes: the vendor or the registry."""

from __future__ import annotations

import asyncio
import warnings

import pytest

from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    NotFoundError,
    RejectedError,
    ServerError,
    UnauthorizedError,
)
from ghostnb.oci import Digest
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.vendors import KINDS, check_kind, offers_of
from ghostnb.registries.vendors.known import VENDORS
from ghostnb.registries.vendors.plain import Needs
from tests.registries.vendors.acme import (
    HOST,
    IMAGES,
    PING,
    URL,
    all_lists,
    kind_of,
    run,
)
from tests.registries.vendors.replaying import answer
from tests.registries.vendors.runs import listed
from tests.scripts import run_script


def test_an_unknown_host_is_asked_once_who_it_is_and_never_again(registry):
    run(registry, all_lists)

    assert registry.asked[0] == PING
    assert registry.asked.count(PING) == 1


def test_a_plain_registry_stays_one_and_costs_no_more_than_that(registry):
    async def work(one):
        await all_lists(one)
        return one.kind

    assert run(registry, work) == "distribution"
    # What is asked for at once may come in any order.
    plain = sorted(line for line in registry.asked if line != PING)
    registry.asked.clear()
    run(registry, work, kind="distribution")

    assert sorted(registry.asked) == plain


def test_names_alone_are_nobodys_own(registry, acme):
    assert run(registry, listed("tags", "team/app")) == ["1", "2", "3"]
    assert registry.asked == [f"GET {URL}/v2/team/app/tags/list?n=1000"]


def test_one_ping_is_enough_for_many_who_ask_at_once(registry, acme):
    async def work(one):
        await asyncio.gather(*(listed("repositories")(one) for _ in range(5)))

    run(registry, work)

    assert registry.asked == [PING]
    assert acme.calls == ["repositories"] * 5


def test_a_registry_is_recognised_by_its_headers(registry, acme):
    assert run(registry, kind_of) == "acme"


def test_a_registry_is_recognised_by_what_it_asks_for(registry, acme):
    challenge = {"www-authenticate": 'Bearer realm="https://registry.example.com/t",service="acme"'}
    registry.headers = {}
    registry.planned[f"{HOST}/v2/"] = [answer(401, {}, challenge)]
    registry.planned[f"{HOST}/t"] = [answer(401, {})]
    registry.hosts[HOST] = lambda request, path: (
        answer(401) if path == "/t" else registry._answer(request, path)
    )
    acme.given = ("one",)

    assert [one.repository for one in run(registry, listed("repositories"))] == ["one"]


@pytest.mark.parametrize("server", ["drift/1.2", "Drift"])
def test_drift_is_recognised_by_its_header(registry, server):
    registry.headers = {"server": server}

    assert run(registry, kind_of) == "drift"


@pytest.mark.parametrize("server", ["", "nginx", "driftwood/1", "not drift/1"])
def test_what_is_called_otherwise_is_no_drift(registry, server):
    registry.headers = {"server": server}

    assert run(registry, kind_of) == "distribution"


@pytest.mark.parametrize("kind", ["distribution", "docker-hub", "zot"])
def test_a_configured_kind_is_never_changed_by_an_answer(registry, acme, kind):
    async def work(one):
        await one._acquaintance.meet()
        await one._acquaintance.introduced()
        return one.kind

    for registry.headers in ({"x-registry": "acme"}, {"server": "drift/1"}):
        assert run(registry, work, kind=kind) == kind
    assert acme.calls == []


def test_a_configured_kind_is_not_asked_for(registry, acme):
    registry.headers, acme.given = {}, ("one",)

    assert len(run(registry, listed("repositories"), kind="acme")) == 1
    assert registry.asked == []


def test_a_registry_that_refuses_its_ping_is_not_asked_again(registry):
    registry.planned[f"{HOST}/v2/"] = [answer(404) for _ in range(9)]

    run(registry, all_lists)

    assert registry.asked.count(PING) == 1


@pytest.mark.parametrize("realm", ["basic realm=", "Basic realm=zot", 'Basic realm="x"'])
def test_who_is_let_in_as_everybody_and_has_a_password_is_asked_for_it(registry, realm):
    registry.headers = {"www-authenticate": realm}
    seen: list[str | None] = []
    plain = registry._answer

    def answers(request, path):
        seen.append(request.headers.get("authorization"))
        return plain(request, path)

    registry.hosts[HOST] = answers

    async def work(one):
        ping = await one.ping()
        await listed("repositories")(one)
        return ping.authenticated

    assert run(registry, work, username="ada", password="s3cret")
    assert seen[0] is None
    assert all(seen[1:])
    # The trial, and the catalog.
    assert len(seen) == 3
    seen.clear()
    assert not run(registry, work)
    assert seen == [None, None]


def deleting_tag(tag: str = "1"):
    async def work(one):
        await one.delete_tag("team/app", tag)

    return work


def deleting_manifest():
    async def work(one):
        await one.delete_manifest("team/app", Digest(IMAGES["1"].digest))

    return work


DELETIONS = [
    (deleting_tag(), "1", "delete team/app:1"),
    (deleting_manifest(), IMAGES["1"].digest, f"delete team/app@{IMAGES['1'].digest}"),
]


@pytest.mark.parametrize(("work", "locator", "call"), DELETIONS)
def test_the_vendor_deletes_first(registry, acme, work, locator, call):
    run(registry, work)

    assert acme.calls == [call]
    assert registry.count("DELETE") == 0


@pytest.mark.parametrize(("work", "locator", "call"), DELETIONS)
def test_what_the_vendor_does_not_offer_the_registry_deletes(registry, acme, work, locator, call):
    acme.deletes = False

    run(registry, work)

    assert acme.calls == [call]
    assert [line for line in registry.asked if line.startswith("DELETE")] == [
        f"DELETE {URL}/v2/team/app/manifests/{locator}"
    ]


@pytest.mark.parametrize("error", [ForbiddenError("no"), NotFoundError("no"), ServerError("no")])
@pytest.mark.parametrize(("work", "locator", "call"), DELETIONS)
def test_after_another_refusal_the_registry_is_asked(registry, acme, work, locator, call, error):
    acme.error = error

    run(registry, work)

    assert registry.count(f"DELETE {URL}/v2/team/app/manifests/{locator}") == 1


@pytest.mark.parametrize(("work", "locator", "call"), DELETIONS)
def test_a_rule_of_the_vendors_is_final(registry, acme, work, locator, call):
    acme.error = RejectedError("a rule makes it immutable", status=412)

    with pytest.raises(RejectedError, match=r"immutable.*change the rule"):
        run(registry, work)

    assert registry.count("DELETE") == 0


def test_no_stand_in_gets_around_a_rule_of_the_vendors(registry, acme, monkeypatch):
    """Manifests may be deleted, so that one could be put in the tag's place and go with it."""

    async def delete_manifest(self, repository, digest):
        return True

    monkeypatch.setattr(acme, "delete_manifest", delete_manifest)
    acme.error = RejectedError("a rule makes it immutable", status=400)

    with pytest.raises(RejectedError, match="immutable"):
        run(registry, deleting_tag())

    assert all(line.startswith("GET") for line in registry.asked)


def test_what_the_vendor_does_not_fall_back_on_is_final(registry, acme):
    acme.falls_back_on, acme.error = (), ForbiddenError("no")

    with pytest.raises(ForbiddenError):
        run(registry, deleting_manifest())

    assert registry.count("DELETE") == 0


def test_nothing_is_warned_of_where_all_is_well(registry, acme):
    acme.given = ("1",)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(registry, all_lists)
        run(registry, deleting_tag())


def test_every_kind_that_can_be_configured_is_a_vendor():
    assert KINDS == ("auto", *VENDORS)


def test_importing_the_package_loads_no_vendor():
    script = "import sys, ghostnb; print([one for one in sys.modules if 'vendors.known' in one])"
    assert run_script(script) == "[]\n"


def test_behind_an_agent_a_kind_offers_what_the_agent_passes_on():
    assert offers_of("harbor")[-2:] == ("tag deletion", "usage")
    assert offers_of("agent:harbor") == offers_of("harbor")
    # It reads by manifests what it would know by digests, and keeps no profiles.
    assert "tag digests" in offers_of("ghcr")
    assert offers_of("agent:ghcr") == ("repositories", "tag deletion")
    assert offers_of("drift") == ("Bolt",)
    assert offers_of("agent:drift") == ()
    assert offers_of("agent") == offers_of("layout") == ()


def test_a_configured_kind_that_nothing_speaks_for_is_doubted(registry, acme):
    async def doubt(opened):
        return (await opened.ping()).doubt

    assert run(registry, doubt, kind="acme") == run(registry, doubt) == ""
    registry.headers = {}
    assert "says that it is Acme: is the kind right?" in run(registry, doubt, kind="acme")
    assert run(registry, doubt) == run(registry, doubt, kind="distribution") == ""


def test_a_refused_login_says_what_this_vendor_takes(registry, acme, monkeypatch):
    needs = Needs(URL, password="An Acme token.", documents="https://acme.example/tokens")
    monkeypatch.setattr(acme, "needs", needs)
    registry.planned[f"{HOST}/v2/"] = [answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})]

    with pytest.raises(UnauthorizedError) as raised:
        run(registry, kind_of, kind="acme", username="me", password="wr0ng")

    assert raised.value.hint == ("Acme takes: An Acme token. How to: https://acme.example/tokens")


def test_a_kind_that_is_misspelt_is_told_the_nearest():
    config = RegistryConfig("mine", URL, kind="Habor")
    with pytest.raises(ConfigError, match="'Habor' of mine is not known") as raised:
        check_kind(config)

    assert raised.value.hint.startswith("Did you mean 'harbor'? Kinds are: auto, ")
