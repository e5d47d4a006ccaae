"""Tags as versions: what is one, which is newer, and which are in a range."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.transfer.versions import (
    VersionRange,
    is_range,
    newest_versions,
    version_of,
    versions_by_line,
)

NUMBERS = st.tuples(*[st.integers(0, 30)] * 3)
PRE_RELEASES = st.sampled_from(["", "-alpha", "-beta.2", "-rc1", "-rc10", "-dev", "-SNAPSHOT"])
VARIANTS = st.sampled_from(["", "-alpine", "-slim-bookworm"])
TAGS = st.builds(
    lambda numbers, pre, variant: ".".join(map(str, numbers)) + pre + variant,
    NUMBERS,
    PRE_RELEASES,
    VARIANTS,
)


@pytest.mark.parametrize(
    ("tag", "version", "line"),
    [
        ("1.27", "1.27.0", "x.y"),
        ("7", "7.0.0", "x"),
        ("v2.3.4", "2.3.4", "x.y.z"),
        ("V2.3.4", "2.3.4", "x.y.z"),
        ("2024.10.1", "2024.10.1", "x.y.z"),
        ("24.04", "24.4.0", "x.y"),
        ("1.2.3-rc.1", "1.2.3-rc.1", "x.y.z"),
        ("1.2.3-rc01", "1.2.3-rc.1", "x.y.z"),
        ("1.2.3-rc-1", "1.2.3-rc.1", "x.y.z"),
        ("3.13.0rc2", "3.13.0-rc.2", "x.y.z"),
        ("1.0.dev3", "1.0.0-dev.3", "x.y"),
        ("1.0-SNAPSHOT", "1.0.0-snapshot", "x.y"),
        ("1.2.3-nightly.20241001", "1.2.3-nightly.20241001", "x.y.z"),
        ("1.2.3-pre", "1.2.3-pre", "x.y.z"),
        ("1.2.3_beta", "1.2.3-beta", "x.y.z"),
        ("1.27-alpine", "1.27.0", "x.y-alpine"),
        ("1.27-alpine3.20", "1.27.0", "x.y-alpine3.20"),
        ("3.12-slim-bookworm", "3.12.0", "x.y-slim-bookworm"),
        ("12.4.1-devel-ubuntu22.04", "12.4.1", "x.y.z-devel-ubuntu22.04"),
        ("3.13-rc-alpine", "3.13.0-rc", "x.y-alpine"),
        ("1.27.0-alpine-beta-2", "1.27.0-beta.2", "x.y.z-alpine"),
        ("1.27-preview", "1.27.0", "x.y-preview"),
        ("1.27-4711", "1.27.0", "x.y-4711"),
    ],
)
def test_a_tag_is_read_loosely(tag: str, version: str, line: str) -> None:
    found = version_of(tag)
    assert found is not None
    assert (str(found.version), str(found.line)) == (version, line)


@pytest.mark.parametrize(
    "tag",
    ["latest", "", "v", "main-1.2", "1.2.", "1.2.3.4", "1.27alpine", "1.27-", "1--a", "sha-12"],
)
def test_what_is_no_version_is_none(tag: str) -> None:
    assert version_of(tag) is None


@pytest.mark.parametrize("tag", ["1" * 5000, "1.0-rc" + "1" * 5000, "\u0661.2"])
def test_what_can_be_no_tag_is_none_either(tag: str) -> None:
    assert version_of(tag) is None


def test_pre_releases_sort_below_their_release_and_by_their_numbers() -> None:
    tags = ["1.1", "1.2-alpha", "1.2-beta2", "1.2-rc", "1.2-rc9", "1.2-rc10", "1.2", "1.10"]
    found = [version_of(tag) for tag in tags]
    versions = [one.version for one in found if one]
    assert versions == sorted(versions)
    assert len(set(versions)) == len(tags)


def test_newest_is_asked_of_each_line() -> None:
    tags = ["1", "1.26", "1.27", "1.26.9", "1.27.0", "1.27.1", "1.26-alpine", "1.27-alpine", "main"]
    assert newest_versions(tags, 1) == {"1", "1.27", "1.27.1", "1.27-alpine"}
    assert newest_versions(tags, 2) == {*tags} - {"1.26.9", "main"}


@given(st.lists(TAGS, unique=True), st.integers(1, 5))
def test_newest_are_as_many_as_asked_for_and_their_equals(tags: list[str], count: int) -> None:
    found = newest_versions(tags, count)
    for members in versions_by_line(tags).values():
        kept = sorted(version for tag, version in members.items() if tag in found)
        gone = [version for tag, version in members.items() if tag not in found]
        assert all(version < kept[0] for version in gone)
        above_the_last = [version for version in kept if version > kept[0]]
        assert len(above_the_last) < count
        assert len(kept) >= min(count, len(members))


@given(st.permutations(["1.2", "1.3", "1.3-rc1", "v1.3", "1.2-alpine", "latest", "1.3.0"]))
def test_newest_does_not_depend_on_the_order(tags: list[str]) -> None:
    assert newest_versions(tags, 1) == {"1.3", "v1.3", "1.2-alpine", "1.3.0"}


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">=1.2,<2", "1.2 v1.2.0 1.99.9 1.27-alpine", "1.1.9 2 2.0.0 2.0.0-rc1 1.5.0-rc1 latest"),
        (" >= 1.2  < 2, ", "1.2 1.9", "1.1 2.0"),
        (">1.2", "1.3.0 2.0", "1.2.0 1.2.9 1.1"),
        (">1.2.3", "1.2.4 1.3", "1.2.3 1.2"),
        ("<=1.2", "1.2.9 1.0", "1.3.0"),
        ("<=1.2.3", "1.2.3 1.2.2", "1.2.4"),
        ("1.2", "1.2 1.2.9 1.2-slim", "1.3.0 1.1.9"),
        ("=1.2.3", "1.2.3 v1.2.3", "1.2.4 1.2.2 1.2.3-rc1"),
        ("==1", "1.9.9", "2.0"),
        ("1.2-rc1", "1.2-rc1 1.2.0-rc.1", "1.2.0 1.2.0-rc2 1.2.1"),
        (">=1,!=1.5", "1.4 1.6", "1.5.0 1.5.9"),
        ("^1.2.3", "1.2.3 1.9", "1.2.2 2.0.0 2.0.0-rc1"),
        ("^0.2.3", "0.2.9", "0.3.0 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0.0", "0.0.9", "0.1.0"),
        ("^0", "0.9.9", "1.0.0"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"),
        ("~1.2", "1.2.0 1.2.9", "1.3.0"),
        ("~1", "1.9.9", "2.0.0"),
        (">=1.2.0-rc.2,<2", "1.2.0-rc2 1.2.0-rc10 1.2.0 1.9", "1.2.0-rc1 1.3.0-rc1 2.0.0-rc1"),
        ("^1.2.0-beta", "1.2.0-rc1 1.2.0 1.5", "1.2.0-alpha 1.5.0-beta 2.0.0-beta"),
        (">=1.2,!=1.3.0-rc1", "1.3.0", "1.3.0-rc2"),
    ],
)
def test_a_range_takes_what_is_meant(text: str, inside: str, outside: str) -> None:
    versions = VersionRange.parse(text)
    assert [tag for tag in inside.split() if tag not in versions] == []
    assert [tag for tag in outside.split() if tag in versions] == []
    assert str(versions) == text


@given(TAGS, st.sampled_from(["1.2", "0.3.1", "10", "1.2.0-rc1"]))
def test_a_version_is_on_one_side_of_a_bound(tag: str, bound: str) -> None:
    below, above = VersionRange.parse(f"<{bound}"), VersionRange.parse(f">={bound}")
    found = version_of(tag)
    assert found is not None
    assert not (tag in below and tag in above)
    if not found.version.prerelease:
        assert tag in below or tag in above


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "'' is no range"),
        ("newest", "'newest' is no version in a range"),
        (">=", "'>=' is no range"),
        (">=1.2 || 3", "is no range"),
        ("1.2 - 2", "'-' is no version in a range"),
        ("1.x", "'1.x' is no version in a range"),
        (">=1.2,<2.0-alpine", r"'2\.0-alpine' in a range has a variant.*'\*-alpine'"),
        ("a" * 200 + "|", "is no range"),
    ],
)
def test_what_is_no_range_is_told_with_one_that_is(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem) as told:
        VersionRange.parse(text)
    assert "variant" in problem or ">=1.2,<2" in str(told.value)


def test_a_range_is_a_text() -> None:
    with pytest.raises(TypeError, match=r"is a text, not 1\.2"):
        VersionRange.parse(1.2)  # type: ignore[arg-type]


def test_ranges_and_names_are_told_apart() -> None:
    assert all(map(is_range, [">=1", " <2", "^1", "~1", "=1", "!=1"]))
    assert not any(map(is_range, ["v*", "1.2", "", "[!a]*", "-1"]))
