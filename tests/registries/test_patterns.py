"""Names and patterns: what they match, and what is none."""

import re

import pytest

from ghostnb.registries.patterns import as_patterns, exact_names, matches


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("team/app", ["team/app"]),
        ("team/*", ["team/app", "team/app/web"]),
        ("team/ap?", ["team/app"]),
        ("[bt]*", ["team/app", "team/app/web", "base"]),
        (re.compile("team/[^/]+"), ["team/app"]),
        (re.compile("team"), []),
        ("TEAM/*", []),
    ],
)
def test_a_pattern_is_for_the_whole_name(pattern, expected):
    names = ["team/app", "team/app/web", "base"]

    assert [name for name in names if matches(name, as_patterns(pattern))] == expected


def test_several_are_alternatives_none_is_all_and_an_empty_list_is_nothing():
    assert matches("base", ("team/*", "base"))
    assert matches("base", None)
    assert not matches("base", as_patterns([]))


def test_names_alone_are_known_without_a_list():
    assert exact_names(as_patterns(["b", "a", "b"])) == ("b", "a")
    assert exact_names(()) == ()
    assert exact_names(None) is None
    assert exact_names(("a", "b*")) is None
    assert exact_names(("a", re.compile("b"))) is None


@pytest.mark.parametrize("wrong", [5, ["a", 5], b"team", re.compile(b"team"), [None]])
def test_what_is_no_text_is_refused(wrong):
    with pytest.raises(TypeError, match="texts such as 'team/"):
        as_patterns(wrong)
