"""Tokens: who signed them, whose they are, how long they hold; scopes and keys."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import stat

import pytest

from ghostnb.drift.auth import tokens as tokens_module
from ghostnb.drift.auth import users as users_module
from ghostnb.drift.auth.identity import Identity, Role
from ghostnb.drift.auth.scopes import covers, needed_scope, parse_scopes
from ghostnb.drift.auth.tokens import InvalidTokenError, Tokens, read_key
from ghostnb.drift.auth.users import Users
from tests.drift.logins import KEY, PASSWORDS, ROLES, htpasswd_line, write_htpasswd

SCOPES = parse_scopes(["repository:a/b:pull,push"])


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def users(tmp_path, monkeypatch):
    monkeypatch.setattr(users_module, "_LOOK_SECONDS", 0.0)
    return Users(write_htpasswd(tmp_path / "htpasswd"), ROLES)


@pytest.fixture
def tokens(users, clock):
    return Tokens(KEY, users, clock=clock)


def identity(tokens: Tokens, value: str) -> Identity:
    return asyncio.run(tokens.identity(value))


def refused(tokens: Tokens, value: str) -> str:
    with pytest.raises(InvalidTokenError) as caught:
        identity(tokens, value)
    return str(caught.value)


def test_a_token_says_whose_it_is_and_what_for(tokens, users):
    dev = users.get("dev")

    access = identity(tokens, tokens.access(dev, SCOPES).value)
    assert access == Identity("dev", Role.DEVELOPER, SCOPES)
    assert identity(tokens, tokens.login(dev).value) == Identity("dev", Role.DEVELOPER, None)
    assert identity(tokens, tokens.access(None, ()).value) == Identity(None, Role.VIEWER, ())
    assert asyncio.run(tokens.refreshing(tokens.refresh(dev).value)) == dev


def test_a_token_says_when_it_came_and_how_long_it_holds(tokens, users):
    token = tokens.access(users.get("dev"), SCOPES)

    assert (token.issued_at, token.lifetime_seconds) == ("2023-11-14T22:13:20Z", 300)
    assert tokens.login(users.get("dev")).lifetime_seconds == 3600


def test_a_token_ends(tokens, users, clock):
    access, login = tokens.access(users.get("dev"), SCOPES), tokens.login(users.get("dev"))
    refresh = tokens.refresh(users.get("dev"))
    clock.now += 299
    assert identity(tokens, access.value).username == "dev"
    clock.now += 1

    assert refused(tokens, access.value) == "The token has expired."
    assert identity(tokens, login.value).username == "dev"
    clock.now += 3300
    assert refused(tokens, login.value) == "The token has expired."
    clock.now += 10 * 365 * 86400
    assert asyncio.run(tokens.refreshing(refresh.value)).name == "dev"


def test_a_refresh_token_opens_nothing_and_no_other_gets_tokens(tokens, users):
    dev = users.get("dev")

    assert refused(tokens, tokens.refresh(dev).value) == "A refresh token is not good for this."
    for token in (tokens.access(dev, SCOPES), tokens.login(dev)):
        with pytest.raises(InvalidTokenError):
            asyncio.run(tokens.refreshing(token.value))


@pytest.mark.parametrize(
    "value",
    ["", ".", "a", "a.b", "a.b.c", "!!!.!!!", "é.é", "x" * 50_000, "eyJhbGciOiJub25lIn0.e30."],
    ids=lambda value: value[:10],
)
def test_what_is_no_token_is_refused(tokens, value):
    assert refused(tokens, value) in ("The token cannot be read.", "The token was not issued here.")


def test_a_token_that_was_changed_is_refused(tokens, users):
    said, _, signature = tokens.access(users.get("vic"), SCOPES).value.partition(".")
    claims = json.loads(base64.urlsafe_b64decode(said + "=="))
    for change in ({"username": "ada"}, {"purpose": "login"}, {"scopes": ["repository:c:pull"]}):
        forged = base64.urlsafe_b64encode(json.dumps({**claims, **change}).encode())
        assert refused(tokens, f"{forged.decode().rstrip('=')}.{signature}")
    assert refused(tokens, f"{said}.")
    assert refused(tokens, f"{said}.{signature[:-4]}")


def test_a_token_of_another_key_is_refused(tokens, users):
    other = Tokens(b"other" * 8, users)

    assert refused(tokens, other.login(users.get("ada")).value) == "The token was not issued here."


def test_what_another_version_signed_is_refused(tokens):
    said = b'{"purpose":1}'
    value = f"{tokens_module._text(said)}.{tokens_module._text(tokens._sign(said))}"

    assert refused(tokens, value) == "The token is of another version."


def test_a_token_ends_with_its_users_password(tokens, users, tmp_path):
    login, refresh = tokens.login(users.get("vic")), tokens.refresh(users.get("vic"))
    others = tokens.login(users.get("dev"))
    lines = [htpasswd_line("vic", "another"), *(tmp_path / "htpasswd").open().readlines()[1:]]
    (tmp_path / "htpasswd").write_text("".join(lines))

    assert "another password" in refused(tokens, login.value)
    with pytest.raises(InvalidTokenError, match="has another password"):
        asyncio.run(tokens.refreshing(refresh.value))
    assert identity(tokens, others.value).username == "dev"


def test_a_token_ends_with_its_user(tokens, users, tmp_path):
    login = tokens.login(users.get("vic"))
    write_htpasswd(tmp_path / "htpasswd", {"dev": "d", "ada": "a"})

    assert "has gone" in refused(tokens, login.value)


def test_a_tokens_role_is_that_of_the_moment(users, tmp_path):
    value = Tokens(KEY, users).login(users.get("ada")).value
    demoted = Users(tmp_path / "htpasswd", {})

    assert identity(Tokens(KEY, demoted), value).role == Role.VIEWER


def test_a_token_is_not_shown(tokens, users):
    token = tokens.login(users.get("vic"))

    assert token.value not in repr(token)
    assert PASSWORDS["vic"] not in token.value


def test_a_key_is_made_once_for_its_owner_alone(tmp_path):
    file = tmp_path / "data" / "key"
    key = read_key(file)

    assert len(key) == 32
    assert read_key(file) == key == file.read_bytes()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(file.parent) == ["key"]


def test_of_two_that_start_at_once_the_first_ones_key_is_both_ones(tmp_path, monkeypatch):
    file = tmp_path / "key"

    def overtaken(size: int) -> bytes:
        file.write_bytes(b"o" * size)
        return b"m" * size

    monkeypatch.setattr(tokens_module.secrets, "token_bytes", overtaken)

    assert read_key(file) == b"o" * 32
    assert os.listdir(tmp_path) == ["key"]


def test_where_a_key_cannot_be_kept_there_is_one_for_this_time(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    first, second = read_key(tmp_path / "file" / "key"), read_key(tmp_path / "file" / "key")

    assert len(first) == len(second) == 32
    assert first != second
    assert "logins end with this process" in caplog.text
    assert first.hex() not in caplog.text


def test_a_key_that_is_too_short_is_not_used(tmp_path, caplog):
    (tmp_path / "key").write_bytes(b"short")

    assert len(read_key(tmp_path / "key")) == 32
    assert "it has 5 bytes" in caplog.text


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("repository:a/b:pull", ["repository:a/b:pull"]),
        ("repository:a:push,pull", ["repository:a:pull,push"]),
        ("repository:a:*", ["repository:a:delete,pull,push"]),
        ("repository(plugin):a:pull", ["repository:a:pull"]),
        ("repository:a:pull repository:b:pull", ["repository:a:pull", "repository:b:pull"]),
        ("repository:a:frobnicate", ["repository:a:"]),
        ("repository:a:", ["repository:a:"]),
        ("registry:catalog:*", ["registry:catalog:*"]),
        ("registry:catalog:pull", ["registry:catalog:"]),
        ("registry:other:*", []),
        ("repository:../etc:pull", []),
        ("repository:A:pull", []),
        ("repository::pull", []),
        ("repository:pull", []),
        ("admin", []),
        ("", []),
    ],
)
def test_scopes_are_read(text, read):
    assert [str(scope) for scope in parse_scopes([text])] == read


def test_a_scope_covers_its_own_repository_and_actions_alone():
    scopes = parse_scopes(["repository:a/b:pull", "repository:c:pull,push"])

    assert covers(scopes, needed_scope("pull", "a/b"))
    assert covers(scopes, needed_scope("push", "c"))
    assert covers((), needed_scope("none", ""))
    for action, repository in (
        ("push", "a/b"),
        ("delete", "c"),
        ("pull", "a"),
        ("pull", "a/b/c"),
        ("pull", ""),
        ("admin", "c"),
    ):
        assert not covers(scopes, needed_scope(action, repository))
