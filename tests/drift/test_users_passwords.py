"""Passwords: checked on threads, once; failures limited; nobody's name given away."""

from __future__ import annotations

import asyncio
import threading
import time

import bcrypt
import httpx2
import pytest

from ghostnb.drift.auth import passwords as passwords_module
from ghostnb.drift.auth import users as users_module
from ghostnb.drift.auth.attempts import Attempts
from ghostnb.drift.auth.passwords import Passwords
from ghostnb.drift.auth.users import Users
from ghostnb.drift.replies import RefusedError
from tests.drift.logins import PASSWORDS, ROLES, basic, locked_drift, write_htpasswd
from tests.parts.drift import IN_PROCESS_URL

HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def users(tmp_path, monkeypatch):
    monkeypatch.setattr(users_module, "_LOOK_SECONDS", 0.0)
    return Users(write_htpasswd(tmp_path / "htpasswd"), ROLES)


@pytest.fixture
def checks(monkeypatch):
    """Record on which thread and against what passwords are checked."""
    seen = []
    check = bcrypt.checkpw

    def recorded(password, hashed):
        seen.append((threading.current_thread().name, hashed))
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", recorded)
    return seen


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def checked(passwords: Passwords, name: str, password: str, address: str = HERE):
    return asyncio.run(passwords.check(name, password, address))


def test_the_right_password_is_its_users_and_no_other(users):
    passwords = Passwords(users)

    for name, password in PASSWORDS.items():
        assert checked(passwords, name, password).name == name
        assert checked(passwords, name, password + "x") is None
        assert checked(passwords, name, "") is None
    assert checked(passwords, "vic", PASSWORDS["ada"]) is None
    # One of them is that of whose hash a nobody's password is held against.
    for password in PASSWORDS.values():
        assert checked(passwords, "nobody", password) is None


def test_a_password_that_is_right_is_checked_once(users, checks):
    passwords = Passwords(users)
    for _ in range(50):
        assert checked(passwords, "vic", PASSWORDS["vic"]).name == "vic"

    assert len(checks) == 1


def test_many_requests_at_once_wait_for_one_check(users, checks):
    passwords = Passwords(users)

    async def work():
        return await asyncio.gather(
            *(passwords.check("vic", PASSWORDS["vic"], HERE) for _ in range(50))
        )

    assert {user.name for user in asyncio.run(work())} == {"vic"}
    assert len(checks) == 1


def test_a_wrong_password_is_checked_each_time_also_after_the_right_one(users, checks):
    passwords = Passwords(users)
    checked(passwords, "vic", PASSWORDS["vic"])
    for _ in range(3):
        assert checked(passwords, "vic", "wrong") is None

    assert len(checks) == 4


def test_a_user_who_is_not_known_costs_as_much_as_a_wrong_password(users, checks):
    passwords = Passwords(users)
    known = {users.get(name).password_hash for name in PASSWORDS}
    for number in range(5):
        assert checked(passwords, f"nobody-{number}", "wrong") is None

    assert len(checks) == 5
    assert {hashed for _, hashed in checks} <= known


def test_it_takes_as_long_too(tmp_path):
    passwords = Passwords(Users(write_htpasswd(tmp_path / "costly", cost=9), ROLES))

    def least(name: str) -> float:
        times = []
        for _ in range(5):
            # Of the processor, whatever else the machine does.
            began = time.process_time()
            checked(passwords, name, "wrong")
            times.append(time.process_time() - began)
        return min(times)

    assert 0.5 < least("vic") / least("nobody") < 2


def test_passwords_are_never_checked_on_the_loop(tmp_path, checks):
    passwords = Passwords(Users(write_htpasswd(tmp_path / "costly", cost=12), ROLES))

    async def longest_pause() -> float:
        login = asyncio.create_task(passwords.check("vic", PASSWORDS["vic"], HERE))
        longest = 0.0
        while not login.done():
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began)
        return longest

    began = time.perf_counter()
    longest = asyncio.run(longest_pause())
    assert longest < (time.perf_counter() - began) / 2
    assert checks[0][0].startswith("drift-passwords")


