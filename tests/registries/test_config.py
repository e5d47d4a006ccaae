"""How a registry is reached: what is taken, what is not, and what never shows."""

import pickle
from pathlib import Path

import pytest

from ghostnb import run
from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from tests.registries.asking import checked


def refused(*words, name="reg", url="https://r.example", **settings):
    with pytest.raises(ConfigError) as caught:
        RegistryConfig(name, url, **settings)
    return checked(caught.value, ConfigError, *words)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://r.example", "https://r.example"),
        ("https://r.example/", "https://r.example"),
        ("https://r.example/v2/", "https://r.example"),
        ("https://r.example/registry/v2", "https://r.example/registry"),
        ("  HTTPS://r.example:5000/x/ ", "https://r.example:5000/x"),
        ("http://localhost:5000", "http://localhost:5000"),
        ("http://127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("http://[::1]:5000", "http://[::1]:5000"),
        ("oci:/data/layout", "oci:/data/layout"),
    ],
)
def test_addresses_are_brought_into_one_form(url, expected):
    assert RegistryConfig("reg", url).url == expected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("", "is not a registry's address"),
        ("r.example", "is not a registry's address"),
        ("ftp://r.example", "is not a registry's address"),
        ("https://", "is not a registry's address"),
        ("https://r.example?a=b", "is not a registry's address"),
        ("https://r.example#a", "is not a registry's address"),
        ("https://r.example:port", "is not a URL"),
        ("https://r.example:99999", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://r ex.example", "has blanks in it"),
        ("https://localhost\\.r.example", "has a host that others may read differently"),
        ("https://127.0.0.%31", "has a host that others may read differently"),
        ("https://１２７.0.0.1", "has a host that others may read differently"),
        ("https://ünicode.example", "has a host that others may read differently"),
        ("https://r\x01.example", "has blanks in it"),
        ("http://r.example", "is not encrypted"),
        ("http://10.0.0.1:5000", "is not encrypted"),
        ("http://169.254.169.254", "is not encrypted"),
        ("http://2852039166", "is not encrypted"),
        ("http://[fe80::1]:5000", "is not encrypted"),
        ("http://[::ffff:169.254.169.254]", "is not encrypted"),
        ("oci:", "names no directory"),
    ],
)
def test_what_is_no_address_is_refused(url, problem):
    refused("The URL of reg", problem, url=url)


@pytest.mark.parametrize(
    "url",
    [
        "https://ghost:nb-s3cret@r.example",
        "https://ghost:nb-s3cret/x@r.example",
        "https://ghost:nb-s3cret?x@r.example",
        "https://ghost:nb-s3cret#x@r.example",
        "https://ghost:nb-s3cret:x@r.example:5000",
        "ghost:nb-s3cret@r.example",
    ],
)
def test_a_password_in_an_address_is_refused_and_not_shown(url):
    refused("…@r.example", "holds a user name", "Use username and password", url=url)
    with pytest.raises(ConfigError) as caught:
        RegistryConfig.from_url(url)
    checked(caught.value, ConfigError, "holds a user name")


def test_plain_http_may_be_meant():
    assert RegistryConfig("reg", "http://r.example", insecure=True).url == "http://r.example"


@pytest.mark.parametrize("name", ["", "a b", "-a", ".a", "a/b", "ü", "a\n", "a:b"])
def test_names_are_plain(name):
    refused(repr(name), "cannot be a registry's name", "letters, digits", name=name)


@pytest.mark.parametrize("name", ["a", "docker-hub", "R2.d_2", "0"])
def test_names_that_are_taken(name):
    assert RegistryConfig(name, "https://r.example").name == name


