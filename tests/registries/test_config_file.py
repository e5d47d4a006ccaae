"""The configuration file: read, not written, and wrong in ways that are named."""

import pytest

from ghostnb import run
from ghostnb.errors import ConfigError
from ghostnb.registries.config_file import DEFAULT_CONFIGS, config_path, load_configs
from tests.registries.asking import checked

GOOD = """
# ours
[[registries]]
name = "team"
url = "https://registry.example"
username = "ghost"
password = "nb-s3cret"

[[registries]]
name = "local"
url = "http://localhost:5000"
insecure = true
kind = "distribution"
max_connections = 4
timeout_seconds = 2.5
"""


@pytest.fixture
def file(tmp_path):
    return tmp_path / "registries.toml"


def refused(file, text, *words):
    file.write_text(text) if isinstance(text, str) else file.write_bytes(text)
    before = file.read_bytes()
    with pytest.raises(ConfigError) as caught:
        load_configs(file)
    assert file.read_bytes() == before
    return checked(caught.value, ConfigError, str(file), *words)


def test_a_file_is_read_in_its_order(file):
    file.write_text(GOOD)
    team, local = load_configs(file)
    assert (team.name, team.url, team.username) == ("team", "https://registry.example", "ghost")
    assert run(team.credentials()).password == "nb-s3cret"
    assert (local.insecure, local.kind, local.max_connections) == (True, "distribution", 4)
    assert local.timeout_seconds == 2.5
    assert file.read_text() == GOOD


def test_a_file_may_say_that_there_are_none(file):
    file.write_text("registries = []")
    assert load_configs(file) == ()


@pytest.mark.parametrize("override", [None, ""])
def test_without_a_file_there_are_two(monkeypatch, override):
    monkeypatch.delenv("GHOSTNB_CONFIG")
    if override is not None:
        monkeypatch.setenv("GHOSTNB_CONFIG", override)
    assert load_configs() == DEFAULT_CONFIGS
    assert [(c.name, c.url) for c in DEFAULT_CONFIGS] == [
        ("local-drift", "http://localhost:5000"),
        ("docker-hub", "https://registry-1.docker.io"),
    ]


def test_the_file_of_the_users_directory_is_read(home, monkeypatch):
    monkeypatch.delenv("GHOSTNB_CONFIG")
    place = home / ".config" / "ghostnb" / "registries.toml"
    place.parent.mkdir(parents=True)
    place.write_text(GOOD)
    assert config_path() == place
    assert [config.name for config in load_configs()] == ["team", "local"]


def test_the_environment_names_another(home, monkeypatch):
    (home / "mine.toml").write_text(GOOD)
    monkeypatch.setenv("GHOSTNB_CONFIG", "~/mine.toml")
    assert len(load_configs()) == 2
    assert len(load_configs("~/mine.toml")) == 2


def test_a_file_that_was_named_must_be_there(file, monkeypatch):
    monkeypatch.setenv("GHOSTNB_CONFIG", str(file))
    for path in (None, file):
        with pytest.raises(ConfigError, match=f"no configuration file {file}"):
            load_configs(path)
    assert not file.exists()


def test_ghostpanels_own_form_is_taken(file):
    """Source: GhostPanel's registry document: empty texts stand for "none"."""
    text = (
        '[[registries]]\nname = "a"\nurl = "http://localhost:5000"\nusername = ""\npassword = ""\n'
    )
    file.write_text(text)
    [config] = load_configs(file)
    assert (config.username, config.password, config.has_auth) == (None, None, False)


def test_a_file_with_a_byte_order_mark_is_read(file):
    file.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert len(load_configs(file)) == 2


HEAD = '[[registries]]\nname = "first"\nurl = "https://a.example"\n\n[[registries]]\n'


