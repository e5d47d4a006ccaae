"""Adding, listing, removing; what waits; the end."""

import asyncio
import logging
import re
import time
from datetime import UTC, datetime, timedelta

import pytest

from ghostnb.errors import ConfigError
from ghostnb.server.subscriptions import (
    DeliveryState,
    Limits,
    Subscriptions,
    TooManySubscriptionsError,
)
from ghostnb.server.subscriptions.signing import decode_secret
from ghostnb.wire.events import Event
from ghostnb.wire.retries import RetryPolicy
from tests.parts.faults import faulty_server
from tests.parts.replies import hang, reply, too_many
from tests.server.subscriptions.receiving import (
    PUSH,
    SECRET,
    ids,
    pushes,
    quick,
    resolver,
    running,
    settled,
)
from tests.serving import until

URL = "https://hooks.example/x"
PATIENT = RetryPolicy(total_seconds=7200, max_attempts=8, first_wait_seconds=30)


def test_a_subscription_is_added_listed_and_removed():
    hooks = Subscriptions()
    first = hooks.add(URL, actions=["push", "delete"], registries=["team"])
    second = hooks.add("http://10.0.0.1:8080/")

    assert first.actions == {"push", "delete"}
    assert first.registries == {"team"}
    assert first.id != second.id
    assert hooks.list() == (first, second)
    assert hooks.state(first.id) == DeliveryState(0, 0, 0, 0, "", False)
    assert hooks.remove(first.id)
    assert not hooks.remove(first.id)
    assert hooks.list() == (second,)
    assert hooks.state(first.id) is None


def test_when_it_was_added_is_kept():
    created = datetime.fromisoformat(Subscriptions().add(URL).created)

    assert abs(datetime.now(UTC) - created) < timedelta(minutes=1)


def test_a_secret_that_is_made_is_given_once():
    hooks = Subscriptions()
    added = hooks.add(URL)

    assert len(decode_secret(added.secret)) == 32
    assert hooks.list()[0].secret is None
    assert hooks.add(URL, SECRET).secret is None


def test_a_secret_is_in_no_repr():
    hooks = Subscriptions()
    added = hooks.add(f"{URL}?token=nb-s3cret", SECRET)
    made = hooks.add(URL)

    shown = repr((hooks, added, made, hooks.list(), vars(hooks)))
    assert SECRET.removeprefix("whsec_") not in shown
    assert made.secret.removeprefix("whsec_") not in shown
    assert "nb-s3cret" not in shown
    assert added.url == f"{URL}?token=…"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"url": "http://127.1/"}, "leads to this machine"),
        ({"url": URL, "secret": "short"}, "secret must be whsec_"),
        ({"url": URL, "secret": ""}, "secret must be whsec_"),
        ({"url": URL, "actions": "push"}, "actions of a webhook must be a list of names"),
        ({"url": URL, "actions": [1]}, "actions of a webhook must be a list of names"),
        ({"url": URL, "actions": None}, "actions of a webhook must be a list of names"),
        ({"url": URL, "actions": [""]}, "actions of a webhook must be a list of names"),
        ({"url": URL, "actions": ["x" * 200]}, "actions of a webhook must be a list of names"),
        ({"url": URL, "registries": {"a": 1}}, "registries of a webhook must be a list of names"),
        ({"url": URL, "registries": ["a b"]}, "registries of a webhook must be a list of names"),
        ({"url": URL, "registries": ["a"] * 101}, "has 101 registries; 100 are allowed"),
    ],
)
def test_what_cannot_be_right_is_refused_and_leaves_nothing(arguments, why):
    hooks = Subscriptions()
    with pytest.raises(ConfigError, match=why):
        hooks.add(**arguments)

    assert hooks.list() == ()


def test_there_are_at_most_as_many_as_allowed():
    hooks = Subscriptions()
    added = [hooks.add(URL) for _ in range(50)]
    with pytest.raises(TooManySubscriptionsError, match="There are 50 webhooks"):
        hooks.add(URL)
    hooks.remove(added[0].id)
    hooks.add(URL)

    assert len(hooks.list()) == 50


def test_everybody_gets_what_they_want_and_nothing_else():
    events = [
        Event("1", "t", "agent", "push", "team"),
        Event("2", "t", "agent", "delete", "team"),
        Event("3", "t", "agent", "push", "other"),
        Event("4", "t", "agent", "push"),
    ]

    async def scenario(hooks):
        wanted = {
            "/all": {},
            "/push": {"actions": ["push"]},
            "/team": {"registries": ["team"]},
            "/both": {"actions": ["delete", "scan"], "registries": ["team"]},
            "/none": {"registries": ["absent"]},
        }
        added = [hooks.add(server.url + path, **limits) for path, limits in wanted.items()]
        for event in events:
            hooks.offer(event)
        for one in added:
            await settled(hooks, one.id)
        found = {path: "".join(ids(server.seen(path))) for path in wanted}
        assert found == {"/all": "1234", "/push": "134", "/team": "12", "/both": "2", "/none": ""}

    with faulty_server({"/*": reply()}) as server:
        running(scenario)


def test_the_oldest_that_waits_is_dropped_and_counted():
    async def scenario(hooks):
        added = hooks.add(server.url, SECRET)
        first, *others = pushes(10)
        hooks.offer(first)
        await until(lambda: server.count() == 1)
        for event in others:
            hooks.offer(event)
        state = hooks.state(added.id)
        assert (state.waiting, state.dropped) == (5, 5)
        server.routes["/"] = reply()
        state = await settled(hooks, added.id)
        # The one under way is not dropped for those that came later.
        assert ids(server.requests)[-5:] == ["0", "6", "7", "8", "9"]
        assert (state.delivered, state.dropped) == (5, 5)

    with faulty_server({"/": hang()}) as server:
        running(scenario, limits=quick(waiting=4, timeout_seconds=0.3))


