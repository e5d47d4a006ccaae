"""A token that is configured: sent as it is, at once, to its own host and nobody else."""

from __future__ import annotations

import pickle

import pytest

from ghostnb import ConfigError, Fleet, RegistryConfig, UnauthorizedError, run
from ghostnb.registries.cache import Scope
from ghostnb.registries.config_file import load_configs
from ghostnb.registries.session import credentials
from ghostnb.wire.tokens import Credentials
from tests.parts.faults import faulty_server
from tests.parts.replies import error, redirect, reply
from tests.registries.asking import ask, blob_of, blob_path, ping, refused, tags_of

TOKEN = "tok-s3cret"
TAGS = reply(json={"name": "app", "tags": ["1"]})
CONTENT = b"some content"


def test_it_goes_with_the_first_request_already():
    with faulty_server({"/v2/app/tags/list": TAGS}) as server:
        assert ask(server.url, tags_of("app"), token=TOKEN) == ["1"]
        assert server.authorizations == [f"Bearer {TOKEN}"]
        assert server.count() == 1


def test_one_in_a_variable_is_read_when_it_is_needed(monkeypatch):
    config = RegistryConfig("reg", "https://r.example", token="env:SOME_TOKEN")
    with pytest.raises(ConfigError, match="The token of reg is in the environment variable SOME_T"):
        run(config.credentials())
    monkeypatch.setenv("SOME_TOKEN", f"{TOKEN}\n")
    assert run(config.credentials()).bearer() == f"Bearer {TOKEN}"


@pytest.mark.parametrize("value", ["", " \n"])
def test_a_variable_that_holds_none_is_told_and_nothing_is_sent(value, monkeypatch):
    monkeypatch.setenv("SOME_TOKEN", value)
    with faulty_server() as server:
        with pytest.raises(ConfigError, match=r"variable SOME_TOKEN, which is empty\. Set SOME_"):
            ask(server.url, tags_of("app"), token="env:SOME_TOKEN")
        assert server.count() == 0


def test_one_that_is_refused_is_read_again(monkeypatch):
    monkeypatch.setattr(credentials, "_PAUSE_SECONDS", 0)
    monkeypatch.setenv("SOME_TOKEN", "the-old-one")

    def answer(request):
        monkeypatch.setenv("SOME_TOKEN", TOKEN)
        is_known = request.headers["authorization"] == f"Bearer {TOKEN}"
        return TAGS if is_known else error(401, "UNAUTHORIZED")

    with faulty_server({"/v2/app/tags/list": answer}) as server:
        assert ask(server.url, tags_of("app"), token="env:SOME_TOKEN") == ["1"]
        assert server.authorizations == ["Bearer the-old-one", f"Bearer {TOKEN}"]


def test_another_host_never_sees_it():
    path = blob_path("app", CONTENT)
    with faulty_server({"/storage": reply(body=CONTENT)}, host="127.0.0.2") as storage:
        with faulty_server({path: redirect(f"{storage.url}/storage")}) as server:
            assert ask(server.url, blob_of("app", CONTENT), token=TOKEN) == CONTENT
            assert server.authorizations == [f"Bearer {TOKEN}"]
        assert storage.count("/storage") == 1
        assert storage.authorizations == []


@pytest.mark.parametrize("scheme", ["Basic", "Bearer"])
def test_a_refusal_sends_it_to_no_token_server(scheme):
    with faulty_server({"/token": reply(json={"token": "t"})}, host="127.0.0.2") as other:
        challenge = {"WWW-Authenticate": f'{scheme} realm="{other.url}/token",service="s"'}
        with faulty_server({"/v2/*": error(401, "UNAUTHORIZED", headers=challenge)}) as server:
            refused(UnauthorizedError, "(UNAUTHORIZED", url=server.url, question=ping, token=TOKEN)
            assert server.count() == 1
        assert other.count() == 0


def test_it_never_shows():
    config = RegistryConfig("reg", "https://r.example", token=TOKEN)

    assert config.has_auth
    assert TOKEN not in repr(config) + repr(run(config.credentials()))
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize("token", ["a b", "a\r\nX-Other: 1", "ünicode", "a\x00"])
def test_what_is_no_token_is_refused_and_not_shown(token, monkeypatch):
    with pytest.raises(ConfigError) as caught:
        RegistryConfig("reg", "https://r.example", token=token)
    monkeypatch.setenv("SOME_TOKEN", token.replace("\x00", " x"))
    config = RegistryConfig("reg", "https://r.example", token="env:SOME_TOKEN")
    with pytest.raises(ConfigError) as later:
        run(config.credentials())
    assert token not in str(caught.value) + str(later.value)


def test_it_stands_beside_no_password():
    with pytest.raises(ConfigError, match="beside a user name or a password"):
        RegistryConfig("reg", "https://r.example", "me", "pw", token=TOKEN)


def test_it_is_not_written_down_but_its_variable_is(tmp_path):
    file = tmp_path / "registries.toml"
    file.write_text("registries = []\n")
    fleet = Fleet.from_config(file)
    fleet.add(RegistryConfig("held", "https://r.example", token=TOKEN))
    fleet.add(RegistryConfig("named", "https://r.example", token="env:SOME_TOKEN"))

    with pytest.raises(ConfigError, match="held is reached with a token, which is not written"):
        run(fleet.remember("held"))
    run(fleet.remember("named"))

    assert TOKEN not in file.read_text()
    assert [(one.name, one.token) for one in load_configs(file)] == [("named", "env:SOME_TOKEN")]


def test_what_was_read_with_one_token_is_not_another_ones():
    scopes = [Scope("https://r.example") for _ in range(2)]
    scopes[0].note(Credentials(access_token="one"))
    scopes[1].note(Credentials(access_token="other"))

    assert str(scopes[0]) != str(scopes[1])
    assert "one" not in str(scopes[0])
