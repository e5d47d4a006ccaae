"""The file of ``ghostnb sync``: what it says, and what is wrong with it."""

import pytest

from ghostnb.errors import ConfigError
from ghostnb.sync.plan_file import parse_duration, parse_plan, read_plan

WHOLE = """
every = "6h"

[[sync]]
source = "docker-hub"
target = "local-drift"
repositories = ["library/nginx", "re:team/.*"]
exclude_tags = "*-windows*"
versions = ">=1.25"
newest = 3
platforms = ["linux/amd64", "linux/arm64"]
rename = { "library/" = "mirror/" }
referrers = true
prune = true

[[sync]]
source = "http://localhost:5001"
target = "oci:/backup"
"""


def test_everything_that_can_be_said():
    plan = parse_plan(WHOLE)
    assert plan.every_seconds == 6 * 3600
    first, second = plan.entries
    assert (first.source, first.target) == ("docker-hub", "local-drift")
    assert first.selection.pick_repositories(["library/nginx", "team/a", "other"]) == [
        "library/nginx",
        "team/a",
    ]
    assert first.selection.newest == 3
    assert first.options == {
        "platforms": ["linux/amd64", "linux/arm64"],
        "rename": {"library/": "mirror/"},
        "referrers": True,
        "prune": True,
    }
    assert second.options == {}
    assert second.selection.pick_tags(["a", "b"]) == ["a", "b"]


BEGIN = '[[sync]]\nsource = "a"\ntarget = "b"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", r"the plan has no \[\[sync\]\] table"),
        ("sync = 3", r"has no \[\[sync\]\] table"),
        ("sync = [3]", r"table 1 is no table"),
        ("[[sync]", "not valid TOML"),
        ("colour = 1\n" + BEGIN, "unknown key 'colour'"),
        ("every = 6\n" + BEGIN, "every is 6, which is no time"),
        ('every = "0h"\n' + BEGIN, "which is no time"),
        (BEGIN + BEGIN + "tag = 1", r"table 2: unknown key 'tag'"),
        ('[[sync]]\nsource = "a"', "target is missing"),
        ('[[sync]]\nsource = 1\ntarget = "b"', "source is missing or no text"),
        (BEGIN + "newest = 0", "newest"),
        (BEGIN + 'versions = "1 <> 2"', "versions"),
        (BEGIN + 'repositories = ["re:("]', "repositories"),
        (BEGIN + 'prune = "yes"', "prune is true or false"),
        (BEGIN + "rename = 3", "rename is a table"),
        (BEGIN + 'rename = { "a" = 1 }', "rename is a table"),
        (BEGIN + "platforms = [1]", "platforms is a list"),
        (BEGIN + 'platforms = "arm"', "platforms: 'arm' is not a platform"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text, words):
    with pytest.raises(ConfigError, match=words):
        parse_plan(text)


def test_a_file_that_is_not_there_or_no_text(tmp_path):
    with pytest.raises(ConfigError, match=r"There is no file .*plan.toml.*\[\[sync\]\]"):
        read_plan(tmp_path / "plan.toml")
    (tmp_path / "plan.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_plan(tmp_path / "plan.toml")


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("15m", 900), ("6 h", 21600), ("1d", 86400)]
)
def test_times(text, seconds):
    assert parse_duration(text, "every") == seconds
