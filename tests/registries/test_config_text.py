"""The configuration file's text changed: nothing of it is lost."""

import pytest

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.config_file import DEFAULT_CONFIGS, parse_configs
from ghostnb.registries.config_text import default_text, with_registry, without_registry

TEXT = """\
# ours

[[registries]]
name = "a"   # first
url = "https://a.example"

# about b
[[registries]]
name = "b"
"url" = 'https://b.example'   # "quoted"
username = "me"
password = "env:B#1"  # why
insecure = false
timeout_seconds = 60

# last words
"""
NEW = RegistryConfig("c", "https://c.example", "me", 'keyring:a "b" \\', max_connections=2)


def added(text, config):
    return with_registry(text, config, source="FILE")


def removed(text, name):
    return without_registry(text, name, source="FILE")


def test_a_new_one_stands_at_the_end():
    assert added(TEXT, NEW) == TEXT + (
        '\n[[registries]]\nname = "c"\nurl = "https://c.example"\nusername = "me"\n'
        'password = "keyring:a \\"b\\" \\\\"\nmax_connections = 2\n'
    )
    assert parse_configs(added(TEXT, NEW))[2] == NEW
    assert removed(added(TEXT, NEW), "c") == TEXT


def test_one_that_is_there_is_changed_line_by_line():
    changed = RegistryConfig("b", "https://b2.example", "me", "keyring:x", insecure=True)
    assert added(TEXT, changed) == (
        TEXT.replace("'https://b.example'", '"https://b2.example"')
        .replace('"env:B#1"', '"keyring:x"')
        .replace("insecure = false", "insecure = true")
        .replace("timeout_seconds = 60\n", "")
    )
    same = parse_configs(TEXT)[1]
    assert added(TEXT, same) == TEXT
    named = RegistryConfig("a", "https://a.example", "me", kind="drift")
    first = '"https://a.example"\n'
    assert added(TEXT, named) == TEXT.replace(first, f'{first}username = "me"\nkind = "drift"\n')


def test_only_a_table_goes_and_comments_stay():
    assert removed(TEXT, "a") == "# ours\n\n" + TEXT[TEXT.index("# about b") :]
    start, end = TEXT.index('[[registries]]\nname = "b"'), TEXT.index("# last words")
    assert removed(TEXT, "b") == TEXT[:start] + TEXT[end:]


def test_the_last_one_leaves_none_and_another_can_come():
    none = removed(removed(TEXT, "a"), "b")
    assert parse_configs(none) == ()
    assert [line for line in none.splitlines() if line.startswith("#")] == [
        "# ours",
        "# about b",
        "# last words",
    ]
    assert parse_configs(added(none, NEW)) == (NEW,)
    assert "registries = []" not in added(none, NEW)


def test_what_is_there_without_a_file_is_written_as_it_is():
    assert parse_configs(default_text()) == DEFAULT_CONFIGS


@pytest.mark.parametrize("text", [TEXT.replace("\n", "\r\n"), TEXT.rstrip() + "\n" + 3 * "\n"])
def test_lines_end_as_they_did(text):
    for edited in (added(text, NEW), removed(text, "a")):
        assert edited.count("\r\n") in (0, edited.count("\n"))
        assert parse_configs(edited)


def test_a_file_that_ends_in_a_line_gets_another():
    text = '[[registries]]\nname = "b"\nurl = "https://b.example"'
    assert parse_configs(added(text, NEW))[1] == NEW
    [changed] = parse_configs(added(text, RegistryConfig("b", "https://b.example", "me")))
    assert changed.username == "me"


@pytest.mark.parametrize(
    "text",
    [
        'registries = [{ name = "b", url = "https://b.example" }]',
        '[["registries"]]\nname = "b"\nurl = "https://b.example"',
        '[[registries]]\nname = "b"\nurl = "https://b.example"\nca_file = """\n[[registries]]"""',
        '[[registries]]\nname = "b"\nurl = "https://b.example"\nca_file = """/a\n# b"""',
        "[[registries]]\nname = 'b'\nurl = 'https://b.example'\nca_file = '''/a\n\n# b''' # c\n",
    ],
)
def test_what_cannot_be_changed_without_loss_is_refused(text):
    try_each = [
        lambda: added(text, RegistryConfig("b", "https://b2.example")),
        lambda: removed(text, "b"),
    ]
    for edit in try_each:
        with pytest.raises(ConfigError, match=r"FILE .* cannot be changed without loss"):
            edit()


def test_a_value_of_several_lines_is_not_changed_but_goes():
    text = '[[registries]]\nname = "b"\nurl = """\\\n  https://b.example"""\n'
    with pytest.raises(ConfigError, match=r"FILE .* cannot be changed without loss"):
        added(text, RegistryConfig("b", "https://b2.example"))
    assert removed(text, "b") == "registries = []\n"


def test_a_name_that_is_not_there_is_said():
    with pytest.raises(ConfigError, match=r"no registry of the name 'z'"):
        removed(TEXT, "z")


def test_an_invalid_text_stays_an_error():
    with pytest.raises(ConfigError, match=r"FILE, line 3"):
        added('[[registries]]\nname = "a"\nurl = 5', NEW)
