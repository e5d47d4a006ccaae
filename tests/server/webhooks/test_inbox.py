"""What comes in by webhooks: proved, read, and handed on, each event once."""

import asyncio
import hashlib
import hmac
import json
import logging
from datetime import timedelta

import pytest

from ghostnb.errors import ConfigError
from ghostnb.server.failures import failure_of
from ghostnb.server.webhooks import (
    BusyError,
    Inbox,
    NotAuthenticError,
    NotificationError,
    UnknownSourceError,
)
from ghostnb.wire.notifications import SOURCES
from tests.server.webhooks.inboxes import (
    ALL_SECRETS,
    BEARER,
    SECRET,
    Handed,
    envelope,
    inbox,
    take,
)
from tests.wire.notifications.test_github import PUBLISHED

WEEK = timedelta(days=7)
MINUTE = timedelta(minutes=1)


def run(scenario):
    asyncio.run(asyncio.wait_for(scenario(), 60))


def refused(kind, source="distribution", headers=BEARER, query=None, body=b"{}", **settings):
    """Give why an inbox does not take a request."""

    async def ask():
        async with inbox(**settings) as box:
            with pytest.raises(kind) as e:
                await box.take(source, headers, query or {}, body)
            return e.value

    return asyncio.run(ask())


def test_events_are_handed_on_in_order():
    async def scenario():
        handed = Handed()
        async with inbox(handed) as box:
            assert 2 == await take(box, envelope("a", "b"))
            assert 1 == await take(box, envelope("c"))
            first, *_ = await handed.until(3)

        assert ["a", "b", "c"] == handed.ids
        assert ("distribution", "team/app", "1.0", "ci") == (
            first.source,
            first.repository,
            first.tag,
            first.actor,
        )

    run(scenario)


def test_an_event_that_is_told_again_is_not_new():
    async def scenario():
        handed = Handed()
        async with inbox(handed) as box:
            counts = [
                await take(box, envelope(*ids)) for ids in ("a", "a", "ab", "bb", "cc", "abc")
            ]
            await handed.until(3)

        assert [1, 0, 1, 0, 1, 0] == counts
        assert ["a", "b", "c"] == handed.ids

    run(scenario)


def test_the_same_id_of_another_source_is_another_event():
    async def scenario():
        async with inbox() as box:
            assert 1 == await take(box, envelope("a"))
            assert 1 == await box.take("gitlab", BEARER, {}, envelope("a"))

    run(scenario)


def test_what_is_remembered_is_bounded_and_the_oldest_is_forgotten():
    async def scenario():
        async with inbox(max_remembered=3) as box:
            counts = [await take(box, envelope(one)) for one in "abcdba"]

        assert [1, 1, 1, 1, 0, 1] == counts

    run(scenario)


@pytest.mark.parametrize(
    ("age", "count"),
    [
        (timedelta(), 1),
        (WEEK - MINUTE, 1),
        (WEEK + MINUTE, 0),
        (-WEEK + MINUTE, 1),
        (-WEEK - MINUTE, 0),
        (timedelta(days=4_000), 0),
    ],
)
def test_what_is_too_old_or_to_come_is_taken_and_passed_over(age, count, caplog):
    async def scenario():
        async with inbox() as box:
            assert count == await take(box, envelope("a", age=age))

    with caplog.at_level(logging.WARNING, "ghostnb.server"):
        run(scenario)

    assert (not count) == ("1 of 1 events that distribution told were passed over" in caplog.text)


def test_the_window_can_be_set():
    async def scenario():
        async with inbox(max_age_seconds=3_600) as box:
            assert 0 == await take(box, envelope("a", age=timedelta(hours=2)))
            assert 1 == await take(box, envelope("b", age=timedelta(minutes=30)))

    run(scenario)


