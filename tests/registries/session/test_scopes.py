"""What a token is asked for."""

import pytest

from ghostnb.registries.session.auth import _merged
from tests.parts.token_server import changed
from tests.registries.asking import ask, tags_of

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


def test_a_vendors_token_server_is_asked_in_its_own_words(token_registry, token_server):
    async def in_other_words(registry):
        registry._session.auth.spell = lambda wanted: tuple(f"{scope},push" for scope in wanted)
        return await tags_of("library/alpine")(registry)

    login = {"username": "ghost", "password": "nb-s3cret"}
    with changed(token_server):
        assert ask(token_registry.url, in_other_words, **login)
        assert token_server.count("repository:library/alpine:pull,push") == 1
        assert token_server.count("repository:library/alpine:pull") == 0
