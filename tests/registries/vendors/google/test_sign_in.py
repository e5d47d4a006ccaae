"""This machine's sign-in and service accounts' keys; google-auth's own objects are stood in for."""

from __future__ import annotations

import asyncio
import base64
import builtins
import json
import os
import subprocess
import sys
import threading
import time
import traceback
import warnings
from dataclasses import dataclass, field
from typing import Any

import google.auth
import pytest
from google.auth import exceptions
from google.auth.credentials import TokenState

from ghostnb.errors import TransportError, UnauthorizedError, UnsupportedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import Session
from ghostnb.registries.vendors import find_vendor
from ghostnb.registries.vendors.google import pauses, sign_in
from ghostnb.wire.tokens import Credentials
from tests.registries.vendors.google.replay import API_HOST, KEY, TOKEN, GoogleReplay
from tests.registries.vendors.google.runs import URL, by_key, by_token, listed, run
from tests.registries.vendors.runs import run_on
from tests.warned import told

CART = "my-proj/apps/cart"
REAL_DEFAULT = google.auth.default


@dataclass
class Faked:
    """What stands in for credentials of google-auth, with the tokens that refreshes give."""

    tokens: list[str] = field(default_factory=lambda: [TOKEN])
    failure: Exception | None = None
    service_account_email: str = "notebook@my-proj.iam.gserviceaccount.com"
    quota_project_id: str | None = None
    token: str | None = None
    token_state: Any = TokenState.INVALID
    loads: int = 0
    refreshes: int = 0
    threads: list[str] = field(default_factory=list)
    answers: threading.Event = field(default_factory=threading.Event)
    is_silent: bool = False

    def refresh(self, request: Any) -> None:
        self.refreshes += 1
        self.threads.append(threading.current_thread().name)
        time.sleep(0.02)
        if self.is_silent:
            self.answers.wait(30)
        if self.failure is not None:
            raise self.failure
        self.token = self.tokens.pop(0)
        self.token_state = TokenState.FRESH


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Let this machine have credentials for programs."""
    (tmp_path / "gcloud").mkdir()
    (tmp_path / "gcloud" / "application_default_credentials.json").write_text("{}")
    found = Faked()

    def default(scopes):
        assert scopes == ["https://www.googleapis.com/auth/cloud-platform"]
        found.loads += 1
        return found, "my-proj"

    monkeypatch.setattr("google.auth.default", default)
    return found


@pytest.fixture
def without_google_auth(monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "google"]:
        monkeypatch.delitem(sys.modules, name)
    real = builtins.__import__

    def refuse(name, *arguments, **options):
        if name.split(".")[0] == "google":
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)


# The machine's own


def test_without_a_user_this_machines_sign_in_is_used(google, machine):
    found = run(google, listed("repositories", "my-proj/apps"))

    assert len(found) == 3
    assert machine.refreshes == 1


def test_it_serves_the_registrys_token_server_as_well(google, machine):
    async def work(registry):
        return await registry.ping(), await listed("tags", CART)(registry)

    ping, tags = run(google, work)

    assert (ping.authenticated, len(tags)) == (True, 4)
    assert ping.rights == "notebook@my-proj.iam.gserviceaccount.com"
    assert any("account=oauth2accesstoken" in line for line in google.asked)
    assert machine.refreshes == 1


def test_many_requests_get_one_token_on_a_thread_of_its_own(google, machine):
    async def work(registry):
        reads = [listed("tag_details", CART)(registry) for _ in range(5)]
        return await asyncio.gather(*reads, listed("repositories", "my-proj")(registry))

    run(google, work)

    assert machine.refreshes == 1
    assert machine.threads != [threading.main_thread().name]


def test_a_token_is_renewed_before_its_end(google, machine):
    machine.tokens = [TOKEN, "ya29.second"]
    google.tokens.add("ya29.second")

    async def work(registry):
        supplied = []
        for state in (TokenState.FRESH, TokenState.FRESH, TokenState.STALE):
            supplied.append(await registry._vendor.credentials())
            machine.token_state = state
        supplied.append(await registry._vendor.credentials())
        return [one.password for one in supplied]

    assert run(google, work) == [TOKEN, TOKEN, TOKEN, "ya29.second"]
    assert machine.refreshes == 2


def test_requests_are_counted_to_the_project_that_is_named(google, machine):
    machine.quota_project_id = google.quota_project = "billing-proj"

    async def work(registry):
        found = await listed("repositories", "my-proj/apps")(registry)
        return len(found), registry._vendor._tokens.quota_project("another's")

    assert run(google, work) == (3, "")


def test_a_configured_user_is_asked_first(google, machine):
    machine.quota_project_id = "billing-proj"

    run(google, listed("repositories", "my-proj/apps"), **by_token())

    assert machine.refreshes == 0


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("https://us-docker.pkg.dev.evil.example", {"kind": "artifact-registry"}),
        ("https://registry.example.com", {"kind": "artifact-registry"}),
        ("http://us-docker.pkg.dev", {"insecure": True}),
        ("https://us-docker.pkg.dev", {"insecure": True}),
        ("https://us-docker.pkg.dev", {"stored_credentials": False}),
        ("https://us-docker.pkg.dev:8443", {}),
    ],
)
def test_only_google_itself_gets_it(machine, url, options):
    async def ask():
        config = RegistryConfig("reg", url, **options)
        session = Session(config)
        return await find_vendor(config, session).credentials()

    assert asyncio.run(ask()) is None
    assert machine.refreshes == 0


@pytest.mark.parametrize(
    "url", ["https://us-docker.pkg.dev", "https://GCR.io/", "https://gcr.io:443"]
)
def test_google_itself_gets_it(machine, url):
    async def ask():
        config = RegistryConfig("reg", url)
        return await find_vendor(config, Session(config)).credentials()

    assert asyncio.run(ask()) == Credentials("oauth2accesstoken", TOKEN)
    assert TOKEN not in repr(asyncio.run(ask()))


def test_a_machine_that_has_none_asks_nobody(google):
    # The fixture refuses google-auth, which would look for a metadata server for seconds.
    google.public.add(CART)
    started = time.monotonic()

    assert len(run(google, listed("tag_details", CART))) == 4
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("sign", ["file", "key", "metadata", "product"])
def test_signs_of_credentials(monkeypatch, tmp_path, sign):
    assert not sign_in.may_have_defaults()
    if sign == "file":
        (tmp_path / "gcloud").mkdir()
        (tmp_path / "gcloud" / "application_default_credentials.json").write_text("{}")
    elif sign == "product":
        (tmp_path / "product_name").write_text("Google Compute Engine\n")
    else:
        name = "GOOGLE_APPLICATION_CREDENTIALS" if sign == "key" else "GCE_METADATA_HOST"
        monkeypatch.setenv(name, "x")

    assert sign_in.may_have_defaults()


def test_another_makers_machine_is_no_sign(tmp_path):
    (tmp_path / "product_name").write_text("KVM\n")

    assert not sign_in.may_have_defaults()


@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (exceptions.RefreshError("invalid_grant: revoked", {"a": "s3cret"}), "invalid_grant"),
        (exceptions.TransportError("no route"), "does not answer"),
        (exceptions.DefaultCredentialsError("File x was not found."), "File x was not found"),
    ],
)
def test_a_sign_in_that_is_over_is_said_once_and_not_used(google, machine, failure, words):
    machine.failure = failure
    google.public.add(CART)

    async def work(registry):
        first = await listed("tag_details", CART)(registry)
        await registry._vendor.credentials()
        return first

    with pytest.warns(UserWarning, match=words) as warned:
        assert len(run(google, work)) == 4

    (text,) = told(warned)
    assert "s3cret" not in text


@pytest.fixture
def silent(machine, google, monkeypatch):
    """Let google-auth wait for what never answers."""
    monkeypatch.setattr(sign_in, "_PATIENCE_SECONDS", 0.2)
    google.public.add(CART)
    machine.is_silent = True
    yield machine
    machine.answers.set()


def test_a_sign_in_that_never_answers_is_not_waited_for(google, silent):
    started = time.perf_counter()

    with pytest.warns(UserWarning, match=r"no access token within 0\.2 s.*They were not used"):
        assert len(run(google, listed("tag_details", CART))) == 4

    assert time.perf_counter() - started < 5
    assert silent.refreshes == 1


WAITING = r"no access token within 0\.2 s.*They were not used.*stored_credentials = false"


@pytest.fixture
def clock(monkeypatch):
    """Let time pass as a test says, beside its own."""

    class Clock:
        passed = 0.0

        def monotonic(self):
            return time.monotonic() + self.passed

    made = Clock()
    monkeypatch.setattr(pauses, "time", made)
    return made


def asked_each_minute(clock, silent, minutes):
    """Ask once a minute, and tell at which of them it was waited for."""

    async def work(registry):
        waited = []
        for minute in range(minutes):
            before = silent.refreshes
            await registry._vendor.credentials()
            if silent.refreshes > before:
                waited.append(minute)
            clock.passed += 60.0
        return waited

    return work


def test_what_is_waited_for_in_vain_is_asked_for_less_and_less_often(google, silent, clock):
    with pytest.warns(UserWarning, match=WAITING) as warned:
        waited = run(google, asked_each_minute(clock, silent, 40))

    # After 1, 2, 4 and 8 minutes, and then after 10.
    assert waited == [0, 1, 3, 7, 15, 25, 35]
    (text,) = told(warned)
    assert "GOOGLE_APPLICATION_CREDENTIALS" in text


def test_a_sign_in_that_fails_late_is_one_that_is_waited_for(google, machine, clock, monkeypatch):
    monkeypatch.setattr(sign_in, "_PATIENCE_SECONDS", 0.03)
    machine.failure = exceptions.TransportError("no metadata server")  # after 0.02 s

    with pytest.warns(UserWarning, match="stored_credentials = false"):
        assert run(google, asked_each_minute(clock, machine, 5)) == [0, 1, 3]


def test_a_sign_in_that_fails_at_once_is_tried_each_time(google, machine, clock):
    machine.failure = exceptions.TransportError("no route")

    with pytest.warns(UserWarning, match="They were not used") as warned:
        assert run(google, asked_each_minute(clock, machine, 4)) == [0, 1, 2, 3]
    assert "stored_credentials" not in told(warned)[0]


@pytest.mark.parametrize("change", ["variable", "file", "key"])
def test_who_gives_others_meanwhile_is_not_kept_waiting(
    google, silent, monkeypatch, tmp_path, change
):
    key = tmp_path / "key.json"
    key.write_text("{}")
    if change == "key":
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(key))

    async def work(registry):
        with pytest.warns(UserWarning, match=WAITING):
            assert await registry._vendor.credentials() is None
        silent.is_silent = False
        assert await registry._vendor.credentials() is None
        if change == "key":
            os.utime(key, (1, 1))
        elif change == "variable":
            monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/key.json")
        else:
            os.utime(tmp_path / "gcloud" / "application_default_credentials.json", (1, 1))
        return await registry._vendor.credentials()

    assert run(google, work).password == TOKEN


def test_after_an_answer_the_pauses_are_short_again(google, silent, clock):
    async def work(registry):
        for _ in range(3):
            await registry._vendor.credentials()
            clock.passed += 600.0
        silent.is_silent = False
        answered = await registry._vendor.credentials()
        silent.is_silent, silent.token_state = True, TokenState.INVALID
        return answered, await asked_each_minute(clock, silent, 3)(registry)

    with pytest.warns(UserWarning, match=WAITING):
        answered, waited = run(google, work)

    assert answered.password == TOKEN
    assert waited == [0, 1]


def test_who_waits_for_a_sign_in_can_be_cancelled(google, silent, monkeypatch):
    monkeypatch.setattr(sign_in, "_PATIENCE_SECONDS", 20.0)

    async def work(registry):
        started = time.perf_counter()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(registry._vendor.credentials(), 1)
        return time.perf_counter() - started

    assert run(google, work) < 5
    assert silent.refreshes == 1


HANGING = """
import asyncio, time
from ghostnb.errors import TransportError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.vendors.google import sign_in