@pytest.mark.parametrize(
    ("rest", "line", "words"),
    [
        (
            'name = "b"\nurl = "https://b"\nusernam = "x"',
            8,
            ["unknown key 'usernam'", "Keys are: name"],
        ),
        ('name = "b"\nurl = 5', 7, ["url must be a text"]),
        ('name = "b"\nurl = "https://b"\ninsecure = "yes"', 8, ["insecure must be true or false"]),
        ('name = "b"\nurl = "https://b"\nmax_connections = true', 8, ["must be a number"]),
        ('name = "b"\nurl = "https://b"\nmax_connections = 2.5', 8, ["must be a number"]),
        ('name = "b"\nurl = "https://b"\npassword = ["nb-s3cret"]', 8, ["password must be a text"]),
        ('url = "https://b"', 5, ["a registry has no name"]),
        ('name = "b"', 5, ["a registry has no url"]),
        ('name = ""\nurl = "https://b"', 5, ["a registry has no name"]),
        ('name = "b c"\nurl = "https://b"', 6, ["'b c' cannot be a registry's name"]),
        ('name = "b"\nurl = "http://b.example"', 7, ["The URL of b", "is not encrypted"]),
        ('name = "b"\nurl = "https://u:nb-s3cret/@b"', 7, ["holds a user name"]),
        ('name = "b"\nurl = "https://b"\n\ntimeout_seconds = 0', 9, ["timeout_seconds of b"]),
        ('name = "b"\nurl = "https://b"\n\ntimeout_seconds = inf', 9, ["timeout_seconds of b"]),
        ('name = "b"\nurl = "https://b"\n\nmax_connections = 0', 9, ["max_connections of b"]),
        (
            'name = "b"\nurl = "https://b"\nkind = "harbour"',
            8,
            ["kind 'harbour' of b", "Kinds are: auto"],
        ),
        (
            'name = "b"\nurl = "https://ghcr.io/acme"',
            7,
            ["The URL of b", 'Write: url = "https://ghcr.io", namespace = "acme"'],
        ),
        ('name = "b"\nkind = "agent"\nurl = "https://b"', 8, ["The URL of b, https://b, is that"]),
        (
            'name = "b"\nurl = "https://b"\nusername = "x"\npassword = "keyring:"',
            9,
            ["keyring: without a service", "Write keyring:SERVICE"],
        ),
        ('name = "first"\nurl = "https://b"', 6, ["two registries of the name 'first'"]),
        ('name = "b"\nurl = "https://b"\n[settings]\na = 1', 8, ["unknown key 'settings'"]),
    ],
)
def test_file_line_and_key_are_named(file, rest, line, words):
    refused(file, HEAD + rest, f"{file}, line {line}:", *words)


@pytest.mark.parametrize(
    "rest",
    [
        'name = "b"\nurl = 5',
        'name = "b"',
        'name = "b c"\nurl = "https://b"',
        'name = "b"\nurl = "https://b"\nmax_connections = 0',
    ],
)
def test_the_keys_are_listed_only_where_one_is_unknown(file, rest):
    assert "Keys are" not in str(refused(file, HEAD + rest))


def test_what_a_value_may_be_stays_apart_from_what_is_wrong(file):
    found = refused(file, HEAD + 'name = "b c"\nurl = "https://b"')
    assert found.message.endswith("'b c' cannot be a registry's name.")
    assert found.hint == "Use letters, digits, dots, dashes and underscores."


def test_a_key_before_the_tables_is_named(file):
    refused(file, f"\ncolour = 1\n{HEAD}", f"{file}, line 2: unknown key 'colour'")


@pytest.mark.parametrize(
    "text", ["", "# nothing", "registries = 5", "[registries]", "[[registry]]"]
)
def test_a_file_without_registries_says_how_to_write_one(file, text):
    refused(file, text, "configures no registries", "Add [[registries]] tables")


def test_tables_that_are_none_are_refused(file):
    refused(file, "registries = [1]", "must be [[registries]] tables")


def test_toml_errors_name_the_place(file):
    refused(file, '[[registries]]\nname = "a\n', "is not valid TOML", "line 2")


def test_a_file_that_is_no_text_is_refused(file):
    refused(file, b'password = "nb-s3cret"\xff\xfe\x00', "cannot be read")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        load_configs(tmp_path)
