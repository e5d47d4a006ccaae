"""Who asks: a name and a password, a sign-in by Entra ID, or nobody."""

from __future__ import annotations

import asyncio
import builtins
import subprocess
import sys
import threading
import time
import warnings

import pytest
from azure.core.exceptions import ServiceRequestError

from ghostnb.errors import (
    ConfigError,
    ForbiddenError,
    ProtocolError,
    RateLimitedError,
    UnauthorizedError,
)
from ghostnb.registries.session import auth
from ghostnb.registries.session import credentials as looking
from ghostnb.registries.vendors.acr import entra
from tests.parts.images import plain_image
from tests.registries.vendors.acr.replay import (
    AAD_TOKEN,
    HOST,
    SECRET,
    ACRReplay,
    answer,
    document,
)
from tests.registries.vendors.acr.runs import URL, listed, logged_in, pinged, run
from tests.warned import told

EXCHANGE = f"{HOST}/oauth2/exchange"


@pytest.fixture
def clock(monkeypatch):
    """Give a list whose one entry is how many seconds are over."""
    elapsed, real = [0.0], time.monotonic
    for module in (entra, looking, auth):
        monkeypatch.setattr(module.time, "monotonic", lambda: real() + elapsed[0])
    return elapsed


def test_a_name_and_a_password_go_to_the_token_server_alone(azure, sign_in):
    ping = run(azure, pinged, **logged_in())

    assert (ping.kind, ping.authenticated) == ("acr", True)
    assert ping.rights == "user ci; may list the repositories"
    assert sign_in.options == [], "a configured user needs no sign-in"
    assert azure.count(f"POST {URL}") == 0
    assert [line for line in azure.asked if SECRET in line] == []


def test_a_token_without_an_end_is_renewed_after_a_minute(azure, clock):
    async def work(registry):
        for seconds in (0, 30, 61):
            clock[0] = seconds
            await listed("repositories")(registry)

    run(azure, work, **logged_in())

    assert azure.tokens.count("registry:catalog:*") == 2


def test_each_call_has_the_scope_that_it_needs_and_no_other(azure):
    azure.held.add("shop/cart:1.4", plain_image("app"))

    async def work(registry):
        await listed("repositories")(registry)
        await listed("tag_details", "shop/cart")(registry)
        await listed("tags", "shop/cart")(registry)
        await registry.delete_tag("shop/cart", "1.4")

    run(azure, work, **logged_in())

    assert set(azure.tokens) == {
        "registry:catalog:*",
        "repository:shop/cart:metadata_read",
        "repository:shop/cart:pull",
        "repository:shop/cart:delete",
    }


def test_a_wrong_password_is_no_anonymous_user(azure):
    azure.is_public = True

    with pytest.raises(UnauthorizedError, match="'ci'") as raised:
        run(azure, pinged, **logged_in("wr0ng"))

    assert "wr0ng" not in str(raised.value) + repr(vars(raised.value))


def test_a_password_that_is_wrong_by_now_is_no_missing_right(azure, clock):
    async def work(registry):
        await registry.ping()
        azure.account = ("ci", "an0ther")
        clock[0] = 400.0
        return await registry._vendor.rights()

    with pytest.raises(UnauthorizedError, match="'ci'"):
        run(azure, work, **logged_in())


def test_who_may_not_list_is_told_so(azure):
    azure.denied = {"registry:catalog:*"}

    assert run(azure, pinged, **logged_in()).rights == "user ci; may not list the repositories"


def test_anonymous_users_are_told_so(azure):
    azure.is_public = True

    ping = run(azure, pinged)

    assert (ping.authenticated, ping.rights) == (False, "anonymous; may list the repositories")


def test_a_sign_in_is_exchanged_for_the_registrys_own_token(azure, sign_in):
    sign_in.token = AAD_TOKEN
    azure.claims["permissions"] = {"actions": ["read", "write"], "notActions": None}
    azure.held.add("shop/cart:1.4", plain_image("app"))

    async def work(registry):
        ping = await registry.ping()
        await listed("repositories")(registry)
        await listed("tag_details", "shop/cart")(registry)
        await registry.delete_tag("shop/cart", "1.4")
        return ping, repr(registry), repr(registry._vendor), repr(registry._vendor._entra)

    ping, *shown = run(azure, work)

    assert ping.rights == "user@contoso.com by Entra ID (read, write); may list the repositories"
    assert sign_in.audiences == ["https://containerregistry.azure.net/.default"]
    assert (azure.exchanges, sign_in.closed) == (1, 1)
    assert azure.changed == ["tag shop/cart:1.4"]
    assert "jwt" not in str(shown)


def test_a_refresh_token_that_says_nothing_of_itself_will_do(azure, sign_in):
    sign_in.token = AAD_TOKEN
    azure.claims = {"sub": 7}

    assert run(azure, pinged).rights == "a user by Entra ID; may list the repositories"


