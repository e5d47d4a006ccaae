"""What arrives at real receivers, and what is done if they do not take it."""

import time

import pytest

from ghostnb.wire.retries import RetryPolicy
from tests.parts.faults import faulty_server
from tests.parts.processes import free_port
from tests.parts.replies import Reply, cut, drop, hang, redirect, reply, too_many, verbatim
from tests.server.subscriptions.receiving import (
    PUSH,
    QUICK,
    SECRET,
    ids,
    pushes,
    quick,
    running,
    settled,
    verified,
)
from tests.serving import until

HOOK = "/hook"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Endless(Reply):
    """A beginning, and then the same for ever."""

    def __init__(self, beginning, piece, **manner):
        super().__init__(**manner)
        vars(self).update(beginning=beginning, piece=piece)

    def pieces(self, request):
        yield self.beginning
        while True:
            yield self.piece


def delivered(routes, *events, **settings):
    """Deliver to a server, and give it with the state at the end."""
    found = []

    async def scenario(hooks):
        added = hooks.add(f"{server.url}{HOOK}", SECRET)
        for event in events or [PUSH]:
            hooks.offer(event)
        found.append(await settled(hooks, added.id))

    with faulty_server({HOOK: routes}) as server:
        running(scenario, **settings)
    return server, found[0]


def test_an_event_arrives_signed():
    server, state = delivered(reply(204))
    (request,) = server.requests

    assert verified(request)["data"]["repository"] == "app"
    assert request.method == "POST"
    assert request.headers["host"] == server.host
    assert request.headers["content-type"] == "application/json"
    assert request.headers["content-length"] == str(len(request.body))
    assert (state.delivered, state.failed, state.last_error) == (1, 0, "")


def test_the_query_arrives_too():
    async def scenario(hooks):
        added = hooks.add(f"{server.url}{HOOK}?token=a%20b", SECRET)
        hooks.offer(PUSH)
        await settled(hooks, added.id)

    with faulty_server({HOOK: reply()}) as server:
        running(scenario)
    assert [request.target for request in server.requests] == [f"{HOOK}?token=a%20b"]


def test_each_subscription_signs_with_its_own_secret():
    async def scenario(hooks):
        made = hooks.add(f"{server.url}/made")
        hooks.add(f"{server.url}/given", SECRET)
        hooks.offer(PUSH)
        await until(lambda: server.count() == 2)
        (to_made,), (to_given,) = server.seen("/made"), server.seen("/given")
        assert verified(to_made, made.secret) == verified(to_given)

    with faulty_server({"/*": reply()}) as server:
        running(scenario)


def test_events_arrive_in_their_order_each_by_a_connection_of_its_own():
    server, state = delivered(reply(), *pushes(20))

    assert ids(server.requests) == [str(n) for n in range(20)]
    assert server.connections == 20
    assert state.delivered == 20


@pytest.mark.parametrize(
    "fault",
    [*(reply(status) for status in (408, 429, 500, 502, 503, 504)), drop(), verbatim(b"SSH-2.0\n")],
)
def test_what_may_pass_is_tried_again_with_the_same_id_and_a_signature_that_holds(fault):
    server, state = delivered([fault, fault, fault, reply()])

    assert len({request.headers["webhook-id"] for request in server.requests}) == 1
    assert [verified(request)["data"]["id"] for request in server.requests] == ["1"] * 4
    assert (state.delivered, state.failed, state.last_error) == (1, 0, "")


def test_what_does_not_pass_is_given_up_after_all_tries_and_the_next_event_has_as_many():
    server, state = delivered(reply(503), *pushes(2))

    assert ids(server.requests) == ["0"] * 8 + ["1"] * 8
    assert (state.delivered, state.failed) == (0, 2)
    assert state.last_error == f"{server.host} answered 503."


def test_tries_end_with_the_time_allowed():
    policy = RetryPolicy(total_seconds=1, max_attempts=1000, first_wait_seconds=0.25)
    server, state = delivered(reply(503), limits=quick(patience=policy))

    assert state.failed == 1
    assert 2 <= server.count() <= 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_refusal_ends_this_event_and_not_the_next(status):
    server, state = delivered([reply(status), reply()], *pushes(2))

    assert ids(server.requests) == ["0", "1"]
    assert (state.delivered, state.failed) == (1, 1)
    assert not state.disabled


def test_a_refusal_is_told():
    server, state = delivered(reply(403, body=b"s3cret words"))

    assert state.last_error == f"{server.host} answered 403."


def test_who_is_gone_gets_nothing_more():
    async def scenario(hooks):
        added = hooks.add(f"{server.url}{HOOK}", SECRET)
        for event in pushes(5):
            hooks.offer(event)
        state = await settled(hooks, added.id)
        hooks.offer(PUSH)
        assert hooks.state(added.id) == state
        assert (state.disabled, state.failed, state.dropped) == (True, 1, 4)
        assert state.last_error == f"{server.host} answered 410: it wants no more events."

    with faulty_server({HOOK: reply(410)}) as server:
        running(scenario)
    assert server.count() == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    with faulty_server({"/*": reply()}) as other:
        server, state = delivered(redirect(f"{other.url}/x", status))

    assert other.connections == 0
    assert (server.count(), state.failed) == (1, 1)
    assert "a redirect, which is not followed" in state.last_error


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_waited_for(as_date):
    # A date has whole seconds only: two of them are at least one.
    limit = too_many(2 if as_date else 1, as_date=as_date)
    started = time.monotonic()
    server, state = delivered([limit, reply()])

    assert time.monotonic() - started >= 0.9
    assert (server.count(), state.delivered) == (2, 1)
    # Each try is signed with its own time.
    first, second = (int(request.headers["webhook-timestamp"]) for request in server.requests)
    assert second > first


