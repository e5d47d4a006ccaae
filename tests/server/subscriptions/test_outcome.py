import pytest

from ghostnb.server.subscriptions.outcome import Outcome, outcome_of_answer


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_success_is_one(status):
    assert outcome_of_answer(status, {}) == Outcome()


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 599])
def test_what_may_pass_is_tried_again_when_it_is_asked(status):
    found = outcome_of_answer(status, {"retry-after": "7"})

    assert found == Outcome(f"answered {status}", may_pass=True, asked_seconds=7.0)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 422, 600, 101])
def test_what_will_not_pass_is_not_tried_again(status):
    assert outcome_of_answer(status, {"retry-after": "7"}) == Outcome(f"answered {status}")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308, 304])
def test_a_redirect_is_a_failure(status):
    found = outcome_of_answer(status, {"location": "http://127.0.0.1/s3cret"})

    assert found == Outcome(f"answered {status}, a redirect, which is not followed")


def test_who_is_gone_wants_nothing_more():
    assert outcome_of_answer(410, {}).is_gone
