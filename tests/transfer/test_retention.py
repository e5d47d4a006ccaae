"""What retention keeps and what it lets go, and the words for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.frames import tags_frame
from ghostnb.oci import Digest
from ghostnb.registries.records import TagRecord
from ghostnb.transfer.retention.decisions import (
    AnyRule,
    Decision,
    KeepDigests,
    KeepMatching,
    KeepNewest,
    KeepYounger,
    decide,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def digest_of(name: str) -> Digest:
    return Digest.of(name.encode())


def record(
    name: str, age_days: float | None = 1, *, digest: str | None = "", created: str | None = None
) -> TagRecord:
    """Make a tag of an age; by default, each has an image of its own."""
    repository, _, tag = name.partition(":")
    if created is None and age_days is not None:
        created = (NOW - timedelta(days=age_days)).isoformat()
    digest = digest_of(name) if digest == "" else digest
    return TagRecord("local", repository, tag, digest=digest, created=created)


def decided(tags: Iterable[TagRecord], *rules: AnyRule) -> dict[str, str]:
    """Decide, and give in words what becomes of each tag."""
    return {
        f"{one.repository}:{one.tag}": f"{'kept' if one.is_kept else 'deleted'}: {one.reason}"
        for one in decide(tags, rules, NOW)
    }


def test_the_newest_of_each_repository_are_kept() -> None:
    tags = [record(f"team/app:{n}", n) for n in (3, 1, 2)] + [record("team/web:9", 9)]
    assert decided(tags, KeepNewest(2)) == {
        "team/app:3": "deleted: older than the 2 newest of team/app",
        "team/app:1": "kept: among the 2 newest of team/app",
        "team/app:2": "kept: among the 2 newest of team/app",
        "team/web:9": "kept: among the 2 newest of team/web",
    }


def test_ties_are_kept_and_an_unknown_age_counts_for_none() -> None:
    tags = [record("a:1", 1), record("a:2", 2), record("a:2b", 2), record("a:3", 3)]
    tags += [record("a:x", None), record("a:epoch", created="1980-01-01T00:00:01Z")]
    found = decided(tags, KeepNewest(2))
    assert [name for name, words in found.items() if words.startswith("deleted")] == ["a:3"]
    assert found["a:x"] == found["a:epoch"] == "kept: its age is not known"
    assert decided(tags, KeepYounger(1))["a:epoch"] == "kept: its age is not known"


def test_a_tag_that_is_listed_twice_counts_once() -> None:
    tags = [record("a:1", 1), record("a:1", 5), record("a:2", 2), record("a:3", 3)]
    for listed in tags, tags[::-1]:
        found = decided(listed, KeepNewest(2))
        assert [name for name, words in found.items() if words.startswith("deleted")] == ["a:3"]


def test_names_of_one_image_push_no_other_out() -> None:
    names = [record(f"a:{name}", 1, digest=digest_of("one")) for name in ("2.4", "latest", "prod")]
    found = decided([*names, record("a:2.3", 2), record("a:2.2", 3)], KeepNewest(2))
    assert [name for name, words in found.items() if words.startswith("deleted")] == ["a:2.2"]


def test_by_version_each_line_has_its_newest() -> None:
    names = ["1.9.0", "1.10.0", "v1.10.0", "1.9-alpine", "1.10-alpine", "1.10.0-rc1", "latest"]
    assert decided([record(f"a:{name}") for name in names], KeepNewest(1, by="version")) == {
        "a:1.9.0": "deleted: older than the newest versions of a",
        "a:1.10.0": "kept: among the newest versions of a",
        "a:v1.10.0": "kept: among the newest versions of a",
        "a:1.9-alpine": "deleted: older than the newest x.y-alpine versions of a",
        "a:1.10-alpine": "kept: among the newest x.y-alpine versions of a",
        "a:1.10.0-rc1": "deleted: older than the newest versions of a",
        "a:latest": "kept: no rule speaks of it",
    }


def test_the_young_are_kept() -> None:
    tags = [record("a:old", 30), record("a:young", 29.9), record("a:future", -1)]
    assert decided(tags, KeepYounger(days=30)) == {
        "a:old": "deleted: older than 30 days",
        "a:young": "kept: younger than 30 days",
        "a:future": "kept: younger than 30 days",
    }
    assert decided(tags, KeepYounger(timedelta(days=45)))["a:old"] == "kept: younger than 45 days"
    assert decided(tags, KeepYounger(1))["a:old"] == "deleted: older than 1 day"
    assert decided(tags, KeepYounger(1.5))["a:old"] == "deleted: older than 1.5 days"
    assert decided(tags, KeepYounger(timedelta(hours=6)))["a:old"] == "deleted: older than 6 hours"
    assert decided(tags, KeepYounger(999_999_999))["a:old"].startswith("kept: younger")


def test_names_and_ranges_are_kept() -> None:
    tags = [record("a:v1"), record("a:1.5-alpine"), record("a:ci-7"), record("a:2.0")]
    assert decided(tags, KeepMatching(["v*", "^1.2"])) == {
        "a:v1": "kept: matches v*",
        "a:1.5-alpine": "kept: matches ^1.2",
        "a:ci-7": "deleted: does not match v*, ^1.2",
        "a:2.0": "deleted: does not match v*, ^1.2",
    }


def test_digests_are_kept_and_have_nothing_deleted() -> None:
    tags = [record("a:1"), record("b:1"), record("b:2", 9)]
    running = KeepDigests([digest_of("b:2")], "running on an engine")
    assert decided(tags, running, KeepNewest(1, repositories="b")) == {
        "a:1": "kept: no rule speaks of it",
        "b:1": "kept: among the newest of b",
        "b:2": "kept: running on an engine",
    }
    assert set(decided(tags[:1], KeepDigests([], "running")).values()) == {
        "kept: no rule speaks of it"
    }


def test_a_rule_is_silent_beyond_its_repositories_and_tags() -> None:
    tags = [record("team/app:ci-1", 1), record("team/app:ci-2", 2), record("team/app:1.0", 9)]
    tags += [record("base/os:ci-3", 3)]
    found = decided(tags, KeepNewest(1, repositories="team/*", tags="ci-*"))
    assert [name for name, words in found.items() if words.startswith("deleted")] == [
        "team/app:ci-2"
    ]
    assert found["team/app:1.0"] == found["base/os:ci-3"] == "kept: no rule speaks of it"


def test_all_who_keep_and_all_who_do_not_stand_in_the_reason() -> None:
    rules = KeepNewest(1), KeepYounger(5), KeepMatching("v*")
    assert decided([record("a:v1", 1), record("a:2", 9)], *rules) == {
        "a:v1": "kept: among the newest of a; younger than 5 days; matches v*",
        "a:2": "deleted: older than the newest of a; older than 5 days; does not match v*",
    }


def test_a_damaged_tag_is_kept_and_counts_for_none() -> None:
    tags = [record("a:new", 0, digest=None), record("a:1", 1), record("a:2", 2)]
    assert decided(tags, KeepNewest(1), lambda frame: frame["tag"] == "none") == {
        "a:new": "kept: its digest is not known",
        "a:1": "kept: among the newest of a",
        "a:2": "deleted: older than the newest of a; the rule <lambda> does not keep it",
    }


def test_an_image_stays_while_another_tag_of_its_repository_leads_to_it() -> None:
    shared = digest_of("shared")
    tags = [record("a:ci-1", digest=shared), record("a:v2", digest=shared)]
    tags += [record("a:v1", digest=shared), record("b:ci-1", digest=shared)]
    for found in decided(tags, KeepMatching("v*")), decided(tags[::-1], KeepMatching("v*")):
        assert found["a:ci-1"].endswith("not match v*; only the tag goes, v1 keeps the image")
        assert found["b:ci-1"] == "deleted: does not match v*"


def test_a_function_is_a_rule() -> None:
    def large(frame: pd.DataFrame) -> pd.Series:
        assert list(frame.index) == [0, 1, 2]
        return frame["size_bytes"] > 10

    tags = [TagRecord("local", "a", str(size), digest_of("x"), size_bytes=size) for size in (5, 20)]
    tags += [TagRecord("local", "a", "unknown", digest_of("y"))]
    frame = tags_frame(tags).set_index(pd.Index([7, 7, 9]))
    assert decided(frame, large) == {
        "a:5": "deleted: the rule large does not keep it; only the tag goes, 20 keeps the image",
        "a:20": "kept: the rule large keeps it",
        "a:unknown": "kept: the rule large cannot tell",
    }


def test_a_function_that_changes_its_frame_changes_no_other() -> None:
    def spoil(frame: pd.DataFrame) -> pd.Series:
        frame["tag"] = "spoilt"
        return frame["tag"] == ""

    found = decided([record("a:v1")], spoil, lambda frame: frame["tag"] == "v1")
    assert found == {"a:v1": "kept: the rule <lambda> keeps it"}


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda frame: True, "gave a bool"),
        (lambda frame: [True], "gave a list"),
        (lambda frame: frame, "gave a DataFrame"),
        (lambda frame: frame["tag"], "gave a Series of string"),
        (lambda frame: (frame["tag"] == "1")[:0], "gave a Series of 0 rows for 1 tags"),
        (lambda frame: pd.Series([True], index=[5]), "with another index"),
    ],
)
def test_what_a_function_should_have_given_is_told(answer: Any, problem: str) -> None:
    def my_rule(frame: pd.DataFrame) -> Any:
        return answer(frame)

    with pytest.raises(TypeError, match=f"rule my_rule .*{problem}.*boolean Series"):
        decide([record("a:1")], [my_rule], NOW)


def test_a_function_that_fails_is_named() -> None:
    def my_rule(frame: pd.DataFrame) -> pd.Series:
        return frame["no such column"]

    with pytest.raises(KeyError) as told:
        decide([record("a:1")], [my_rule], NOW)
    assert told.value.__notes__ == ["This happened in the retention rule my_rule."]


@pytest.mark.parametrize(
    ("tags", "rules", "now", "kind", "problem"),
    [
        ([], [], NOW, ValueError, "There are no rules"),
        ([], ["v*"], NOW, TypeError, r"'v\*' is no rule"),
        ([], [KeepNewest], NOW, TypeError, "is no rule"),
        ([], [KeepNewest(1)], datetime(2026, 1, 1), ValueError, "no time zone"),
        ([], [KeepNewest(1)], "2026-01-01", TypeError, "no datetime"),
        (pd.DataFrame({"tag": ["a"]}), [KeepNewest(1)], NOW, ValueError, "registry is missing"),
        (
            tags_frame([]).assign(created="1"),
            [KeepNewest(1)],
            NOW,
            ValueError,
            r"created is .* not datetime64\[ns, UTC\]",
        ),
        (
            [TagRecord("one", "a", "1"), TagRecord("two", "a", "1")],
            [KeepNewest(1)],
            NOW,
            ValueError,
            r"of 2 registries \(one, two\)",
        ),
    ],
)
def test_what_nothing_can_be_decided_by_is_told(
    tags: Any, rules: Any, now: Any, kind: type[Exception], problem: str
) -> None:
    with pytest.raises(kind, match=problem):
        decide(tags, rules, now)


def test_one_rule_and_no_tags_are_enough() -> None:
    assert decide([], KeepNewest(1), NOW) == []
    found = decide([record("a:1")], {"keep_newest": 1}, NOW)
    assert found == [Decision("a", "1", digest_of("a:1"), True, "among the newest of a")]


TAGS = st.builds(
    record,
    st.sampled_from(["a", "b/c"]).flatmap(
        lambda repository: st.sampled_from(
            [f"{repository}:{tag}" for tag in ("latest", "1.0", "1.1", "1.1-rc1", "2", "2-slim")]
        )
    ),
    st.sampled_from([None, 0, 1, 2, 40]),
    digest=st.sampled_from([None, "", digest_of("shared")]),
)
RULES = st.sampled_from(
    [
        KeepNewest(1),
        KeepNewest(2, by="version", repositories="a"),
        KeepNewest(1, tags="1*"),
        KeepYounger(2, repositories="b/*"),
        KeepMatching([">=1.1", "latest"], repositories="a"),
        KeepDigests([digest_of("shared")], "running on an engine"),
        lambda frame: frame["tag"].str.startswith("2"),
    ]
)
MANY_TAGS = st.lists(TAGS, unique_by=lambda tag: (tag.repository, tag.tag), max_size=12)
MANY_RULES = st.lists(RULES, min_size=1, max_size=4)


@given(MANY_TAGS, MANY_RULES)
def test_nothing_is_deleted_that_one_rule_keeps(
    tags: list[TagRecord], rules: list[AnyRule]
) -> None:
    together = decide(tags, rules, NOW)
    alone = [decide(tags, [rule], NOW) for rule in rules]
    for position, one in enumerate(together):
        kept_by = [found[position] for found in alone if found[position].is_kept]
        spoken = [found for found in kept_by if found.reason != "no rule speaks of it"]
        assert one.is_kept == bool(spoken) or len(kept_by) == len(rules)
        assert one.is_kept or one.digest is not None
        assert one.reason


@given(MANY_TAGS, MANY_RULES, st.randoms(use_true_random=False))
def test_the_order_of_tags_changes_no_decision(
    tags: list[TagRecord], rules: list[AnyRule], random: Any
) -> None:
    shuffled = random.sample(tags, len(tags))
    expected = {(one.repository, one.tag): one for one in decide(tags, rules, NOW)}
    found = decide(shuffled, rules, NOW)
    assert [(one.repository, one.tag) for one in found] == [
        (tag.repository, tag.tag) for tag in shuffled
    ]
    assert {(one.repository, one.tag): one for one in found} == expected


@given(st.lists(st.sampled_from([None, 0, 1, 2, 3, 4]), max_size=12), st.integers(1, 5))
def test_the_newest_are_as_many_as_asked_for_and_ties(ages: list[Any], count: int) -> None:
    tags = [record(f"a:{n}", age) for n, age in enumerate(ages)]
    found = decide(tags, [KeepNewest(count)], NOW)
    known = sorted(age for age in ages if age is not None)
    last = known[min(count, len(known)) - 1] if known else None
    for age, one in zip(ages, found, strict=True):
        assert one.is_kept == (age is None or age <= last)
