"""Rules of what is kept, each of which judges the tags that it speaks of."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol, TypeAlias

import pandas as pd

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Digest
from ghostnb.registries.patterns import Names, Pattern, as_patterns, matches, shown
from ghostnb.transfer.selection import checked_count, checked_names
from ghostnb.transfer.versions import VersionRange, is_range, newest, versions_by_line

__all__ = [
    "KeepDigests",
    "KeepMatching",
    "KeepNewest",
    "KeepYounger",
    "KnownTag",
    "Rule",
    "Verdict",
]

_UNKNOWN_AGE = "its age is not known"
Tags: TypeAlias = Names | VersionRange | Iterable[Pattern | VersionRange]


@dataclass(frozen=True, slots=True)
class KnownTag:
    """A tag as rules see it; `created` is None if its age is not known."""

    repository: str
    tag: str
    digest: str
    created: pd.Timestamp | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of a tag, and why, in words that follow "kept:" or "deleted:"."""

    is_kept: bool
    reason: str


class Rule(Protocol):
    """Judges tags."""

    def judge(self, tags: Sequence[KnownTag], now: pd.Timestamp) -> list[Verdict | None]:
        """Give a verdict on each tag; None where the rule does not speak of it."""
        ...


@dataclass(frozen=True, slots=True)
class KeepNewest:
    """Keep the newest images of each repository, and what is as new as the last of them.

    All names of an image are one: with ``latest`` and ``2.4`` for one image, the newest 3 are
    two further images.

    Attributes
    ----------
    count : int
        How many of each repository; by version, of each of its lines, so that
        ``1.27-alpine`` does not push out ``1.27`` (see `ghostnb.transfer.versions.Line`).
    by : str
        ``created`` or ``version``. A tag of which it is not known when it was
        created is kept, and counts for none; of a tag that is no version, a
        rule by version does not speak. Pre-releases count for versions: with
        ``tags=">=0"``, the rule speaks of releases alone.
    repositories, tags : str, re.Pattern or iterable of these
        Which are counted and judged, as for `KeepMatching`; of others, the rule
        does not speak.
    """

    count: int
    by: str = "created"
    repositories: Names = "*"
    tags: Tags = "*"

    def __post_init__(self) -> None:
        checked_count("count", self.count)
        if self.by not in ("created", "version"):
            raise ValueError(f"by: {self.by!r} is neither 'created' nor 'version'.")
        _check_scope(self)

    def judge(self, tags: Sequence[KnownTag], now: pd.Timestamp) -> list[Verdict | None]:
        """Count the newest of each repository."""
        grouped = defaultdict(list)
        for tag in filter(_scope_of(self), tags):
            grouped[tag.repository].append(tag)
        count = self._by_version if self.by == "version" else self._by_age
        verdicts = {name: count(name, members) for name, members in grouped.items()}
        return [verdicts.get(tag.repository, {}).get(tag.tag) for tag in tags]

    def _by_age(self, repository: str, tags: Sequence[KnownTag]) -> dict[str, Verdict]:
        # A tag that a registry lists twice counts once, by its later time.
        dated = [(tag.created, tag.tag, tag.digest) for tag in tags if tag.created is not None]
        images = {tag: (digest, created) for created, tag, digest in sorted(dated)}
        undated = {tag.tag: Verdict(True, _UNKNOWN_AGE) for tag in tags if tag.created is None}
        ages = dict(sorted(images.values(), key=lambda image: image[1]))
        verdicts = self._verdicts(ages, f"of {repository}")
        return {tag: verdicts[digest] for tag, (digest, _) in images.items()} | undated

    def _by_version(self, repository: str, tags: Sequence[KnownTag]) -> dict[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        for line, versions in versions_by_line(tag.tag for tag in tags).items():
            kind = "versions" if str(line) == "x.y.z" else f"{line} versions"
            verdicts |= self._verdicts(versions, f"{kind} of {repository}")
        return verdicts

    def _verdicts(self, values: dict[str, Any], of_what: str) -> dict[str, Verdict]:
        best = newest(values, self.count)
        words = f"the {self.count} newest {of_what}" if self.count > 1 else f"the newest {of_what}"
        among, older = Verdict(True, f"among {words}"), Verdict(False, f"older than {words}")
        return {name: among if name in best else older for name in values}


@dataclass(frozen=True, slots=True)
class KeepYounger:
    """Keep what was created lately, or it is not known when.

    Attributes
    ----------
    days : float or timedelta
    repositories, tags : str, re.Pattern or iterable of these
        Which are judged, as for `KeepMatching`; of others, the rule does not speak.
    """

    days: float | timedelta
    repositories: Names = "*"
    tags: Tags = "*"

    def __post_init__(self) -> None:
        _checked_age(self.days)
        _check_scope(self)

    def judge(self, tags: Sequence[KnownTag], now: pd.Timestamp) -> list[Verdict | None]:
        """Compare each tag's age."""
        limit, is_in_scope = _checked_age(self.days), _scope_of(self)
        words = _in_words(limit)
        younger, older = (
            Verdict(True, f"younger than {words}"),
            Verdict(False, f"older than {words}"),
        )

        def judge_one(tag: KnownTag) -> Verdict:
            if tag.created is None:
                return Verdict(True, _UNKNOWN_AGE)
            return younger if (now - tag.created).to_pytimedelta() < limit else older

        return [judge_one(tag) if is_in_scope(tag) else None for tag in tags]


@dataclass(frozen=True, slots=True)
class KeepMatching:
    """Keep tags by their name, and no others of these repositories.

    Attributes
    ----------
    tags : str, re.Pattern, VersionRange or iterable of these
        Names, patterns and regular expressions as for `Selection`; ranges of
        versions also as texts, such as ``>=1.2,<2``.
    repositories : str, re.Pattern or iterable of these
        Which are judged; of others, the rule does not speak.
    """

    tags: Tags
    repositories: Names = "*"

    def __post_init__(self) -> None:
        _check_scope(self)

    def judge(self, tags: Sequence[KnownTag], now: pd.Timestamp) -> list[Verdict | None]:
        """Compare each tag's name."""
        wanted, repositories = _checked_tags(self.tags), as_patterns(self.repositories)
        none = Verdict(False, f"does not match {', '.join(map(shown, wanted))}")

        def judge_one(tag: KnownTag) -> Verdict:
            found = (one for one in wanted if _is_match(tag.tag, one))
            return next((Verdict(True, f"matches {shown(one)}") for one in found), none)

        return [judge_one(tag) if matches(tag.repository, repositories) else None for tag in tags]


@dataclass(frozen=True, slots=True)
class KeepDigests:
    """Keep what is needed elsewhere; of all else, this rule does not speak.

    So it never has a tag deleted that no other rule judges.

    Attributes
    ----------
    digests : iterable of str
        Of what a tag leads to: of an index, its own and not its images'.
    reason : str
        Such as ``running on an engine``.
    """

    digests: Iterable[str] = field(repr=False)
    reason: str = "needed elsewhere"

    def __post_init__(self) -> None:
        object.__setattr__(self, "digests", _checked_digests(self.digests))
        if not isinstance(self.reason, str) or not self.reason.strip():
            raise ValueError(
                f"reason: {self.reason!r} says nothing, such as 'running on an engine'."
            )

    def judge(self, tags: Sequence[KnownTag], now: pd.Timestamp) -> list[Verdict | None]:
        """Look up each tag's digest."""
        kept, digests = Verdict(True, self.reason), frozenset(self.digests)
        return [kept if tag.digest in digests else None for tag in tags]


def _check_scope(rule: KeepNewest | KeepYounger | KeepMatching) -> None:
    repositories = checked_names("repositories", rule.repositories)
    object.__setattr__(rule, "repositories", repositories)
    object.__setattr__(rule, "tags", _checked_tags(rule.tags))


def _scope_of(rule: KeepNewest | KeepYounger) -> Callable[[KnownTag], bool]:
    """Give what tells whether a rule speaks of a tag."""
    repositories, wanted = as_patterns(rule.repositories), _checked_tags(rule.tags)

    def is_in_scope(tag: KnownTag) -> bool:
        return matches(tag.repository, repositories) and any(_is_match(tag.tag, w) for w in wanted)

    return is_in_scope


def _checked_age(days: object) -> timedelta:
    if not isinstance(days, int | float | timedelta) or isinstance(days, bool):
        raise TypeError(f"days: {days!r} is neither a number of days nor a timedelta.")
    try:
        age = days if isinstance(days, timedelta) else timedelta(days=days)
    except (OverflowError, ValueError) as e:
        raise ValueError(f"days: {days!r} is no number of days, such as 30.") from e
    if age <= timedelta(0):
        raise ValueError(f"days: {days!r} is too little: nothing is younger.")
    return age


def _in_words(age: timedelta) -> str:
    unit, name = (
        (timedelta(days=1), "day") if age >= timedelta(days=1) else (timedelta(hours=1), "hour")
    )
    number = f"{age / unit:.10g}"
    return f"{number} {name}" if number == "1" else f"{number} {name}s"


def _checked_tags(tags: Any) -> tuple[Pattern | VersionRange, ...]:
    is_one = isinstance(tags, str | re.Pattern | VersionRange)
    if not is_one and not isinstance(tags, Iterable):
        raise TypeError(f"tags: {tags!r} is no text such as 'v*', regular expression or range.")
    found = tuple(_checked_tag(tag) for tag in ([tags] if is_one else tags))
    if not found:
        raise ValueError("tags: none are named. Name some, such as 'v*', or all: '*'.")
    return found


def _checked_tag(tag: Any) -> Pattern | VersionRange:
    if isinstance(tag, VersionRange):
        return tag
    if not isinstance(tag, str) or not is_range(tag):
        return checked_names("tags", [tag])[0]
    try:
        return VersionRange.parse(tag)
    except ValueError as e:
        raise ValueError(f"tags: {e}") from e


def _checked_digests(digests: object) -> frozenset[str]:
    if isinstance(digests, str) or not isinstance(digests, Iterable):
        raise TypeError(f"digests: {digests!r} are no list of digests.")
    try:
        return frozenset(map(Digest, digests))
    except (TypeError, InvalidReferenceError) as e:
        raise ValueError(f"digests: {e}") from e


def _is_match(tag: str, wanted: Pattern | VersionRange) -> bool:
    return tag in wanted if isinstance(wanted, VersionRange) else matches(tag, [wanted])
