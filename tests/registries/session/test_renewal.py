"""Credentials that change while a client lives: expired, rotated, or given after an error."""

import asyncio
import base64
import json
import os

import pytest

from ghostnb.errors import ConfigError, UnauthorizedError
from ghostnb.registries.session import credentials
from tests.parts.faults import faulty_server
from tests.parts.replies import error, reply
from tests.parts.token_server import User, changed
from tests.registries.asking import ask, checked, refused, tags_of

ALPINE = ["3.19", "3.20", "latest"]
TAGS = reply(json={"name": "app", "tags": ["1"]})
GHOST = ("ghost", "nb-s3cret")
WRONG = ("ghost", "wr0ng-secret")


@pytest.fixture
def log_in(home):
    """Write Docker's file, as ``docker login`` does."""

    def write(host, username, password):
        auth = base64.b64encode(f"{username}:{password}".encode()).decode()
        document = {"auths": {host: {"auth": auth}}}
        path = home / ".docker" / "config.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))

    return write


@pytest.fixture
def helper(tmp_path, home, monkeypatch):
    """A credential helper that gives what is in a file, and counts how often it was asked."""
    program = tmp_path / "docker-credential-test"
    # As slow as one that asks a cloud: others are refused in the meantime.
    script = f"echo asked >> {tmp_path}/asked\nsleep 0.1\ncat {tmp_path}/answer"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text('{"credsStore": "test"}')
    return Helper(tmp_path)


class Helper:
    def __init__(self, directory):
        self.directory = directory

    def give(self, username, password):
        answer = json.dumps({"Username": username, "Secret": password})
        (self.directory / "answer").write_text(answer)

    def fail(self):
        (self.directory / "answer").unlink()

    @property
    def count(self):
        return len((self.directory / "asked").read_text().splitlines())


@pytest.fixture
def impatient(monkeypatch):
    """Look credentials up anew after every refusal, however soon after the last time."""
    monkeypatch.setattr(credentials, "_PAUSE_SECONDS", 0)


@pytest.fixture
def forgetful(monkeypatch):
    """Look stored credentials up for every request."""
    monkeypatch.setattr(credentials, "_KEEP_SECONDS", 0)


class Passwords:
    """A registry behind Basic that takes one password at a time."""

    def __init__(self, accepted):
        self.accepted = accepted
        self.seen = []

    def __call__(self, request):
        sent = request.headers.get("authorization", "").removeprefix("Basic ")
        self.seen.append(base64.b64decode(sent).decode().partition(":")[2])
        if self.seen[-1] == self.accepted:
            return TAGS
        return error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": 'Basic realm="x"'})


@pytest.mark.usefixtures("impatient")
def test_a_helpers_token_that_expired_is_replaced_within_the_request(helper):
    helper.give("ghost", "first")
    passwords = Passwords("first")

    async def twice(registry):
        before = await tags_of("app")(registry)
        passwords.accepted = "second"
        helper.give("ghost", "second")
        return before + await tags_of("app")(registry) + await tags_of("app")(registry)

    with faulty_server({"/v2/*": passwords}) as server:
        assert ask(server.url, twice) == ["1", "1", "1"]
    # Each new password is tried by itself before it is used.
    used = ["", "first", "first", "first", "second", "second", "second"]
    assert passwords.seen == used
    assert helper.count == 2


@pytest.mark.usefixtures("impatient")
def test_many_requests_that_are_refused_at_once_share_what_replaces_it(helper):
    helper.give("ghost", "first")
    passwords = Passwords("first")

    async def rotated(registry):
        await tags_of("app")(registry)
        passwords.accepted = "second"
        helper.give("ghost", "second")
        return await asyncio.gather(*(tags_of("app")(registry) for _ in range(16)))

    with faulty_server({"/v2/*": passwords}) as server:
        assert ask(server.url, rotated) == [["1"]] * 16
    assert helper.count == 2


@pytest.mark.usefixtures("impatient")
def test_a_password_that_was_changed_is_replaced_at_the_token_server(
    log_in, token_registry, token_server
):
    users = {"ghost": User("nb-s3cret")}
    log_in(token_registry.host, *GHOST)

    async def rotated(registry):
        before = await tags_of("library/alpine")(registry)
        users["ghost"] = User("nb-rotated")
        log_in(token_registry.host, "ghost", "nb-rotated")
        return before + await tags_of("team/multi")(registry)

    with changed(token_server, users=users):
        assert ask(token_registry.url, rotated) == [*ALPINE, "latest"]
        assert [request.status for request in token_server.requests] == [200, 401, 200]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("before", [None, WRONG], ids=["anonymous", "wrong"])
@pytest.mark.parametrize("kind", ["htpasswd_registry", "token_registry"])
def test_who_logs_in_after_the_error_is_let_in(log_in, request, kind, before):
    running = request.getfixturevalue(kind)
    question = tags_of("team/multi")
    if before:
        log_in(running.host, *before)

    async def told(registry):
        with pytest.raises(UnauthorizedError) as caught:
            await question(registry)
        checked(caught.value, UnauthorizedError, f"docker login {running.host}")
        log_in(running.host, *GHOST)
        return await question(registry)

    assert ask(running.url, told) == ["latest"]


