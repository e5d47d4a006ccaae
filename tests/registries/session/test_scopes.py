"""What a token is asked for."""

import pytest

from ghostnb.registries.session.auth import _merged

PULL, PUSH, HSUP = "repository:app:pull", "repository:app:pull,push", "repository:app:push,pull"


@pytest.mark.parametrize(
    ("wanted", "challenged", "asked"),
    [
        ((PULL,), (), (PULL,)),
        ((), (PULL,), (PULL,)),
        ((PULL,), (PULL,), (PULL,)),
        ((PULL,), (PUSH,), (PUSH, PULL)),
        ((PUSH,), (HSUP,), (PUSH,)),
        ((PUSH, "registry:catalog:*"), (HSUP,), (PUSH, "registry:catalog:*")),
    ],
)
def test_a_challenge_may_ask_for_more_and_in_another_order(wanted, challenged, asked):
    assert _merged(wanted, challenged) == asked
