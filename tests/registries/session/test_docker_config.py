"""Credentials that Docker and Podman were given, in every form that they write them."""

import asyncio
import base64
import json
import os
import time
import warnings

import pytest

from ghostnb.errors import ConfigError, ProtocolError, UnauthorizedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import docker_config
from ghostnb.registries.session.credentials import CredentialSource
from ghostnb.registries.session.docker_config import find_credentials
from ghostnb.wire.tokens import Credentials
from tests.parts.token_server import changed
from tests.registries.asking import ask, checked, ping, refused, tags_of
from tests.warned import told

HOST = "registry.example:5000"
GHOST = Credentials("ghost", "nb-s3cret")
PAIR = base64.b64encode(b"ghost:nb-s3cret").decode()


@pytest.fixture
def docker_file(home):
    return home / ".docker" / "config.json"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder on PATH for credential helpers."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def write(path, **document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def helper(programs, script, name="test"):
    program = programs / f"docker-credential-{name}"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def find(host=HOST):
    return asyncio.run(find_credentials(host))


def test_without_any_file_there_are_none():
    assert find() is None


@pytest.mark.parametrize(
    "entry",
    [
        {"auth": PAIR},
        {"username": "ghost", "password": "nb-s3cret"},
        {"auth": base64.b64encode(b"ghost:nb-s3cret\0").decode()},
    ],
)
def test_docker_login_is_found(docker_file, entry):
    write(docker_file, auths={HOST: entry, "other.example": {"auth": "b3RoZXI6bm8="}})
    assert find() == GHOST


def test_a_password_may_hold_colons_and_any_letters(docker_file):
    auth = base64.b64encode("gh:ö:st".encode()).decode()
    write(docker_file, auths={HOST: {"auth": auth}})
    assert find() == Credentials("gh", "ö:st")


@pytest.mark.parametrize("key", [f"https://{HOST}", f"https://{HOST}/v1/", f"http://{HOST}/"])
def test_old_dockers_wrote_urls(docker_file, key):
    write(docker_file, auths={key: {"auth": PAIR}})
    assert find() == GHOST


def test_the_host_itself_comes_before_its_namespaces(docker_file):
    other = {"auth": base64.b64encode(b"other:no").decode()}
    write(docker_file, auths={HOST: {"auth": PAIR}, f"{HOST}/team": other})
    assert find() == GHOST


def test_one_namespaces_credentials_are_not_for_the_host(docker_file):
    write(docker_file, auths={f"{HOST}/team": {"auth": PAIR}, f"https://{HOST}/x/": {"auth": PAIR}})
    assert find() is None


def test_a_login_by_browser_leaves_tokens_that_are_no_password(docker_file):
    """Docker writes them beside the host's own entry, under names of their own."""
    hub = "https://index.docker.io/v1/"
    token = {"auth": base64.b64encode(b"ghost:t0ken-s3cret").decode()}
    names = [f"{hub}access-token", hub, f"{hub}refresh-token"]
    write(docker_file, auths={name: {"auth": PAIR} if name == hub else token for name in names})
    assert find("registry-1.docker.io") == GHOST


@pytest.mark.parametrize(
    "document",
    [
        {"credsStore": None, "credHelpers": None},
        {"credHelpers": {HOST: None}},
        {"auths": {"other.example": None, HOST: {"auth": PAIR, "identitytoken": None}}},
        {"auths": {"other.example": {"auth": None}, HOST: {"auth": PAIR, "email": None}}},
    ],
)
def test_null_is_what_is_not_there(docker_file, document):
    write(docker_file, **{"auths": {HOST: {"auth": PAIR}}, **document})
    assert find() == GHOST


def test_another_port_is_another_registry(docker_file):
    write(docker_file, auths={"registry.example": {"auth": PAIR}})
    assert find() is None


@pytest.mark.parametrize("host", ["docker.io", "registry-1.docker.io", "index.docker.io"])
@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
def test_docker_hub_has_several_names(docker_file, host, key):
    write(docker_file, auths={key: {"auth": PAIR}})
    assert find(host) == GHOST


@pytest.mark.parametrize("place", ["run/containers/auth.json", ".config/containers/auth.json"])
def test_podman_login_is_found(home, place):
    write(home / place, auths={HOST: {"auth": PAIR}})
    assert find() == GHOST


