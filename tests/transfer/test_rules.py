"""Rules as they are written, in Python and as data, and what is wrong with them."""

from __future__ import annotations

import re
import tomllib
from datetime import timedelta
from typing import Any

import pytest

from ghostnb.errors import ConfigError
from ghostnb.oci import Digest
from ghostnb.transfer.retention.decisions import (
    KeepDigests,
    KeepMatching,
    KeepNewest,
    KeepYounger,
    rules_from,
)
from ghostnb.transfer.versions import VersionRange

DIGEST = str(Digest.of(b""))


@pytest.mark.parametrize(
    ("kind", "options", "error", "problem"),
    [
        (KeepNewest, {"count": 0}, ValueError, "count: 0 is too little"),
        (KeepNewest, {"count": "10"}, TypeError, "count: '10' is no whole number"),
        (KeepNewest, {"count": 1, "by": "name"}, ValueError, "by: 'name' is neither"),
        (KeepNewest, {"count": 1, "repositories": ""}, ValueError, "repositories: an empty name"),
        (KeepNewest, {"count": 1, "repositories": ">1"}, ValueError, "repositories: '>1' is a ran"),
        (KeepNewest, {"count": 1, "tags": 5}, TypeError, "tags: 5 is no text"),
        (KeepYounger, {"days": 0}, ValueError, "days: 0 is too little"),
        (KeepYounger, {"days": timedelta(-1)}, ValueError, "days: .* is too little"),
        (KeepYounger, {"days": "30"}, TypeError, "days: '30' is neither"),
        (KeepYounger, {"days": True}, TypeError, "days: True is neither"),
        (KeepYounger, {"days": float("nan")}, ValueError, "days: nan is no number of days"),
        (KeepYounger, {"days": 1e300}, ValueError, r"days: 1e\+300 is no number of days"),
        (KeepMatching, {"tags": []}, ValueError, "tags: none are named"),
        (KeepMatching, {"tags": ["v*", ""]}, ValueError, "tags: an empty name"),
        (KeepMatching, {"tags": ["v*", None]}, TypeError, "tags: Names and patterns"),
        (KeepMatching, {"tags": ">new"}, ValueError, "tags: 'new' is no version.*'>=1.2,<2'"),
        (KeepDigests, {"digests": DIGEST, "reason": "x"}, TypeError, "digests: .* no list"),
        (KeepDigests, {"digests": ["latest"], "reason": "x"}, ValueError, "digests: 'latest' is n"),
        (KeepDigests, {"digests": [5], "reason": "x"}, ValueError, "digests: "),
        (KeepDigests, {"digests": [], "reason": " "}, ValueError, "reason: ' ' says nothing"),
    ],
)
def test_a_rule_that_cannot_be_is_told_at_once(
    kind: Any, options: dict[str, Any], error: type[Exception], problem: str
) -> None:
    with pytest.raises(error, match=problem):
        kind(**options)


def test_rules_are_values() -> None:
    assert KeepMatching("v*") == KeepMatching(("v*",), repositories=["*"])
    assert KeepMatching(">=1") == KeepMatching(VersionRange.parse(">=1"))
    assert KeepNewest(1) != KeepNewest(2)
    assert len({KeepYounger(30), KeepYounger(30.0), KeepDigests([DIGEST], "x")}) == 2
    assert DIGEST not in repr(KeepDigests([DIGEST], "x"))


def test_rules_are_read_from_data() -> None:
    table = tomllib.loads(rf"""
        [[rules]]
        keep_newest = 10
        by = "version"
        repositories = ["team/*", 're:base/\w+']
        tags = "^1.2"
        [[rules]]
        keep_younger_days = 1.5
        [[rules]]
        keep_matching = ["v*", 're:\d+']
        [[rules]]
        keep_digests = ["{DIGEST}"]
        reason = "running on an engine"
    """)
    assert rules_from(table["rules"]) == [
        KeepNewest(10, "version", ["team/*", re.compile(r"base/\w+")], VersionRange.parse("^1.2")),
        KeepYounger(1.5),
        KeepMatching(["v*", re.compile(r"\d+")]),
        KeepDigests([DIGEST], "running on an engine"),
    ]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ({}, "it has none of the keys"),
        ({"keep_newest": 1, "keep_matching": "*"}, "it has keep_newest and keep_matching"),
        ({"keep_matching": "*", "tags": "v*"}, "unknown key 'tags'.*are: repositories"),
        ({"keep_newest": 1, "repos": "a"}, "unknown key 'repos'.*are: by, repositories, tags"),
        ({"keep_newest": "many"}, "keep_newest: 'many' is no whole number"),
        ({"keep_newest": 1, "by": "age"}, "by: 'age' is neither"),
        ({"keep_younger_days": -1}, "keep_younger_days: -1 is too little"),
        ({"keep_matching": "re:("}, r"keep_matching: 're:\(' is no regular expression"),
        ({"keep_newest": 1, "tags": "re:["}, r"Rule 2: tags: 're:\[' is no regular expression"),
        ({"keep_matching": ["a", 5]}, "keep_matching: Names and patterns"),
        ({"keep_digests": [], "reason": ""}, "reason: '' says nothing"),
        ({"rules": {"keep_newest": 1}}, r"none of the keys.*\{'keep_newest': 10\}"),
    ],
)
def test_what_is_wrong_with_data_is_told_by_rule_and_key(table: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){problem}") as told:
        rules_from([{"keep_newest": 1}, table])
    assert str(told.value).startswith("Rule 2: ")
    assert str(told.value).lower().count("rule 2") == 1


@pytest.mark.parametrize("wrong", ["newest", b"newest", None, 10, KeepNewest, [["v*"]]])
def test_what_is_no_rule_is_shown_whole_with_what_is_one(wrong: Any) -> None:
    with pytest.raises(TypeError) as told:
        rules_from(wrong)
    shown = wrong[0] if isinstance(wrong, list) else wrong
    assert str(told.value).startswith(f"Rule 1: {shown!r} is no rule. Rules are KeepNewest(10), ")
    assert str(told.value).endswith("or data such as {'keep_newest': 10}.")
    assert "rules_from" not in str(told.value)


def test_one_rule_stands_for_itself() -> None:
    assert rules_from({"keep_newest": 1}) == rules_from(KeepNewest(1)) == [KeepNewest(1)]
    with pytest.raises(ValueError, match=r"KeepNewest\(10\)"):
        rules_from([])