def test_a_registry_is_found_by_its_host_or_named_by_the_url():
    async def scenario():
        handed, names = Handed(), {"registry.example:5000": "team"}
        async with inbox(handed, find_registry=names.get) as box:
            await take(box, envelope("found"))
            await take(box, envelope("named"), "other")
            await take(box, envelope("elsewhere", request={"host": "other.example"}))
            await take(box, envelope("nowhere", request=None))
            events = await handed.until(4)

        assert ["team", "other", None, None] == [event.registry for event in events]

    run(scenario)


@pytest.mark.parametrize("name", ["", "a b", "../x", "<b>", "a" * 300, "\n"])
def test_what_cannot_be_a_registrys_name_is_refused(name):
    async def scenario():
        async with inbox() as box:
            with pytest.raises(NotificationError, match="cannot be a registry's name"):
                await take(box, envelope("a"), name)
            assert 1 == await take(box, envelope("a"))

    run(scenario)


@pytest.mark.parametrize("source", ["", "docker", "DISTRIBUTION", "x" * 10_000, "<b>"])
def test_an_unknown_source_is_not_found(source):
    error = refused(UnknownSourceError, source)

    assert 404 == failure_of(error).status
    assert isinstance(error, LookupError)
    assert "There are: distribution, harbor, docker-hub, quay, github, gitlab." in str(error)
    assert len(str(error)) < 300


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": f"Basic {SECRET}"},
        {"x-gitlab-token": "wrong"},
        {"x-hub-signature-256": "sha256=" + "0" * 64},
    ],
    ids=str,
)
def test_who_does_not_know_the_secret_is_refused(source, wrong):
    error = refused(NotAuthenticError, source, wrong, {"token": "wrong"})

    assert 401 == failure_of(error).status
    assert SOURCES[source].setup in str(error)
    assert SECRET not in str(error)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("secrets", [{}, dict.fromkeys(SOURCES, "")], ids=["none", "empty"])
def test_a_source_without_a_secret_refuses_everything(source, secrets):
    signature = "sha256=" + hmac.new(b"", b"{}", hashlib.sha256).hexdigest()
    for headers in ({}, {"authorization": ""}, {"x-hub-signature-256": signature}):
        error = refused(NotAuthenticError, source, headers, {"token": ""}, secrets=secrets)
        assert f"the agent has no secret for {source}. Configure one there" in str(error)
        assert SOURCES[source].setup in str(error)


def test_the_secret_of_one_source_opens_no_other():
    secrets = {"harbor": SECRET, "distribution": "another"}

    refused(NotAuthenticError, "distribution", BEARER, secrets=secrets)


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_secret_is_read_from_the_environment_at_the_start(monkeypatch, end):
    monkeypatch.setenv("HOOK_SECRET", SECRET + end)

    async def scenario():
        async with inbox(secrets={"distribution": "env:HOOK_SECRET"}) as box:
            monkeypatch.delenv("HOOK_SECRET")
            assert 1 == await take(box, envelope("a"))

    run(scenario)


@pytest.mark.parametrize("value", [None, "", " \n"])
def test_a_secret_whose_variable_is_not_set_is_refused_at_the_start(monkeypatch, value):
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    if value is not None:
        monkeypatch.setenv("HOOK_SECRET", value)

    with pytest.raises(
        ConfigError, match=r"distribution webhooks .* HOOK_SECRET, which is not set"
    ):
        Inbox({"distribution": "env:HOOK_SECRET"}, Handed())


@pytest.mark.parametrize("name", ["dockerhub", "", "x" * 10_000])
def test_a_secret_for_a_source_that_there_is_not_is_refused_at_the_start(name):
    with pytest.raises(ConfigError, match=r"There are: distribution, .*docker-hub") as e:
        Inbox({"distribution": SECRET, name: SECRET}, Handed())

    assert len(str(e.value)) < 300
    assert SECRET not in str(e.value)


def test_nothing_is_read_before_the_sender_is_known():
    refused(NotAuthenticError, headers={}, body=b"<html>")
    error = refused(NotificationError, body=b"<html>")

    assert "$" == error.path
    assert (422, "invalid_notification") == (failure_of(error).status, failure_of(error).code)


