"""What one user has read, another does not get from the cache: whoever Docker's login is of."""

import asyncio
import base64
import json

import pytest

from ghostnb.errors import ForbiddenError, UnauthorizedError
from ghostnb.oci import Digest
from ghostnb.registries.cache import ContentCache, Scope
from ghostnb.wire.tokens import Credentials
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.replies import error, reply
from tests.registries.asking import ask, blob_of, manifest_of, open_registry, tags_of

CONTENT = b"of ghost alone" * 30
IMAGE = plain_image("private")
SECRET = "nb-s3cret"
PRIVATE = {
    "/v2/app/tags/list": reply(json={"name": "app", "tags": ["1"]}),
    "/v2/app/manifests/*": reply(body=IMAGE.raw, headers={"Content-Type": IMAGE.media_type}),
    "/v2/app/blobs/*": reply(body=CONTENT),
}
QUESTIONS = {"manifest": manifest_of("app", IMAGE.digest), "blob": blob_of("app", CONTENT)}
each_question = pytest.mark.parametrize("question", QUESTIONS.values(), ids=QUESTIONS)


def basic(name):
    return base64.b64encode(f"{name}:{SECRET}".encode()).decode()


def for_ghost_alone(route):
    def answer(request):
        sent = request.headers.get("authorization")
        if sent is None:
            return error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": 'Basic realm="x"'})
        return route if sent == f"Basic {basic('ghost')}" else error(403, "DENIED")

    return answer


@pytest.fixture
def server():
    with faulty_server({path: for_ghost_alone(route) for path, route in PRIVATE.items()}) as found:
        yield found


@pytest.fixture
def login(home, server):
    """Do what ``docker login`` does; None logs out."""
    path = home / ".docker" / "config.json"
    path.parent.mkdir()

    def login(name):
        auths = {server.host: {"auth": basic(name)}} if name else {}
        path.write_text(json.dumps({"auths": auths}))

    return login


@each_question
def test_another_docker_login_gets_nothing_from_the_cache(server, login, question):
    cache = ContentCache()
    login("ghost")
    ask(server.url, question, cache=cache)

    login("other")
    with pytest.raises(ForbiddenError):
        ask(server.url, question, cache=cache)
    login(None)
    with pytest.raises(UnauthorizedError):
        ask(server.url, question, cache=cache)


@each_question
def test_the_same_docker_login_gets_it_once_the_registry_has_asked_who_it_is(
    server, login, question
):
    async def tags_first(registry):
        await tags_of("app")(registry)
        asked = server.count()
        await question(registry)
        return server.count() - asked

    cache = ContentCache()
    login("ghost")
    ask(server.url, question, cache=cache)

    assert ask(server.url, tags_first, cache=cache) == 0


@each_question
def test_what_was_configured_and_what_docker_has_are_one_user_of_one_name(server, login, question):
    cache = ContentCache()
    login("ghost")
    ask(server.url, question, cache=cache)
    asked = server.count()

    ask(server.url, question, cache=cache, username="ghost", password=SECRET)

    assert server.count() == asked


def test_what_anyone_may_read_is_read_once_whoever_is_logged_in(login):
    cache = ContentCache()
    login("ghost")
    with faulty_server(dict(PRIVATE)) as public:
        for _ in range(2):
            ask(public.url, blob_of("app", CONTENT), cache=cache)
        assert public.count() == 1


def test_clients_that_ask_at_once_each_prove_who_they_are(server, login):
    """One waits for what the other loads, whose user is known only when it has come."""

    async def both():
        cache = ContentCache()
        registries = [
            open_registry(server.url, cache=cache),
            open_registry(server.url, cache=cache),
        ]
        first, second = (
            asyncio.create_task(blob_of("app", CONTENT)(registry)) for registry in registries
        )
        outcomes = await asyncio.gather(first, second)
        for registry in registries:
            await registry.aclose()
        return outcomes

    login("ghost")
    assert asyncio.run(both()) == [CONTENT] * 2
    # each asked, was challenged, tried its password, and proved who it is
    assert server.count() == 6


def test_a_scope_is_of_everyone_until_it_is_of_somebody():
    scope = Scope("https://r.example")
    assert str(scope) == "@https://r.example"
    scope.note(None)
    assert str(scope) == "@https://r.example"
    scope.note(Credentials("ghost"))
    assert str(scope) == str(Scope("https://r.example", "ghost")) == "ghost@https://r.example"


def test_a_scope_of_two_users_is_neithers():
    """A token of the first may still hold when the second has logged in."""
    scopes = [Scope("https://r.example", name) for name in ("ghost", "other", "ghost+other")]
    both = Scope("https://r.example")
    for name in ("other", "ghost", "other"):
        both.note(Credentials(name))
    assert len({str(scope) for scope in (*scopes, both)}) == 4


def test_users_without_a_name_of_their_own_are_told_apart_and_their_tokens_not_shown():
    zeros = "00000000-0000-0000-0000-000000000000"
    found = [Credentials(name, "", f"{token}-s3cret") for name in ("", zeros) for token in "ab"]
    shown = set()
    for credentials in found:
        scope = Scope("https://r.example")
        scope.note(credentials)
        shown.add(str(scope))
    assert len(shown) == 4
    assert not any("s3cret" in text for text in shown)


def test_what_is_loaded_is_kept_for_whoever_it_was_read_as():
    cache, scope, digest = ContentCache(), Scope("https://r.example"), Digest.of(CONTENT)

    async def load():
        scope.note(Credentials("ghost"))
        return CONTENT

    assert asyncio.run(cache.fetch(scope, digest, load)) == CONTENT
    assert cache.get("@https://r.example", digest) is None
    assert cache.get("ghost@https://r.example", digest) == CONTENT