@pytest.mark.usefixtures("impatient")
def test_credentials_that_are_still_the_same_are_not_tried_twice(helper):
    helper.give(*WRONG)
    passwords = Passwords("nb-s3cret")

    async def again(registry):
        for _ in range(2):
            with pytest.raises(UnauthorizedError):
                await tags_of("app")(registry)

    with faulty_server({"/v2/*": passwords}) as server:
        ask(server.url, again)
    assert passwords.seen == ["", "wr0ng-secret"]
    # To be used at first, and after each refusal to see whether it has changed.
    assert helper.count == 3


def test_a_helper_is_not_run_for_each_of_many_refusals(helper, token_registry, token_server):
    helper.give(*WRONG)

    async def many(registry):
        questions = (tags_of(f"team/app-{number}")(registry) for number in range(40))
        return await asyncio.gather(*questions, return_exceptions=True)

    with changed(token_server):
        answers = ask(token_registry.url, many)
        assert {type(answer) for answer in answers} == {UnauthorizedError}
        assert helper.count == 1


@pytest.mark.usefixtures("forgetful")
def test_stored_credentials_are_looked_up_again_before_they_are_refused(helper):
    """Amazon ECR answers 403 to a token that expired, which is no reason to log in anew."""
    helper.give("ghost", "first")
    passwords = Passwords("first")

    async def twice(registry):
        before = await tags_of("app")(registry)
        passwords.accepted = "second"
        helper.give("ghost", "second")
        return before + await tags_of("app")(registry)

    with faulty_server({"/v2/*": passwords}) as server:
        assert ask(server.url, twice) == ["1", "1"]
    assert passwords.seen == ["", "first", "first", "second", "second"]


@pytest.mark.usefixtures("forgetful")
def test_a_helper_that_fails_once_takes_away_nothing_that_is_good(helper):
    helper.give("ghost", "first")

    async def twice(registry):
        before = await tags_of("app")(registry)
        helper.fail()
        with pytest.warns(UserWarning, match="docker-credential-test"):
            return before + await tags_of("app")(registry)

    with faulty_server({"/v2/*": Passwords("first")}) as server:
        assert ask(server.url, twice) == ["1", "1"]


def test_stored_credentials_are_not_looked_up_for_every_request(helper):
    helper.give("ghost", "first")

    async def often(registry):
        return [await tags_of("app")(registry) for _ in range(5)]

    with faulty_server({"/v2/*": Passwords("first")}) as server:
        assert ask(server.url, often) == [["1"]] * 5
    assert helper.count == 1


@pytest.mark.usefixtures("forgetful")
def test_what_is_configured_is_read_once(monkeypatch):
    monkeypatch.setenv("GHOST_PASSWORD", "first")

    async def twice(registry):
        before = await tags_of("app")(registry)
        monkeypatch.delenv("GHOST_PASSWORD")
        return before + await tags_of("app")(registry)

    with faulty_server({"/v2/*": Passwords("first")}) as server:
        settings = {"username": "ghost", "password": "env:GHOST_PASSWORD"}
        assert ask(server.url, twice, **settings) == ["1", "1"]


@pytest.mark.usefixtures("impatient")
def test_a_password_of_the_environment_is_read_again_when_it_was_refused(
    monkeypatch, token_registry
):
    monkeypatch.setenv("GHOST_PASSWORD", "wr0ng-secret")
    settings = {"username": "ghost", "password": "env:GHOST_PASSWORD"}

    async def mended(registry):
        with pytest.raises(UnauthorizedError):
            await tags_of("library/alpine")(registry)
        monkeypatch.setenv("GHOST_PASSWORD", "nb-s3cret")
        return await tags_of("library/alpine")(registry)

    assert ask(token_registry.url, mended, **settings) == ALPINE


@pytest.mark.usefixtures("impatient")
def test_a_file_that_breaks_meanwhile_is_named(home, log_in, token_registry):
    log_in(token_registry.host, *WRONG)
    path = home / ".docker" / "config.json"

    async def broken(registry):
        with pytest.raises(UnauthorizedError):
            await tags_of("team/multi")(registry)
        path.write_text("{wr0ng-secret")
        return await tags_of("team/multi")(registry)

    refused(ConfigError, str(path), "cannot be read", url=token_registry.url, question=broken)


@pytest.mark.usefixtures("impatient")
def test_a_token_that_was_revoked_is_no_reason_to_read_the_configuration_again(monkeypatch):
    monkeypatch.setenv("GHOST_PASSWORD", "nb-s3cret")
    settings = {"username": "ghost", "password": "env:GHOST_PASSWORD"}
    good = ["Bearer t1"]

    def answer(request):
        if request.headers.get("authorization") in good:
            return TAGS
        challenge = f'Bearer realm="{server.url}/token",service="s"'
        return error(401, "UNAUTHORIZED", headers={"WWW-Authenticate": challenge})

    async def revoked(registry):
        before = await tags_of("app")(registry)
        monkeypatch.delenv("GHOST_PASSWORD")
        good[:] = ["Bearer t2"]
        return before + await tags_of("app")(registry)

    tokens = [reply(json={"token": name}) for name in ("t1", "t2")]
    with faulty_server({"/v2/*": answer, "/token": tokens}) as server:
        assert ask(server.url, revoked, **settings) == ["1", "1"]