def test_few_passwords_are_checked_at_once_and_few_wait(users, monkeypatch):
    running, most, lock = 0, 0, threading.Lock()

    def slow(password, hashed):
        nonlocal running, most
        with lock:
            running, most = running + 1, max(most, running + 1)
        time.sleep(0.01)
        with lock:
            running -= 1
        return False

    monkeypatch.setattr(bcrypt, "checkpw", slow)
    # All are to come before the first is done.
    monkeypatch.setattr(users, "_look_at", float("inf"))
    passwords = Passwords(users)

    async def work():
        logins = (passwords.check(f"user-{n}", "wrong", f"192.0.2.{n}") for n in range(150))
        return await asyncio.gather(*logins, return_exceptions=True)

    outcomes = asyncio.run(work())

    refused = [outcome for outcome in outcomes if outcome is not None]
    assert most <= passwords_module._THREADS <= 4
    assert len(refused) == 150 - passwords_module._MAX_WAITING
    assert {(error.status, error.headers["retry-after"]) for error in refused} == {(429, "1")}


def test_a_new_password_ends_the_old_one(users, tmp_path):
    passwords = Passwords(users)
    assert checked(passwords, "vic", PASSWORDS["vic"])
    write_htpasswd(tmp_path / "htpasswd", {**PASSWORDS, "vic": "another"})

    assert checked(passwords, "vic", PASSWORDS["vic"]) is None
    assert checked(passwords, "vic", "another").name == "vic"


def test_a_user_who_is_gone_does_not_get_in_any_more(users, tmp_path):
    passwords = Passwords(users)
    assert checked(passwords, "vic", PASSWORDS["vic"])
    write_htpasswd(tmp_path / "htpasswd", {"dev": "d", "ada": "a"})

    assert checked(passwords, "vic", PASSWORDS["vic"]) is None


@pytest.mark.parametrize("password", ["ü" * 50, "x" * 100, "with:colon", " blanks ", "a\x00b"])
def test_every_password_that_htpasswd_takes_is_taken(tmp_path, password):
    # What is beyond 72 bytes never counted; bcrypt 5 refuses it where htpasswd cut it off.
    hashed = bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4)).decode()
    (tmp_path / "htpasswd").write_text(f"vic:{hashed}\n")
    passwords = Passwords(Users(tmp_path / "htpasswd", {}))

    assert checked(passwords, "vic", password).name == "vic"
    assert checked(passwords, "vic", password[:-30] + "no") is None


def test_a_password_is_not_kept(users):
    passwords = Passwords(users)
    checked(passwords, "vic", PASSWORDS["vic"])

    assert PASSWORDS["vic"] not in repr(vars(passwords))


def test_after_ten_failures_in_a_minute_the_next_login_waits(users, checks):
    clock = Clock()
    passwords = Passwords(users, Attempts(clock=clock))
    for _ in range(10):
        assert checked(passwords, "vic", "wrong") is None
        clock.now += 1

    for password in ("wrong", PASSWORDS["vic"]):
        with pytest.raises(RefusedError) as caught:
            checked(passwords, "vic", password)
        assert caught.value.status == 429
        assert caught.value.headers == {"retry-after": "50"}
    assert len(checks) == 10

    assert checked(passwords, "vic", PASSWORDS["vic"], THERE).name == "vic"
    assert checked(passwords, "dev", PASSWORDS["dev"]).name == "dev"
    clock.now += 50
    assert checked(passwords, "ada", PASSWORDS["ada"]).name == "ada"


def test_when_the_minute_is_over_one_more_failure_is_one_more_minute(users):
    clock = Clock()
    passwords = Passwords(users, Attempts(clock=clock))
    for _ in range(10):
        checked(passwords, "nobody", "wrong")
    with pytest.raises(RefusedError):
        checked(passwords, "nobody", "wrong")
    clock.now += 60

    assert checked(passwords, "nobody", "wrong") is None


def test_who_is_in_stays_in_while_somebody_guesses_from_the_same_address(users):
    passwords = Passwords(users)
    assert checked(passwords, "vic", PASSWORDS["vic"])
    for _ in range(10):
        checked(passwords, "vic", "wrong")
    with pytest.raises(RefusedError):
        checked(passwords, "vic", "wrong")

    assert checked(passwords, "vic", PASSWORDS["vic"]).name == "vic"