def test_registry_auth_file_comes_first(docker_file, tmp_path, monkeypatch):
    other = {"auth": base64.b64encode(b"other:no").decode()}
    write(docker_file, auths={HOST: other})
    own = write(tmp_path / "auth.json", auths={HOST: {"auth": PAIR}})
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(own))
    assert find() == GHOST


def test_an_empty_entry_leads_on_to_the_next_file(docker_file, home):
    write(docker_file, auths={HOST: {}})
    write(home / ".config/containers/auth.json", auths={HOST: {"auth": PAIR}})
    assert find() == GHOST


@pytest.mark.parametrize(
    "text", [b"{", b'{"auths": []}', b"nb-s3cret", b'{"auths": {"nb-s3cret\xff": {}}}']
)
def test_a_broken_file_is_named(docker_file, text):
    docker_file.parent.mkdir(parents=True)
    docker_file.write_bytes(text)
    with pytest.raises(ConfigError) as caught:
        find()
    checked(caught.value, ConfigError, str(docker_file), "cannot be read", "docker login")


def test_an_empty_file_is_none(docker_file):
    docker_file.parent.mkdir(parents=True)
    docker_file.write_bytes(b"")
    assert find() is None


@pytest.mark.parametrize("auth", ["nb-s3cret", base64.b64encode(b"nb-s3cret\xff:x").decode()])
def test_an_auth_that_is_none_names_file_and_host(docker_file, auth):
    write(docker_file, auths={HOST: {"auth": auth}})
    with pytest.raises(ConfigError) as caught:
        find()
    checked(caught.value, ConfigError, str(docker_file), f"auth for {HOST} that is not base64")


def test_docker_login_opens_a_registry(docker_file, htpasswd_registry):
    write(docker_file, auths={htpasswd_registry.host: {"auth": PAIR}})
    assert ask(htpasswd_registry.url, ping) is True


def test_the_configuration_comes_before_docker_login(docker_file, htpasswd_registry):
    write(docker_file, auths={htpasswd_registry.host: {"auth": PAIR}})
    wrong = {"username": "ghost", "password": "wr0ng-secret"}
    refused(UnauthorizedError, url=htpasswd_registry.url, **wrong)


def test_a_password_of_the_environment_opens_a_registry(htpasswd_registry, monkeypatch):
    monkeypatch.setenv("GHOST_PASSWORD", "nb-s3cret")
    settings = {"username": "ghost", "password": "env:GHOST_PASSWORD"}
    assert ask(htpasswd_registry.url, ping, **settings) is True


def test_a_password_that_the_environment_lacks_is_named(htpasswd_registry):
    settings = {"username": "ghost", "password": "env:NO_SUCH_THING"}
    words = ("The password of reg", "NO_SUCH_THING, which is not set")
    refused(ConfigError, *words, url=htpasswd_registry.url, **settings)


def test_an_identity_token_is_exchanged(docker_file, token_registry, token_server):
    with changed(token_server):
        identity = token_server.refresh_token("ghost")
        entry = {"auth": base64.b64encode(b"ghost:").decode(), "identitytoken": identity}
        write(docker_file, auths={token_registry.host: entry})
        assert ask(token_registry.url, tags_of("team/multi")) == ["latest"]
        [request] = token_server.requests
        assert (request.method, request.grant_type) == ("POST", "refresh_token")
        assert "authorization" not in request.headers
        assert request.parameters["client_id"] == "ghostnb"


def test_an_identity_token_that_is_refused_is_told(docker_file, token_registry, token_server):
    entry = {"identitytoken": "refresh-s3cret"}
    write(docker_file, auths={token_registry.host: entry})
    with changed(token_server):
        words = ("The token server of reg gives no token", "docker login")
        refused(UnauthorizedError, *words, url=token_registry.url)


def test_a_token_server_without_oauth_is_told(docker_file, token_registry, token_server):
    entry = {"identitytoken": token_server.refresh_token("ghost")}
    write(docker_file, auths={token_registry.host: entry})
    with changed(token_server, oauth=False):
        refused(ProtocolError, "The token server of reg at", url=token_registry.url)


REPLY = '{"ServerURL":"x","Username":"ghost","Secret":"nb-s3cret"}'


