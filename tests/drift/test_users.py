"""Users: the htpasswd file, its errors, and what happens when it changes."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import threading

import pytest

from ghostnb.drift.auth import users as users_module
from ghostnb.drift.auth.identity import Role, User
from ghostnb.drift.auth.users import Users, parse_htpasswd
from ghostnb.errors import ConfigError
from tests.drift.logins import PASSWORDS, ROLES, htpasswd_line, write_htpasswd
from tests.parts.processes import find_program

GOOD = htpasswd_line("vic", "v1c-s3cret").strip()


@pytest.fixture
def at_once(monkeypatch):
    """Look at the file at every request."""
    monkeypatch.setattr(users_module, "_LOOK_SECONDS", 0.0)


@pytest.fixture
def file(tmp_path):
    return write_htpasswd(tmp_path / "htpasswd")


def refreshed(users: Users) -> Users:
    asyncio.run(users.refresh())
    return users


def test_each_user_has_the_role_that_was_said_and_else_is_a_viewer(file):
    users = Users(file, ROLES)

    assert {name: users.get(name).role for name in PASSWORDS} == {
        "vic": Role.VIEWER,
        "dev": Role.DEVELOPER,
        "ada": Role.ADMIN,
    }
    assert users.get("nobody") is None


def test_roles_allow_what_the_ones_before_them_allow():
    actions = ("none", "pull", "push", "delete", "admin")
    allowed = {role: [action for action in actions if role.allows(action)] for role in Role}

    assert allowed == {
        Role.VIEWER: ["none", "pull"],
        Role.DEVELOPER: ["none", "pull", "push"],
        Role.ADMIN: list(actions),
    }


def test_what_htpasswd_writes_is_read(tmp_path):
    file = tmp_path / "htpasswd"
    command = [find_program("htpasswd", "apache2-utils"), "-ciBC", "4", str(file), "vic"]
    subprocess.run(command, input=b"secret", check=True, capture_output=True)

    assert Users(file, {}).get("vic").role == Role.VIEWER


def test_blank_lines_comments_and_windows_line_ends_are_fine():
    text = f"\ufeff# our users\r\n\r\n{GOOD}\r\n  \n".removeprefix("\ufeff")

    assert parse_htpasswd(text, source="f") == {"vic": GOOD.partition(":")[2].encode()}


def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path):
    file = tmp_path / "htpasswd"
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())

    assert Users(file, {}).get("vic") is not None


@pytest.mark.parametrize(
    "hashed",
    [
        "$apr1$e8ZPE6eO$zvKYQB96l0iULHV3zCVVV0",
        "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
        "plain-s3cret",
        "$6$salt$hash",
        "",
        "$2y$03$" + "a" * 53,
        "$2y$32$" + "a" * 53,
        "$2y$05$" + "a" * 52,
        "$2x$05$" + "a" * 53,
        "$2y$05$" + "a" * 53 + ":1000",
    ],
)
def test_a_hash_that_is_not_bcrypts_is_named_by_its_line_and_not_shown(hashed):
    with pytest.raises(ConfigError) as caught:
        parse_htpasswd(f"# users\n{GOOD}\nann:{hashed}\n", source="/etc/htpasswd")

    assert str(caught.value) == (
        "Line 3 of /etc/htpasswd has a hash for ann that is not bcrypt's. "
        "Put there what this prints: htpasswd -nB ann"
    )


@pytest.mark.parametrize("line", ["only-a-s3cret", ":s3cret", "a\x00b:s3cret", "x" * 256 + ":h"])
def test_a_line_that_is_none_is_named_and_not_shown(line):
    with pytest.raises(ConfigError, match=r"Line 2 of f is not a user's name, a colon") as caught:
        parse_htpasswd(f"{GOOD}\n{line}\n", source="f")

    assert "s3cret" not in str(caught.value)


def test_a_user_twice_is_an_error():
    with pytest.raises(ConfigError, match="Line 2 of f is a second one for vic"):
        parse_htpasswd(f"{GOOD}\n{htpasswd_line('vic', 'other')}", source="f")


@pytest.mark.parametrize("text", ["", "# nobody yet\n"])
def test_a_file_without_users_is_an_error(text):
    with pytest.raises(ConfigError, match="There are no users in f"):
        parse_htpasswd(text, source="f")


def test_a_file_that_cannot_be_read_is_an_error(tmp_path):
    with pytest.raises(ConfigError, match=r"No such file or directory.*htpasswd -cB"):
        Users(tmp_path / "none", {})
    (tmp_path / "latin").write_bytes(b"\xff:x")
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        Users(tmp_path / "latin", {})
    with pytest.raises(ConfigError, match="Is a directory"):
        Users(tmp_path, {})


def test_a_role_for_who_is_not_in_the_file_is_an_error(file):
    with pytest.raises(ConfigError, match=r"bob, eve is given a role, but is not in .*htpasswd -B"):
        Users(file, {"eve": Role.ADMIN, "bob": Role.DEVELOPER, "vic": Role.ADMIN})


def test_a_new_version_of_the_file_counts(file, at_once):
    users = Users(file, ROLES)
    write_htpasswd(file, {"new": "n", "dev": "d", "ada": "a"})

    assert refreshed(users).get("new").role == Role.VIEWER
    assert users.get("vic") is None
    assert users.get("ada").role == Role.ADMIN


def test_the_file_is_looked_at_once_a_second(file, monkeypatch):
    users = Users(file, ROLES)
    looks = []
    monkeypatch.setattr(users, "_reload", lambda: looks.append(threading.current_thread()))
    for _ in range(20):
        refreshed(users)
    assert looks == []

    monkeypatch.setattr(users, "_look_at", 0.0)
    for _ in range(20):
        refreshed(users)

    assert len(looks) == 1
    assert looks[0] is not threading.main_thread()


@pytest.mark.parametrize("text", ["", "vic:plain-s3cret\n", "vic\n", None], ids=str)
def test_a_version_that_cannot_be_used_is_logged_once_and_changes_nothing(
    file, at_once, caplog, text
):
    users = Users(file, ROLES)
    if text is None:
        file.unlink()
    else:
        file.write_text(text)
    for _ in range(3):
        refreshed(users)

    assert [users.get(name).name for name in PASSWORDS] == list(PASSWORDS)
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert "; the users stay as they were." in caplog.text
    assert "s3cret" not in caplog.text

    write_htpasswd(file, {**PASSWORDS, "new": "n"})
    assert refreshed(users).get("new") is not None


def test_who_is_taken_out_of_the_file_is_out_also_with_a_role(file, at_once, caplog):
    users = Users(file, ROLES)
    write_htpasswd(file, {"vic": "v"})

    assert refreshed(users).get("ada") is None
    assert "ada, dev is given a role, but is not in" in caplog.text


def test_a_name_that_nobody_has_always_gets_the_same_hash_of_somebody(file):
    users = Users(file, ROLES)
    hashes = {users.get(name).password_hash for name in PASSWORDS}

    assert users.decoy("nobody") == users.decoy("nobody")
    assert {users.decoy(f"nobody-{number}") for number in range(100)} == hashes


def test_a_hash_is_not_shown(file):
    users = Users(file, ROLES)

    assert "$2" not in repr(users) + repr(users.get("ada"))
    assert repr(User("a", Role.ADMIN, b"hash")) == ("User(name='a', role=<Role.ADMIN: 'admin'>)")
