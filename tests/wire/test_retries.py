from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.wire.retries import RetryPolicy, may_repeat, retry_after_seconds

NOW = datetime(2015, 10, 21, 7, 28, tzinfo=UTC)
REPEATABLE = ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7.0),
        ("0", 0.0),
        (" 120 ", 120.0),
        ("Wed, 21 Oct 2015 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2015 09:28:30 +0200", 30.0),
        ("Wed, 21 Oct 2015 07:28:30 -0000", 30.0),
        ("Wed, 21 Oct 2015 07:27:00 GMT", 0.0),
        ("Wed, 21 Oct 1915 07:27:00 GMT", 0.0),
        ("1445412510", 30.0),  # Docker Hub's API: seconds since 1970
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("Wed, 41 Oct 2015 07:28:30 GMT", None),
        ("Wed, 21 Oct 99999999999999999999 07:28:30 GMT", None),
        ("Wed, 21 Oct 2015 07:28:30 +99999999999999999999", None),
    ],
)
def test_both_forms_of_retry_after_are_read(text, expected):
    assert expected == retry_after_seconds({"retry-after": text}, NOW)


def test_a_date_counts_from_now():
    soon = datetime.now(UTC) + timedelta(hours=1)
    seconds = retry_after_seconds({"retry-after": soon.strftime("%a, %d %b %Y %H:%M:%S GMT")})

    assert seconds == pytest.approx(3600, abs=60)


def test_without_the_header_nothing_is_asked():
    assert None is retry_after_seconds({})


@given(st.text() | st.text(alphabet="MonJaGTUTC0123456789 ,:+-"))
def test_no_retry_after_raises(text):
    seconds = retry_after_seconds({"retry-after": text}, NOW)

    assert seconds is None or seconds >= 0


@pytest.mark.parametrize("method", [*REPEATABLE, "POST", "PATCH"])
@pytest.mark.parametrize("status", [408, 500, 502, 504, None])
def test_only_an_idempotent_request_is_repeated_if_it_may_have_been_taken(method, status):
    assert (method in REPEATABLE) is may_repeat(method, status)


@pytest.mark.parametrize("method", [*REPEATABLE, "POST", "PATCH"])
@pytest.mark.parametrize("status", [429, 503])
def test_every_request_is_repeated_if_it_was_not_taken(method, status):
    assert True is may_repeat(method, status)


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("status", [200, 202, 206, 301, 400, 401, 403, 404, 405, 409, 416, 501])
def test_a_request_that_was_answered_is_not_repeated(method, status):
    assert False is may_repeat(method, status)


@pytest.mark.parametrize(("attempt", "longest"), [(1, 0.25), (2, 0.5), (3, 1.0), (4, 2.0)])
def test_each_wait_is_twice_as_long_and_left_to_chance(attempt, longest):
    waits = {RetryPolicy().wait_seconds(attempt, 0.0) for _ in range(100)}

    assert len(waits) > 50
    assert longest / 2 <= min(waits) <= max(waits) <= longest


def test_what_the_registry_asks_for_is_waited_for_and_a_little_more():
    waits = [RetryPolicy().wait_seconds(1, 0.0, 7.0) for _ in range(100)]

    assert 7.0 < min(waits) < max(waits) < 7.1


def test_no_more_attempts_are_made_than_allowed():
    policy = RetryPolicy(max_attempts=3)

    assert [policy.wait_seconds(attempt, 0.0) is None for attempt in (1, 2, 3, 4)] == [
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize(
    ("elapsed", "asked", "gives_up"),
    [
        (0.0, None, False),
        (29.0, None, False),
        (29.9, None, True),
        (31.0, None, True),
        (0.0, 29.0, False),
        (0.0, 30.0, True),
        (20.0, 11.0, True),
        (0.0, float("inf"), True),
    ],
)
def test_no_wait_begins_that_would_end_too_late(elapsed, asked, gives_up):
    assert gives_up is (RetryPolicy(total_seconds=30.0).wait_seconds(1, elapsed, asked) is None)