@pytest.mark.parametrize(("lifetime", "keeps"), [(10800, 1800), (2089, 1789), (60, 15)])
def test_a_login_is_kept_for_half_an_hour_and_never_to_its_end(
    azure, sign_in, clock, lifetime, keeps
):
    sign_in.token = AAD_TOKEN
    azure.claims |= {"iat": 1497988712, "exp": 1497988712 + lifetime}
    done: list[int] = []

    async def work(registry):
        await registry.ping()
        for seconds in (keeps - 5, keeps + 5):
            clock[0] = seconds
            await registry._vendor.credentials()
            done.append(azure.exchanges)

    run(azure, work)

    assert done == [1, 2]


def test_many_requests_at_once_make_one_login(azure, sign_in):
    sign_in.token = AAD_TOKEN

    async def work(registry):
        # More than there are places for requests: the login takes none.
        reads = [listed("tag_details", "shop/cart")(registry) for _ in range(8)]
        await asyncio.wait_for(asyncio.gather(*reads), 20)

    run(azure, work, max_connections=1)

    assert azure.exchanges == 1


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("https://registry.contoso.com", {"kind": "acr"}),
        ("https://contoso.azurecr.io.evil.example", {"kind": "acr"}),
        ("https://contoso.azurecr.io", {"insecure": True}),
        ("https://contoso.azurecr.io", {"stored_credentials": False}),
        ("https://contoso.azurecr.io", {"kind": "distribution"}),
        ("https://registry.contoso.com", {}),
    ],
)
def test_a_sign_in_is_for_azures_own_hosts_alone(sign_in, url, options):
    sign_in.token = AAD_TOKEN
    azure = ACRReplay(url.removeprefix("https://"))
    azure.is_public = True

    assert len(run(azure, listed("repositories"), url=url, **options)) == 4
    assert (sign_in.options, azure.exchanges) == ([], 0)


@pytest.mark.parametrize(
    ("end", "authority"),
    [("io", None), ("cn", "login.chinacloudapi.cn"), ("us", "login.microsoftonline.us")],
)
def test_each_cloud_has_its_authority(sign_in, monkeypatch, end, authority):
    monkeypatch.delenv("AZURE_TOKEN_CREDENTIALS", raising=False)
    sign_in.token = AAD_TOKEN
    azure = ACRReplay(f"contoso.azurecr.{end}")

    run(azure, pinged, url=f"https://contoso.azurecr.{end}")

    (options,) = sign_in.options
    assert options.pop("authority", None) == authority
    assert options == {
        "exclude_broker_credential": True,
        "exclude_powershell_credential": True,
        "exclude_shared_token_cache_credential": True,
        "exclude_visual_studio_code_credential": True,
    }


def test_who_has_chosen_a_sign_in_gets_that(azure, sign_in, monkeypatch):
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzurePowerShellCredential")
    sign_in.token = AAD_TOKEN

    run(azure, pinged)

    assert sign_in.options == [{}]


@pytest.mark.parametrize("error", [None, ServiceRequestError("no network")])
def test_without_a_sign_in_it_is_anonymous(azure, sign_in, error):
    sign_in.error = error
    azure.is_public = True

    assert run(azure, pinged).rights == "anonymous; may list the repositories"
    assert (azure.exchanges, len(sign_in.options)) == (0, 1)


@pytest.mark.parametrize(
    ("error", "looked_at"),
    [(None, [0, 610]), (ServiceRequestError("no network"), [0, 65, 130, 545, 610])],
)
def test_whether_nobody_has_signed_in_is_asked_once_in_ten_minutes(
    azure, sign_in, clock, error, looked_at
):
    sign_in.error = error
    azure.is_public = True
    looks: list[int] = []

    async def work(registry):
        for seconds in (0, 65, 130, 545, 610):
            clock[0], before = seconds, len(sign_in.options)
            await registry.ping()
            looks.extend([seconds] * (len(sign_in.options) - before))
        sign_in.token, sign_in.error = AAD_TOKEN, None
        clock[0] = 1300.0
        return await registry.ping()

    assert run(azure, work).authenticated is True
    assert looks == looked_at


@pytest.fixture
def silent(azure, sign_in, monkeypatch):
    """Let azure-identity wait for what never answers."""
    azure.is_public = True
    sign_in.token = AAD_TOKEN
    monkeypatch.setattr(entra, "_PATIENCE_SECONDS", 0.2)
    sign_in.answers.clear()
    yield sign_in
    sign_in.answers.set()


def test_a_sign_in_that_never_answers_is_waited_for_once(azure, silent, clock):
    looks: list[int] = []

    async def work(registry):
        started = time.perf_counter()
        first = await registry.ping()
        assert time.perf_counter() - started < 5
        for clock[0] in (65, 545, 610):
            await listed("repositories")(registry)
            looks.append(len(silent.options))
        return first.rights

    with pytest.warns(UserWarning, match="Entra ID") as warned:
        assert run(azure, work) == "anonymous; may list the repositories"

    assert looks == [1, 1, 2]
    texts = told(warned)
    assert len(texts) == 2, "one for each look"
    for way in ("az login", "a username and a password", "stored_credentials = false"):
        assert way in texts[0]


def test_the_silence_is_that_of_all_registries(azure, silent):
    with pytest.warns(UserWarning, match="within 0.2 s"):
        run(azure, pinged)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(azure, pinged)

    assert len(silent.options) == 1