@pytest.mark.parametrize("setting", [{"credHelpers": {HOST: "test"}}, {"credsStore": "test"}])
def test_a_helper_is_asked_for_the_host(docker_file, programs, setting):
    helper(programs, f"[ \"$1\" = get ] && cat > {programs}/asked && echo '{REPLY}'")
    write(docker_file, **setting)
    assert find() == GHOST
    assert (programs / "asked").read_text() == HOST


def test_a_helper_of_the_host_comes_before_the_store(docker_file, programs):
    helper(programs, f"echo '{REPLY}'")
    helper(programs, "echo '{}'", name="store")
    write(docker_file, credHelpers={HOST: "test"}, credsStore="store")
    assert find() == GHOST


def test_docker_hubs_helper_is_asked_for_its_key(docker_file, programs):
    script = f"""[ "$(cat)" = https://index.docker.io/v1/ ] && echo '{REPLY}'"""
    helper(programs, script)
    write(docker_file, credsStore="test")
    assert find("registry-1.docker.io") == GHOST


def test_a_helper_may_give_an_identity_token(docker_file, programs):
    helper(programs, """echo '{"Username":"<token>","Secret":"refresh-s3cret"}'""")
    write(docker_file, credsStore="test")
    found = find()
    assert (found.password, found.identity_token) == ("", "refresh-s3cret")


def test_a_helper_that_knows_nothing_is_silent(docker_file, programs):
    helper(programs, "echo credentials not found in native keychain; exit 1")
    write(docker_file, credsStore="test", auths={HOST: {"auth": PAIR}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find() == GHOST
        assert find("registry-1.docker.io") is None


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo nb-s3cret >&2; exit 1", "failed"),
        ("echo nb-s3cret", "gave no JSON"),
        (None, "is not installed"),
    ],
)
@pytest.mark.parametrize("host", [HOST, "registry-1.docker.io"])
def test_a_helper_that_is_of_no_use_is_told_once(docker_file, programs, script, problem, host):
    if script:
        helper(programs, script)
    write(docker_file, credsStore="test")
    with pytest.warns(UserWarning, match=f"docker-credential-test .*{problem}") as caught:
        assert find(host) is None
    (text,) = told(caught)
    assert "nb-s3cret" not in text


def test_a_helper_that_is_no_program_is_told(docker_file, programs):
    (programs / "docker-credential-test").write_bytes(b"\x7fELF broken")
    (programs / "docker-credential-test").chmod(0o755)
    write(docker_file, credsStore="test")
    with pytest.warns(UserWarning, match="cannot be run"):
        assert find() is None


def test_a_helper_that_hangs_is_ended_with_what_it_started(docker_file, programs, monkeypatch):
    monkeypatch.setattr(docker_config, "_HELPER_TIMEOUT_SECONDS", 0.2)
    helper(programs, "sleep 30\necho never")
    write(docker_file, credsStore="test")
    started = time.monotonic()
    with pytest.warns(UserWarning, match="did not answer"):
        assert find("registry-1.docker.io") is None
    assert time.monotonic() - started < 15


def test_a_helper_outside_of_the_path_is_not_run(docker_file, programs):
    (programs / "docker-credential-x").mkdir()
    helper(programs / "docker-credential-x", f"echo '{REPLY}'", name="y")
    write(docker_file, credsStore="x/docker-credential-y")
    with pytest.warns(UserWarning, match="is not installed"):
        assert find() is None


def test_a_helper_is_asked_once_by_many_requests(docker_file, programs, htpasswd_registry):
    helper(programs, f"echo asked >> {programs}/count; echo '{REPLY}'")
    write(docker_file, credsStore="test")

    async def many(registry):
        return await asyncio.gather(*(tags_of("library/alpine")(registry) for _ in range(20)))

    assert ask(htpasswd_registry.url, many) == [["3.19", "3.20", "latest"]] * 20
    assert (programs / "count").read_text() == "asked\n"


def test_nothing_of_this_machine_is_used_where_that_is_configured(docker_file):
    write(docker_file, auths={HOST: {"auth": PAIR}})

    async def supply():
        return GHOST

    def source(**options):
        return CredentialSource(RegistryConfig("reg", f"https://{HOST}", **options), supply)

    assert asyncio.run(source().current()) == GHOST
    alone = source(stored_credentials=False)
    assert asyncio.run(alone.current()) is None
    assert asyncio.run(alone.renewed(None)) is None
    own = source(stored_credentials=False, username="me", password="mine")
    assert asyncio.run(own.current()) == Credentials("me", "mine")