@pytest.mark.parametrize(
    ("setting", "word"),
    [
        ({"max_connections": 0}, "max_connections of reg"),
        ({"timeout_seconds": 0}, "timeout_seconds of reg"),
        ({"timeout_seconds": -1.0}, "timeout_seconds of reg"),
        ({"timeout_seconds": float("nan")}, "timeout_seconds of reg"),
        ({"timeout_seconds": float("inf")}, "timeout_seconds of reg"),
        ({"timeout_seconds": 1e14}, "timeout_seconds of reg"),
        ({"client_key": "k.pem"}, "client_key of reg"),
        ({"username": "ghost", "password": "keyring:"}, "The password of reg is keyring:"),
    ],
)
def test_settings_that_cannot_be(setting, word):
    refused(word, **setting)


def test_the_password_never_shows():
    config = RegistryConfig("reg", "https://r.example", "ghost", "nb-s3cret")
    assert "nb-s3cret" not in f"{config!r} {config} {run(config.credentials())!r}"
    assert run(config.credentials()).password == "nb-s3cret"
    assert pickle.loads(pickle.dumps(config)) == config


def test_a_user_without_a_password_is_a_user():
    config = RegistryConfig("reg", "https://r.example", "ghost")
    assert (config.has_auth, run(config.credentials()).password) == (True, "")
    anonymous = RegistryConfig("reg", "https://r.example", "")
    assert (anonymous.has_auth, run(anonymous.credentials())) == (False, None)


def test_an_empty_variable_is_an_empty_password(monkeypatch):
    monkeypatch.setenv("EMPTY", "")
    config = RegistryConfig("reg", "https://r.example", "ghost", "env:EMPTY")
    assert run(config.credentials()).password == ""


@pytest.mark.parametrize(
    ("url", "name", "expected"),
    [
        ("localhost:5000", "localhost-5000", "http://localhost:5000"),
        (" localhost:5000 ", "localhost-5000", "http://localhost:5000"),
        ("127.0.0.1:5000", "127.0.0.1-5000", "http://127.0.0.1:5000"),
        ("[::1]:5000", "1-5000", "http://[::1]:5000"),
        ("https://localhost:5000", "localhost-5000", "https://localhost:5000"),
        ("169.254.1.1:5000", "169.254.1.1-5000", "https://169.254.1.1:5000"),
        ("ghcr.io", "ghcr.io", "https://ghcr.io"),
        ("r.example/registry", "r.example", "https://r.example/registry"),
        ("https://R.example:8443/v2/", "R.example-8443", "https://R.example:8443"),
        ("docker.io", "registry-1.docker.io", "https://registry-1.docker.io"),
        ("https://docker.io/", "registry-1.docker.io", "https://registry-1.docker.io"),
        ("oci:/data/my layout", "my-layout", "oci:/data/my layout"),
        ("oci:/", "layout", "oci:/"),
    ],
)
def test_an_address_alone_is_enough(url, name, expected):
    config = RegistryConfig.from_url(url)
    assert (config.name, config.url) == (name, expected)


@pytest.mark.parametrize("url", ["", "[::1", "http://r.example", "https://", "a b", "://"])
def test_an_address_that_is_none_is_a_config_error(url):
    with pytest.raises(ConfigError):
        RegistryConfig.from_url(url)


def test_a_layout_has_a_path_and_no_host(home):
    layout = RegistryConfig("reg", "oci:~/layout")
    assert (layout.layout_path, layout.host) == (home / "layout", "")
    assert RegistryConfig("reg", "https://r.example:5000").layout_path is None
    assert isinstance(layout.layout_path, Path)


def test_a_password_without_a_username_is_refused_and_not_shown():
    with pytest.raises(ConfigError, match="has a password, but no username") as caught:
        RegistryConfig("reg", "https://reg.example", password="s3cret")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("key", ["namespace", "profile"])
def test_what_is_a_text_must_be_one(key):
    with pytest.raises(ConfigError, match=f"{key} of reg must be a text"):
        RegistryConfig("reg", "https://registry.example.com", **{key: 5})


def test_a_namespace_is_taken_without_what_is_around_it():
    def namespace(text):
        return RegistryConfig("reg", "https://registry.example.com", namespace=text).namespace

    assert [namespace(text) for text in ("/acme/tools/", " acme ", "", "/")] == [
        "acme/tools",
        "acme",
        None,
        None,
    ]