def test_guesses_at_once_count_like_guesses_one_after_the_other(users, checks):
    passwords = Passwords(users)

    async def work():
        guesses = (passwords.check("vic", f"guess-{n}", HERE) for n in range(40))
        return await asyncio.gather(*guesses, return_exceptions=True)

    outcomes = asyncio.run(work())
    assert outcomes.count(None) == 10
    assert sum(isinstance(outcome, RefusedError) for outcome in outcomes) == 30
    assert len(checks) == 10


def test_names_that_are_made_up_keep_nobody_out_who_is_elsewhere(users, monkeypatch):
    # All are to come before the first is done.
    monkeypatch.setattr(users, "_look_at", float("inf"))
    passwords = Passwords(users)

    async def work():
        made_up = (passwords.check(f"nobody-{n}", "x", HERE) for n in range(200))
        guesses = asyncio.gather(*made_up, return_exceptions=True)
        await asyncio.sleep(0)
        user = await passwords.check("vic", PASSWORDS["vic"], THERE)
        return user, await guesses

    user, outcomes = asyncio.run(work())
    assert user.name == "vic"
    assert outcomes.count(None) == passwords_module._MAX_WAITING_OF_ONE


def test_a_hundred_failures_of_any_names_close_an_address_for_a_minute(users, checks):
    clock = Clock()
    passwords = Passwords(users, Attempts(clock=clock))
    assert checked(passwords, "dev", PASSWORDS["dev"])
    for number in range(100):
        assert checked(passwords, f"nobody-{number}", "wrong") is None
        if number == 50:
            # Who has a password of his own may not guess on.
            assert checked(passwords, "ada", PASSWORDS["ada"])

    for name, password in (("another", "wrong"), ("vic", PASSWORDS["vic"])):
        with pytest.raises(RefusedError) as caught:
            checked(passwords, name, password)
        assert caught.value.headers == {"retry-after": "60"}
    assert len(checks) == 102
    # Who is in stays in, and others are elsewhere.
    assert checked(passwords, "dev", PASSWORDS["dev"]).name == "dev"
    assert checked(passwords, "vic", PASSWORDS["vic"], THERE).name == "vic"
    clock.now += 60
    assert checked(passwords, "another", "wrong") is None


def test_a_login_begins_the_count_anew(users):
    passwords = Passwords(users)
    for _ in range(3):
        for _ in range(9):
            checked(passwords, "vic", "wrong")
        passwords._proofs.clear()
        assert checked(passwords, "vic", PASSWORDS["vic"]).name == "vic"


def test_names_that_are_made_up_fill_no_memory():
    attempts = Attempts()
    for number in range(10_500):
        attempts.note_failed(f"{number}-{'x' * 1000}", HERE)

    assert len(attempts._failures) == 10_000
    assert max(len(key[0]) for key in attempts._failures) <= 255


def test_an_address_of_ipv6_is_its_network(tmp_path):
    locked = locked_drift(tmp_path)

    async def guess(address: str) -> int:
        transport = httpx2.ASGITransport(locked.app, client=(address, 1))
        async with httpx2.AsyncClient(transport=transport, base_url=IN_PROCESS_URL) as client:
            return (await client.get("/v2/", headers=basic("vic", "wrong"))).status_code

    async def work():
        near = [await guess(f"2001:db8::{n}") for n in range(11)]
        return near, await guess("2001:db8:0:1::1"), await guess("192.0.2.7")

    near, far, other = asyncio.run(work())
    assert near == [401] * 10 + [429]
    assert (far, other) == (401, 401)


def test_too_many_failures_are_said_in_http_with_when_to_come_again(tmp_path):
    locked = locked_drift(tmp_path)
    for _ in range(10):
        assert locked.ask("GET", "/v2/", headers=basic("vic", "wrong")).status_code == 401

    for method, path in (("GET", "/v2/"), ("GET", "/token"), ("GET", "/whoami")):
        reply = locked.ask(method, path, headers=basic("vic", "wrong"))
        assert reply.status_code == 429
        assert 0 < int(reply.headers["retry-after"]) <= 60
    pair = {"username": "vic", "password": "wrong"}
    reply = locked.ask("POST", "/login", json=pair)
    assert reply.status_code == 429
    assert reply.json()["errors"][0]["code"] == "TOOMANYREQUESTS"
