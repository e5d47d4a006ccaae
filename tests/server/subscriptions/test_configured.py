"""Subscriptions that a configuration names."""

import pytest

from ghostnb.errors import ConfigError
from ghostnb.server.subscriptions import Subscriptions, TooManySubscriptionsError
from tests.parts.faults import faulty_server
from tests.parts.replies import reply
from tests.server.subscriptions.receiving import PUSH, SECRET, quick, running, settled, verified

URL = "https://hooks.example/x"


def test_what_is_configured_is_there():
    hooks = Subscriptions.from_config(
        [
            {"url": URL, "secret": SECRET, "actions": ["push"], "registries": ["team"]},
            {"url": "http://10.0.0.1/", "secret": SECRET},
        ]
    )
    first, second = hooks.list()

    assert (first.url, first.actions, first.registries) == (URL, {"push"}, {"team"})
    assert (second.url, second.actions, second.registries) == ("http://10.0.0.1/", set(), set())
    assert (first.secret, second.secret) == (None, None)


def test_nothing_configured_is_nothing():
    assert Subscriptions.from_config([]).list() == ()


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_secret_of_the_environment_signs(monkeypatch, end):
    monkeypatch.setenv("HOOK_SECRET", SECRET + end)

    async def scenario(_):
        entry = {"url": server.url, "secret": "env:HOOK_SECRET"}
        hooks = Subscriptions.from_config([entry], allow_internal=True, limits=quick())
        hooks.offer(PUSH)
        await settled(hooks, hooks.list()[0].id)
        await hooks.close()

    with faulty_server({"/": reply()}) as server:
        running(scenario)
    assert verified(server.requests[0])["data"]["id"] == "1"


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        ("https://hooks.example", "It must be a table with url, secret, actions, registries"),
        ({"secret": SECRET}, "It has no url"),
        ({"url": URL}, "It has no secret"),
        ({"url": URL, "secret": ""}, "It has no secret"),
        ({"url": URL, "secret": SECRET, "action": []}, "It has the key 'action'. Known are url"),
        ({"url": URL, "secret": "env:ABSENT"}, "variable ABSENT, which is not set. Set ABSENT"),
        ({"url": URL, "secret": "nb-s3cret"}, "secret must be whsec_"),
        ({"url": URL, "secret": 5}, "secret must be whsec_"),
        ({"url": "https://me:nb-s3cret@a/", "secret": SECRET}, "holds a user name"),
        ({"url": "http://localhost/", "secret": SECRET}, "leads to this machine"),
        ({"url": URL, "secret": SECRET, "actions": "push"}, "actions .* must be a list of names"),
    ],
)
def test_a_mistake_is_told_with_the_entrys_number(entry, why):
    good = {"url": URL, "secret": SECRET}
    with pytest.raises(ConfigError, match=f"^Webhook 2 of the configuration: .*{why}") as caught:
        Subscriptions.from_config([good, entry])

    assert "nb-s3cret" not in str(caught.value)


@pytest.mark.parametrize("entries", [None, {"url": URL}, "x"])
def test_what_is_no_list_is_told(entries):
    with pytest.raises(ConfigError, match="webhooks must be a list"):
        Subscriptions.from_config(entries)


def test_too_many_are_told():
    with pytest.raises(TooManySubscriptionsError):
        Subscriptions.from_config([{"url": URL, "secret": SECRET}] * 51)