def test_a_signed_delivery_is_taken():
    body = json.dumps(PUBLISHED).encode()
    digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()

    async def scenario():
        handed = Handed()
        async with inbox(handed, max_age_seconds=1e10) as box:
            headers = {"x-hub-signature-256": f"sha256={digest}", "x-github-delivery": "1"}
            assert 1 == await box.take("github", headers, {}, body)
            assert 0 == await box.take("github", headers | {"x-github-delivery": "2"}, {}, body)
            [event] = await handed.until(1)
        assert "codertocat/hello-world" == event.repository

    run(scenario)


def test_who_hands_on_may_fail_and_gets_the_next_events_all_the_same(caplog):
    async def scenario():
        handed = Handed()

        async def fail_first(events):
            await handed(events)
            if "a" in handed.ids and "b" not in handed.ids:
                raise RuntimeError("the view is gone")

        async with inbox(fail_first) as box:
            await take(box, envelope("a"))
            await handed.until(1)
            await take(box, envelope("b"))
            await handed.until(2)

        assert ["a", "b"] == handed.ids

    with caplog.at_level(logging.ERROR, "ghostnb.server"):
        run(scenario)

    assert "1 events of webhooks could not be handed on" in caplog.text
    assert "RuntimeError: the view is gone" in caplog.text


def test_a_full_inbox_says_to_come_again_and_takes_it_then():
    async def scenario():
        handed, gate = Handed(), asyncio.Event()

        async def slow(events):
            await gate.wait()
            await handed(events)

        async with inbox(slow, max_waiting=1_000) as box:
            await take(box, envelope("first"))
            await asyncio.sleep(0)  # now the task has it, and waits
            assert 600 == await take(box, many("x", 600))
            with pytest.raises(BusyError, match="600 events wait already") as e:
                await take(box, many("y", 600))
            answered = failure_of(e.value)
            assert (429, {"Retry-After": "5"}) == (answered.status, answered.headers)
            assert 400 == await take(box, many("z", 400))

            gate.set()
            await handed.until(1_001)
            assert 600 == await take(box, many("y", 600))
            await handed.until(1_601)

        assert len(handed.ids) == len(set(handed.ids)) == 1_601

    run(scenario)


def test_events_that_came_together_are_handed_on_together_up_to_a_hundred():
    async def scenario():
        handed, sizes = Handed(), []

        async def keep(events):
            sizes.append(len(events))
            await handed(events)

        async with inbox(keep) as box:
            await take(box, many("x", 60))
            await take(box, many("y", 90))
            await handed.until(150)

        assert [100, 50] == sizes

    run(scenario)


def many(prefix, count):
    return envelope(*[f"{prefix}{number}" for number in range(count)])


def test_an_inbox_that_could_never_take_a_delivery_is_not_made():
    with pytest.raises(ValueError, match="max_waiting must be at least 1,000, not 999"):
        Inbox({}, Handed(), max_waiting=999)


def test_one_task_works_off_everything_and_ends_with_the_inbox():
    async def scenario():
        before, handed = asyncio.all_tasks(), Handed()
        async with inbox(handed) as box:
            for one in "abc":
                await take(box, envelope(one))
            assert 1 == len(asyncio.all_tasks() - before)
            await handed.until(3)
        assert before == asyncio.all_tasks()
        with pytest.raises(BusyError):
            await take(box, envelope("late"))

    run(scenario)


def test_an_inbox_that_nobody_writes_to_can_be_closed():
    async def scenario():
        async with inbox():
            pass

    run(scenario)


def test_what_has_no_secrets_in_it_has_none_in_its_repr():
    async def scenario():
        async with inbox() as box:
            assert SECRET not in repr(box) + repr(vars(box))

    run(scenario)


def test_every_source_has_a_secret_in_these_tests():
    assert set(SOURCES) == set(ALL_SECRETS)