def test_registries_that_wait_at_once_warn_once(azure, silent):
    async def work(registry):
        logins = [entra.EntraLogin(registry._session) for _ in range(4)]
        return await asyncio.gather(*(login.credentials() for login in logins))

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert run(azure, work) == [None] * 4

    assert len(told(warned)) == 1


def test_who_waits_for_a_sign_in_can_be_cancelled(azure, silent, monkeypatch):
    monkeypatch.setattr(entra, "_PATIENCE_SECONDS", 20.0)

    async def work(registry):
        started = time.perf_counter()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(registry.ping(), 1)
        assert time.perf_counter() - started < 15
        assert silent.audiences, "it was not looked for"
        (thread,) = [one for one in threading.enumerate() if one.name == "ghostnb-entra"]
        assert thread.daemon

    run(azure, work)


HANGING = """
import asyncio, time, warnings
from types import SimpleNamespace
import azure.identity
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.vendors.acr import entra

class Hanging:
    def __init__(self, **options):
        time.sleep(120)

azure.identity.DefaultAzureCredential = Hanging
entra._PATIENCE_SECONDS = 0.2
warnings.simplefilter("ignore")
session = SimpleNamespace(config=RegistryConfig("mine", "https://contoso.azurecr.io"))
print(asyncio.run(entra.EntraLogin(session).credentials()))
"""


def test_a_sign_in_that_never_answers_keeps_no_program_from_ending():
    done = subprocess.run([sys.executable, "-c", HANGING], capture_output=True, timeout=40)

    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, b"None", b"")


def test_without_azure_identity_it_is_anonymous(azure, monkeypatch, sign_in):
    sign_in.token = AAD_TOKEN
    azure.is_public = True
    real = builtins.__import__

    def without(name, *more):
        if name.startswith("azure"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    assert run(azure, pinged).rights == "anonymous; may list the repositories"
    assert run(azure, pinged, **logged_in()).rights == "user ci; may list the repositories"


def test_who_may_read_more_when_logged_in_is_told_how(azure):
    azure.is_public = True
    azure.denied = {"registry:catalog:*"}

    with pytest.raises(UnauthorizedError) as raised:
        run(azure, listed("repositories"))

    assert "anonymous users have no right to registry:catalog:*" in str(raised.value)
    assert "pip install 'ghostnb[azure]'" in raised.value.hint
    assert "az login" in raised.value.hint


def test_a_variable_that_azure_identity_cannot_read_is_said(azure, sign_in):
    sign_in.error = ValueError("Invalid value for AZURE_TOKEN_CREDENTIALS: x")

    with pytest.raises(ConfigError, match="AZURE_TOKEN_CREDENTIALS"):
        run(azure, pinged)


def test_a_certificate_that_is_not_there_is_said(azure, sign_in):
    sign_in.error = FileNotFoundError(2, "No such file or directory", "/etc/azure.pem")

    with pytest.raises(ConfigError, match=r"/etc/azure\.pem.*begin with AZURE_"):
        run(azure, pinged)


def test_a_sign_in_that_the_registry_does_not_take_is_said_and_not_used(azure, sign_in):
    sign_in.token = "eyJ.another-tenants-s3cret.jwt"
    azure.is_public = True

    with pytest.warns(UserWarning, match="does not take the sign-in") as said:
        ping = run(azure, pinged)

    assert (ping.authenticated, ping.rights) == (False, "anonymous; may list the repositories")
    assert "s3cret" not in str(said[0].message)


def test_a_limit_of_the_exchange_is_waited_for(azure, sign_in):
    sign_in.token = AAD_TOKEN
    azure.planned[EXCHANGE] = [answer(429, document("too_many"))]
    assert run(azure, pinged).authenticated

    azure.planned[EXCHANGE] = [answer(429, document("too_many"))] * 4
    with pytest.raises(RateLimitedError):
        run(azure, pinged)


def test_an_exchange_without_a_token_is_an_error_that_shows_none(azure, sign_in):
    sign_in.token = AAD_TOKEN
    azure.planned[EXCHANGE] = [answer(200, {"access_token": "eyJ.s3cret"})]

    with pytest.raises(ProtocolError) as raised:
        run(azure, pinged)

    assert "s3cret" not in str(raised.value) + repr(vars(raised.value))
    # What could not be decoded holds it.
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__


def test_blobs_are_read_elsewhere_without_a_token(azure):
    image = plain_image("app")
    azure.held.add("shop/cart:1", image)

    async def work(registry):
        found = await registry.manifest("shop/cart", "1")
        return await registry.blob("shop/cart", found.config)

    # The replay refuses an Authorization there.
    assert run(azure, work, **logged_in()) == image.blobs[0].data


def test_a_missing_right_names_the_scope_of_the_registry_itself(azure):
    azure.held.add("shop/cart:1", plain_image("app"))
    azure.denied = {"repository:shop/cart:pull"}

    with pytest.raises(ForbiddenError, match="no right to repository:shop/cart:pull"):
        run(azure, listed("tags", "shop/cart"), **logged_in())