def test_a_day_is_not_waited_for_but_half_of_the_time_there_is():
    policy = RetryPolicy(total_seconds=0.6, max_attempts=8, first_wait_seconds=0.001)
    started = time.monotonic()
    server, state = delivered([too_many(86_400), reply()], limits=quick(patience=policy))

    assert time.monotonic() - started >= 0.3
    assert (server.count(), state.delivered) == (2, 1)


def test_who_does_not_answer_in_time_is_tried_again():
    server, state = delivered([hang(), reply()], limits=quick(timeout_seconds=1))

    assert (state.delivered, state.failed) == (1, 0)
    assert server.count() >= 2


def test_who_never_answers_is_told():
    policy = RetryPolicy(max_attempts=2, first_wait_seconds=0.001)
    limits = quick(timeout_seconds=0.2, patience=policy)
    server, state = delivered(hang(), limits=limits)

    assert state.last_error == f"{server.host} cannot be reached (no answer in time)."


def test_headers_that_come_byte_by_byte_end_with_the_time():
    slow = Endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", pause_seconds=0.02)
    server, state = delivered([slow, reply()], limits=quick(timeout_seconds=1))

    assert (state.delivered, state.failed) == (1, 0)
    assert server.count() >= 2


def test_headers_without_an_end_are_no_answer():
    server, state = delivered([Endless(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n" * 100), reply()])

    assert (server.count(), state.delivered) == (2, 1)


@pytest.mark.parametrize(
    "answer",
    [
        Reply(200, (("Content-Length", str(10**12)),), b"x" * (1 << 24), hangs=True),
        Endless(CHUNKED, b"400\r\n" + b"x" * 1024 + b"\r\n"),
        Endless(CHUNKED, b"1\r\nx\r\n", pause_seconds=0.02),
        cut(b"x" * 100, 10),
    ],
    ids=["huge", "endless", "endless and slow", "cut"],
)
def test_what_the_body_is_does_not_matter(answer):
    started = time.monotonic()
    server, state = delivered(answer, *pushes(3))

    assert (server.count(), state.delivered) == (3, 3)
    assert time.monotonic() - started < 4


def test_a_receiver_that_is_down_gets_its_events_when_it_is_up():
    port = free_port()
    policy = RetryPolicy(total_seconds=20, max_attempts=1000, first_wait_seconds=0.001)

    async def scenario(hooks):
        added = hooks.add(f"http://127.0.0.1:{port}{HOOK}", SECRET)
        for event in pushes(3):
            hooks.offer(event)
        await until(lambda: hooks.state(added.id).last_error)
        told = f"127.0.0.1:{port} cannot be reached (connection refused)."
        assert hooks.state(added.id).last_error == told
        assert hooks.state(added.id).waiting == 3
        with faulty_server({HOOK: reply()}, port=port) as server:
            state = await settled(hooks, added.id)
            assert ids(server.requests) == ["0", "1", "2"]
            assert (state.delivered, state.last_error) == (3, "")

    running(scenario, limits=quick(patience=policy))


def test_never_more_deliveries_at_once_than_allowed():
    async def scenario(hooks):
        added = [hooks.add(f"{server.url}{HOOK}", SECRET) for _ in range(8)]
        started = time.monotonic()
        hooks.offer(PUSH)
        for one in added:
            assert (await settled(hooks, one.id)).delivered == 1
        # Four rounds of two: with more at once it would be sooner over.
        assert time.monotonic() - started >= 0.4

    with faulty_server({HOOK: reply(delay_seconds=0.1)}) as server:
        running(scenario, limits=quick(at_once=2))


def test_who_waits_for_the_next_try_takes_no_place():
    async def scenario(hooks):
        waiting = hooks.add(f"{server.url}/full", SECRET)
        other = hooks.add(f"{server.url}{HOOK}", SECRET)
        hooks.offer(PUSH)
        assert (await settled(hooks, other.id)).delivered == 1
        assert hooks.state(waiting.id).waiting == 1

    with faulty_server({"/full": too_many(3600), HOOK: reply()}) as server:
        patience = RetryPolicy(total_seconds=7200, max_attempts=8)
        running(scenario, limits=quick(at_once=1, patience=patience))


def test_eight_tries_take_about_an_hour_unless_told_otherwise():
    from ghostnb.server.subscriptions import Limits

    patience = Limits().patience
    waited = 0.0
    waits = []
    while (wait := patience.wait_seconds(len(waits) + 1, waited)) is not None:
        waits.append(wait)
        waited += wait

    assert len(waits) + 1 == QUICK.max_attempts
    assert 1800 < waited < 4000