sign_in._PATIENCE_SECONDS = 0.2
config = RegistryConfig("reg", "https://us-docker.pkg.dev")
try:
    asyncio.run(sign_in.SignIn(config, "a test", lambda: time.sleep(120)).token())
except TransportError as e:
    print(e.message)
"""


def test_a_sign_in_that_never_answers_keeps_no_program_from_ending():
    done = subprocess.run(
        [sys.executable, "-c", HANGING], capture_output=True, timeout=40, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "no access token within 0.2 s" in done.stdout


def test_who_logs_in_anew_is_found(google, machine):
    machine.failure = exceptions.RefreshError("invalid_grant: revoked")

    async def work(registry):
        with pytest.warns(UserWarning, match="gcloud auth application-default login"):
            assert await registry._vendor.credentials() is None
        machine.failure = None
        return await registry._vendor.credentials()

    assert run(google, work).password == TOKEN
    assert machine.loads == 2, "what gcloud wrote since then was not read"


def test_without_google_auth_all_else_works(google, machine, without_google_auth):
    google.public.add(CART)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(run(google, listed("tag_details", CART))) == 4
        assert len(run(google, listed("tag_details", CART), **by_token())) == 4
        assert len(run(google, listed("repositories", "my-proj"), **by_token())) == 3
        assert len(run(google, listed("tag_details", CART), **by_key())) == 4
    assert machine.refreshes == 0


def test_google_auth_without_what_it_asks_by_is_as_good_as_none(google, machine, monkeypatch):
    monkeypatch.setitem(sys.modules, "google.auth.transport.requests", None)
    google.public.add(CART)

    assert len(run(google, listed("tag_details", CART))) == 4
    assert machine.refreshes == 0


@pytest.mark.parametrize("content", ["[]", '"text"', None])
def test_files_of_no_use_leave_what_is_public(google, monkeypatch, tmp_path, content):
    monkeypatch.setattr("google.auth.default", REAL_DEFAULT)
    path = tmp_path / "key.json"
    path.write_text(content) if content else path.mkdir()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    google.public.add(CART)

    with pytest.warns(UserWarning, match=r"makes nothing of.*They were not used"):
        assert len(run(google, listed("tag_details", CART))) == 4


def test_a_refusal_says_what_to_install(google, machine, without_google_auth):
    with pytest.raises(UnauthorizedError, match=r"pip install 'ghostnb\[google\]'"):
        run(google, listed("tags", CART))


# A service account's key


@pytest.fixture
def account(monkeypatch):
    """Let google-auth make credentials of the key."""
    found = Faked()

    def make(info, scopes):
        assert info == json.loads(KEY)
        assert scopes == ["https://www.googleapis.com/auth/cloud-platform"]
        return found

    monkeypatch.setattr("google.oauth2.service_account.Credentials.from_service_account_info", make)
    return found


@pytest.mark.parametrize(
    ("user", "key"),
    [("_json_key", KEY), ("_json_key_base64", base64.b64encode(KEY.encode()).decode())],
)
def test_a_key_is_good_for_the_api(google, account, user, key):
    google.accounts.add((user, key))

    async def work(registry):
        await registry.ping()
        return await listed("repositories", "my-proj")(registry)

    assert len(run(google, work, **by_key(key, user))) == 3
    assert account.refreshes == 1
    assert any(f"account={user}" in line for line in google.asked)


def test_many_requests_make_one_token_of_a_key(google, account):
    async def work(registry):
        api = registry._vendor._api
        return await asyncio.gather(*(api.authorization() for _ in range(5)))

    assert run(google, work, **by_key()) == [f"Bearer {TOKEN}"] * 5
    assert account.refreshes == 1


def test_a_keys_rights(google, account):
    async def work(registry):
        return (await registry.ping()).rights

    found = run(google, work, **by_key(), namespace="my-proj/apps")

    assert found == "ci@my-proj.iam: may read, delete tags in my-proj/apps"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (exceptions.RefreshError("invalid_grant: Invalid JWT"), UnauthorizedError),
        (exceptions.TransportError("no route"), TransportError),
        (ValueError("Could not read k3y"), UnauthorizedError),
    ],
)
def test_a_key_that_is_taken_no_more(google, account, failure, kind):
    account.failure = failure

    async def work(registry):
        return await registry._vendor._api.authorization()

    with pytest.raises(kind) as raised:
        run(google, work, **by_key())

    shown = "".join(traceback.format_exception(raised.value))
    assert "k3y" not in str(raised.value)
    assert "ValueError: Could not read k3y" not in shown
    assert "ci@my-proj.iam" in str(raised.value)


@pytest.mark.parametrize(
    "key", ["k3y", '{"private_key": k3y}', "{}", '["k3y"]', '{"private_key": "k3y"}', "k3yé"]
)
def test_what_is_no_key_is_not_shown(google, monkeypatch, key):
    def make(info, scopes):
        raise exceptions.MalformedError("missing fields client_email")

    monkeypatch.setattr("google.oauth2.service_account.Credentials.from_service_account_info", make)

    async def work(registry):
        return await registry._vendor._api.authorization()

    with pytest.raises(UnauthorizedError) as raised:
        run(google, work, **by_key(key))

    assert "k3y" not in str(raised.value)
    assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)


def test_without_google_auth_a_key_says_what_to_install(google, without_google_auth):
    async def work(registry):
        return await registry._vendor._api.authorization()

    with pytest.raises(UnsupportedError, match=r"pip install 'ghostnb\[google\]'"):
        run(google, work, **by_key())


def test_a_real_key_is_taken_by_google_auth(monkeypatch):
    monkeypatch.undo()
    key = json.dumps(
        {
            "type": "service_account",
            "client_email": "ci@my-proj.iam.gserviceaccount.com",
            "token_uri": "https://oauth2.googleapis.com/token",
            "private_key": private_key(),
        }
    )
    made = sign_in.key_credentials(base64.b64encode(key.encode()).decode())

    assert made.service_account_email == "ci@my-proj.iam.gserviceaccount.com"
    assert made.token_state is TokenState.INVALID


def private_key() -> str:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return made.private_bytes(*form, serialization.NoEncryption()).decode()


def test_google_auth_waits_no_longer_than_is_configured(monkeypatch):
    waited = []

    def request(self, url, method="GET", body=None, headers=None, timeout=120, **more):
        waited.append(timeout)

    monkeypatch.setattr("google.auth.transport.requests.Request.__call__", request)
    ask = sign_in._request(7.0)
    ask("https://oauth2.googleapis.com/token", method="POST")
    ask(url="http://metadata.google.internal", timeout=3)

    assert waited == [7.0, 3]


def test_the_api_gets_what_the_registry_does_not(google, account):
    # A key goes to the registry's token server, and what google-auth makes of it to the API alone.
    async def work(registry):
        await listed("tag_details", CART)(registry)
        await listed("repositories", "my-proj")(registry)

    google.tokens = {"ya29.api"}
    account.tokens = ["ya29.api"]
    run(google, work, **by_key())

    assert google.count(f"GET {URL}/v2/token") == 1
    assert google.count(f"GET https://{API_HOST}") == 3


def test_a_registry_of_google_elsewhere_in_the_world():
    google = GoogleReplay("asia-east1-docker.pkg.dev", "asia-east1")
    url = "https://asia-east1-docker.pkg.dev"
    name = "projects/my-proj/locations/asia-east1/repositories/apps/packages/cart"
    google.packages["apps"] = [{"name": name}]

    found = run_on(
        google, listed("repositories", "my-proj/apps"), name="asia", url=url, **by_token()
    )

    assert [one.repository for one in found] == ["my-proj/apps/cart"]