def test_a_slow_receiver_keeps_nobody_else_waiting():
    async def scenario(hooks):
        slow = hooks.add(f"{server.url}/slow", SECRET)
        other = hooks.add(f"{server.url}/other", SECRET)
        for event in pushes(20):
            hooks.offer(event)
        assert (await settled(hooks, other.id)).delivered == 20
        assert hooks.state(slow.id).waiting == 20

    with faulty_server({"/slow": hang(), "/other": reply()}) as server:
        running(scenario, limits=quick(timeout_seconds=60))


def test_offering_does_not_wait_and_who_has_no_loop_yet_delivers_later():
    hooks = Subscriptions(allow_internal=True, limits=quick())

    async def later():
        hooks.offer(pushes(2)[1])
        await settled(hooks, added.id)
        await hooks.close()

    with faulty_server({"/": reply()}) as server:
        added = hooks.add(server.url, SECRET)
        hooks.offer(pushes(2)[0])
        assert hooks.state(added.id).waiting == 1
        asyncio.run(later())
        assert ids(server.requests) == ["0", "1"]


def test_no_task_is_left_where_nothing_waits():
    async def scenario(hooks):
        added = hooks.add(server.url, SECRET)
        before = asyncio.all_tasks()
        for _ in range(2):
            hooks.offer(PUSH)
            assert len(asyncio.all_tasks()) == len(before) + 1
            await settled(hooks, added.id)
            await until(lambda: asyncio.all_tasks() == before)
        assert server.count() == 2

    with faulty_server({"/": reply()}) as server:
        running(scenario)


@pytest.mark.parametrize("answer", [hang(), too_many(3600)], ids=["delivering", "retrying"])
def test_what_is_removed_gets_nothing_more(answer):
    async def scenario(hooks):
        added = hooks.add(server.url, SECRET)
        for event in pushes(3):
            hooks.offer(event)
        await until(lambda: server.count() == 1)
        before = asyncio.all_tasks()
        assert hooks.remove(added.id)
        hooks.offer(PUSH)
        await until(lambda: len(asyncio.all_tasks()) == len(before) - 1)
        await hooks.close()

    with faulty_server({"/": answer}) as server:
        running(scenario, limits=quick(timeout_seconds=60, patience=PATIENT))
        assert server.count() == 1


@pytest.mark.parametrize("answer", [hang(), too_many(3600)], ids=["delivering", "retrying"])
def test_the_end_is_not_waited_for(answer):
    async def scenario(hooks):
        for _ in range(8):
            hooks.add(server.url, SECRET)
        for event in pushes(3):
            hooks.offer(event)
        await until(lambda: server.count() >= 4)
        started = time.monotonic()
        await hooks.close()
        assert time.monotonic() - started < 5
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert hooks.list() == ()
        hooks.offer(PUSH)
        await hooks.close()

    with faulty_server({"/": answer}) as server:
        running(scenario, limits=quick(timeout_seconds=60, patience=PATIENT))


def test_logs_name_the_host_and_no_secret(caplog):
    caplog.set_level(logging.DEBUG)

    async def scenario(hooks):
        added = hooks.add(f"{server.url}/nb-s3cret?token=nb-s3cret", SECRET)
        hooks.offer(PUSH)
        state = await settled(hooks, added.id)
        assert state.last_error == f"{server.host} answered 400."

    with faulty_server({"/*": reply(400)}) as server:
        running(scenario)
    told = [record.getMessage() for record in caplog.records if record.name == "ghostnb.server"]
    (line,) = told
    assert re.fullmatch(rf"Webhook sub_\w+ lost an event: {server.host} answered 400\.", line)
    assert "nb-s3cret" not in caplog.text
    assert SECRET.removeprefix("whsec_") not in caplog.text


def test_a_mistake_of_ours_is_logged_and_costs_one_event(caplog):
    lookup = resolver(["no address"], ["no address"], ["127.0.0.1"])

    async def scenario(hooks):
        added = hooks.add(f"http://hooks.example:{server.port}/", SECRET)
        hooks.offer(PUSH)
        state = await settled(hooks, added.id)
        assert "the server's log says why" in state.last_error
        for event in pushes(2):
            hooks.offer(event)
        state = await settled(hooks, added.id)
        assert (state.failed, state.delivered, state.last_error) == (2, 1, "")

    with faulty_server({"/": reply()}) as server:
        running(scenario, resolve=lookup)
    assert "ValueError: 'no address' does not appear to be" in caplog.text
    assert ids(server.requests) == ["1"]


def test_a_long_host_does_not_make_a_long_error():
    host = ".".join(["a" * 60] * 20)

    async def scenario(hooks):
        added = hooks.add(f"http://{host}/", SECRET)
        hooks.offer(PUSH)
        state = await settled(hooks, added.id)
        assert len(state.last_error) == 300

    running(scenario, limits=quick(patience=RetryPolicy(max_attempts=1)))


def test_the_usual_limits():
    limits = Limits()

    assert (limits.subscriptions, limits.waiting) == (50, 1000)
    assert (limits.at_once, limits.timeout_seconds) == (4, 10.0)
