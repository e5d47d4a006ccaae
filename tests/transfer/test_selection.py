"""Which repositories and tags are meant, in Python and as data."""

from __future__ import annotations

import asyncio
import re
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.errors import ConfigError
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.records import RepositoryRecord
from ghostnb.transfer.selection import Selection, selected_repositories
from ghostnb.transfer.versions import VersionRange

REPOSITORIES = ["team/app", "base/os", "team/old", "team/app/web"]
TAGS = ["latest", "1.1.0", "1.2.0", "1.3.0-rc1", "1.3.0", "1.2.0-alpine", "1.3.0-alpine", "ci-7"]


def test_by_default_all_is_meant() -> None:
    assert Selection().pick_repositories(REPOSITORIES) == REPOSITORIES
    assert Selection().pick_tags(TAGS) == TAGS
    assert Selection().exact_repositories is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"repositories": "team/*"}, ["team/app", "team/old", "team/app/web"]),
        ({"repositories": re.compile("team/[^/]+")}, ["team/app", "team/old"]),
        ({"repositories": ["base/os", "*/web"]}, ["base/os", "team/app/web"]),
        ({"exclude_repositories": ["team/old", "base/*"]}, ["team/app", "team/app/web"]),
        ({"repositories": "team/*", "exclude_repositories": "*/web"}, ["team/app", "team/old"]),
        ({"repositories": []}, []),
    ],
)
def test_repositories_are_picked_in_their_order(
    options: dict[str, Any], expected: list[str]
) -> None:
    selection = Selection(**options)
    assert selection.pick_repositories(REPOSITORIES) == expected
    assert [name for name in REPOSITORIES if selection.has_repository(name)] == expected


def test_repositories_by_name_need_no_list() -> None:
    named = Selection(["b", "a", "b", "old"], exclude_repositories="o*")
    assert named.exact_repositories == ("b", "a")
    assert Selection(["a", "b*"]).exact_repositories is None


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"tags": "1.2*"}, ["1.2.0", "1.2.0-alpine"]),
        ({"tags": re.compile(r"1\.[12]\.0")}, ["1.1.0", "1.2.0"]),
        ({"exclude_tags": ["1*", "latest"]}, ["ci-7"]),
        ({"versions": ">=1.2,<2"}, ["1.2.0", "1.3.0", "1.2.0-alpine", "1.3.0-alpine"]),
        ({"versions": VersionRange.parse("~1.1")}, ["1.1.0"]),
        ({"newest": 1}, ["1.3.0", "1.3.0-alpine"]),
        ({"newest": 2}, ["1.3.0-rc1", "1.3.0", "1.2.0-alpine", "1.3.0-alpine"]),
        ({"newest": 2, "exclude_tags": "*-alpine"}, ["1.3.0-rc1", "1.3.0"]),
        ({"newest": 2, "versions": ">=1", "tags": "*.0"}, ["1.2.0", "1.3.0"]),
    ],
)
def test_tags_are_picked_in_their_order(options: dict[str, Any], expected: list[str]) -> None:
    assert Selection(**options).pick_tags(TAGS) == expected


@given(st.permutations(TAGS), st.integers(1, 4))
def test_the_order_of_tags_changes_nothing_but_the_order(tags: list[str], newest: int) -> None:
    picked = Selection(newest=newest).pick_tags(tags)
    assert set(picked) == set(Selection(newest=newest).pick_tags(TAGS))
    assert picked == [tag for tag in tags if tag in picked]


def test_what_it_was_made_of_may_change_later() -> None:
    names = ["a"]
    selection = Selection(iter(names), tags=names)
    names.append("b")
    assert selection == Selection("a", "a")
    assert selection.pick_repositories(["a", "b"]) == ["a"] == selection.pick_tags(["a", "b"])


@pytest.mark.parametrize(
    ("options", "kind", "problem"),
    [
        ({"repositories": ""}, ValueError, "repositories: an empty name"),
        ({"exclude_tags": ["a", ""]}, ValueError, "exclude_tags: an empty name"),
        ({"tags": 5}, TypeError, "tags: Names and patterns are texts.* not 5"),
        ({"tags": ">=1.2"}, ValueError, "tags: '>=1.2' is a range.*versions="),
        ({"versions": "new"}, ValueError, "versions: 'new' is no version.*'>=1.2,<2'"),
        ({"versions": 1.2}, TypeError, "versions: A range of versions is a text"),
        ({"newest": 0}, ValueError, "newest: 0 is too little"),
        ({"newest": "3"}, TypeError, "newest: '3' is no whole number"),
        ({"newest": True}, TypeError, "newest: True is no whole number"),
    ],
)
def test_what_cannot_be_meant_is_told_at_once(
    options: dict[str, Any], kind: type[Exception], problem: str
) -> None:
    with pytest.raises(kind, match=problem):
        Selection(**options)
    with pytest.raises(ConfigError, match=f"sync.toml: {problem}"):
        Selection.from_mapping(options, "sync.toml")


def test_the_same_is_read_from_data() -> None:
    table = tomllib.loads("""
        repositories = ["team/*", 're:base/\\w+']
        exclude_tags = 're:ci-\\d+'
        versions = "^1.2"
        newest = 3
    """)
    assert Selection.from_mapping(table, "here") == Selection(
        ["team/*", re.compile(r"base/\w+")],
        exclude_tags=re.compile(r"ci-\d+"),
        versions="^1.2",
        newest=3,
    )
    assert Selection.from_mapping({}, "here") == Selection()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ({"repos": "a"}, "here: unknown key 'repos'"),
        ({"tags": ["a", "re:("]}, r"here: tags: 're:\(' is no regular expression: .*position 0"),
        (["a"], "here: a selection is a table"),
    ],
)
def test_data_that_is_wrong_is_told_with_its_place(data: Any, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Selection.from_mapping(data, "here")


def test_repositories_are_listed_once_each_and_only_where_a_list_is_needed() -> None:
    class Listing(MemoryRegistry):
        listed = 0

        async def repositories(self, namespace: str | None = None):  # type: ignore[no-untyped-def]
            self.listed += 1
            for name in ("team/app", "base/os", "team/old", "team/app"):
                yield RepositoryRecord(self.name, name)

    async def names(selection: Selection) -> list[str]:
        return [name async for name in selected_repositories(registry, selection)]

    registry = Listing()
    wanted = Selection("team/*", exclude_repositories="team/old")
    assert asyncio.run(names(wanted)) == ["team/app"]
    assert registry.listed == 1
    assert asyncio.run(names(Selection(["not/there", "base/os", "not/there"]))) == [
        "not/there",
        "base/os",
    ]
    assert registry.listed == 1, "what is named is not looked for"
