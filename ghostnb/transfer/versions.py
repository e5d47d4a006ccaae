"""Tags read as versions, and ranges of versions."""

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from semver import Version

__all__ = [
    "Line",
    "TagVersion",
    "VersionRange",
    "is_range",
    "newest",
    "newest_versions",
    "version_of",
    "versions_by_line",
]

# OCI distribution-spec v1.1, "Pulling manifests"; some registries list what can be no tag.
_MAX_LENGTH = 128
_TAG = re.compile(r"v?([0-9]+)(?:\.([0-9]+)(?:\.([0-9]+))?)?(?:\.(?=[a-z]))?(.*)")
# "alpine" begins as "alpha" does, "devel" as "dev": a word ends here.
_PRE_RELEASE = re.compile(r"(?:alpha|beta|rc|dev|pre|snapshot|nightly)(?:[0-9.][0-9a-z.]*)?")
_IDENTIFIER = re.compile(r"[0-9]+|[a-z]+")
_COMPARATOR = re.compile(r"(>=|<=|!=|==|[<>=^~]|)\s*([\w.-]+)")
_HINT = "Write for example '>=1.2,<2', '^1.2' (below 2), '~1.2' (1.2 alone) or '1.2.3'."


@dataclass(frozen=True, slots=True)
class Line:
    """Versions that follow each other: of one variant, and with as many numbers.

    ``1.27`` and ``1.27.3`` are two lines: where both are there, ``1.27`` moves
    on to each newer ``1.27.x``, and is not older than it.

    Attributes
    ----------
    numbers : int
        How many there are: 1 to 3.
    variant : str
        What follows the version, such as ``slim-bookworm``; empty for none.
    """

    numbers: int
    variant: str = ""

    def __str__(self) -> str:
        shape = "x.y.z"[: 2 * self.numbers - 1]
        return f"{shape}-{self.variant}" if self.variant else shape


@dataclass(frozen=True, slots=True)
class TagVersion:
    """A tag's version, and the line in which it stands."""

    version: Version
    line: Line


def version_of(tag: str) -> TagVersion | None:
    """Read a tag as a version, loosely; None if it is none.

    Taken are one to three numbers, with zeros before them if need be and ``v``
    before all, then a pre-release and a variant. A pre-release is alpha, beta,
    rc, dev, pre, snapshot or nightly, with or without a number, and sorts below
    its release. All else that follows a hyphen is a variant, and no
    pre-release as the specification would have it: ``1.27-alpine`` is not
    older than ``1.27``. A number for each build (``1.27-4711``) is a variant too.

    Examples
    --------
    >>> str(version_of("v1.2.3-rc1").version)
    '1.2.3-rc.1'
    >>> str(version_of("3.12-slim-bookworm").line)
    'x.y-slim-bookworm'
    >>> version_of("latest") is None
    True

    Notes
    -----
    Source: Semantic Versioning 2.0.0, 9 to 11, for what is a pre-release and
    how they are ordered.
    """
    found = _TAG.fullmatch(tag.lower())
    if found is None or len(tag) > _MAX_LENGTH:
        return None
    numbers = [int(number) for number in found.groups()[:3] if number is not None]
    attached, *suffixes = re.split("[-_]", found[4])
    if not all(suffixes) or (attached and not _PRE_RELEASE.fullmatch(attached)):
        return None
    pre_release, variant = _split([attached, *suffixes] if attached else suffixes)
    return TagVersion(_version(numbers, pre_release), Line(len(numbers), variant))


def _version(numbers: Sequence[int], pre_release: str | None = None) -> Version:
    major, minor, patch = (*numbers, 0, 0)[:3]
    return Version(major, minor, patch, pre_release)


def _split(suffixes: list[str]) -> tuple[str | None, str]:
    """Tell a pre-release, wherever it stands, from the variant around it."""
    starts = (n for n, suffix in enumerate(suffixes) if _PRE_RELEASE.fullmatch(suffix))
    start = end = next(starts, len(suffixes))
    while end < len(suffixes) and (end == start or suffixes[end].isdigit()):
        end += 1
    variant = "-".join(suffixes[:start] + suffixes[end:])
    # "rc10" is newer than "rc9" if its number stands alone.
    identifiers = _IDENTIFIER.findall(".".join(suffixes[start:end]))
    numbered = (str(int(one)) if one.isdigit() else one for one in identifiers)
    return ".".join(numbered) or None, variant


def versions_by_line(tags: Iterable[str]) -> dict[Line, dict[str, Version]]:
    """Group tags by their line; those that are no versions are left out."""
    lines: dict[Line, dict[str, Version]] = defaultdict(dict)
    for tag in tags:
        found = version_of(tag)
        if found is not None:
            lines[found.line][tag] = found.version
    return dict(lines)


def newest(values: Mapping[str, Any], count: int) -> set[str]:
    """Name the newest: `count` of them, and what is no older than the last of these."""
    best = heapq.nlargest(count, values.values())
    return {name for name, value in values.items() if value >= best[-1]}


def newest_versions(tags: Iterable[str], count: int) -> set[str]:
    """Name the newest tags of each line, pre-releases among them, and those that are equal."""
    lines = versions_by_line(tags).values()
    return {tag for line in lines for tag in newest(line, count)}


@dataclass(frozen=True, slots=True)
class VersionRange:
    """Versions that are meant, such as ``>=1.2,<2``.

    A tag is in the range if all of its comparators take it, whatever its
    variant. As in npm, numbers that are not given may be any (``<=1.2`` takes
    1.2.9, ``=1.2`` and ``1.2`` too), and a pre-release is taken only if the
    range names one of the same three numbers. A tag's own numbers that are not
    given are 0.

    Attributes
    ----------
    text : str
        As it was given.

    Examples
    --------
    >>> versions = VersionRange.parse("^1.2")
    >>> [tag in versions for tag in ("1.1.9", "v1.9", "1.9-alpine", "1.9.0-rc.1", "2.0")]
    [False, True, True, False, False]

    Notes
    -----
    Source: node-semver, "Ranges" (without ``||``, hyphens and ``x``).
    """

    text: str
    _comparators: "tuple[_Comparator, ...]" = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a range.

        Raises
        ------
        TypeError, ValueError
            Saying what is wrong, and what would be right.
        """
        if not isinstance(text, str):
            raise TypeError(f"A range of versions is a text, not {text!r}. {_HINT}")
        found = _COMPARATOR.findall(text)
        beside = _COMPARATOR.sub("", text).strip(", \t\n")
        if beside or not found:
            raise ValueError(f"{text!r} is no range of versions. {_HINT}")
        return cls(text, tuple(_comparator(*one) for one in found))

    def __contains__(self, tag: str) -> bool:
        found = version_of(tag)
        if found is None or (found.version.prerelease and not self._names(found.version)):
            return False
        return all(one.takes(found.version) for one in self._comparators)

    def __str__(self) -> str:
        return self.text

    def _names(self, version: Version) -> bool:
        """Tell whether a pre-release of the same numbers is named."""
        return any(one.names_pre_release_of(version) for one in self._comparators)


def is_range(text: str) -> bool:
    """Tell whether a text begins as a range does, and no tag can."""
    return text.lstrip()[:1] in {*"<>=^~!"}


@dataclass(frozen=True, slots=True)
class _Comparator:
    """Compares with a version; `end` is the first beyond what is meant, None for it alone."""

    operator: str
    start: Version
    end: Version | None

    def takes(self, version: Version) -> bool:
        is_before = version < self.start
        is_beyond = version > self.start if self.end is None else version >= self.end
        match self.operator:
            case ">=":
                return not is_before
            case "<=":
                return not is_beyond
            case ">":
                return is_beyond
            case "<":
                return is_before
            case "!=":
                return is_before or is_beyond
            case _:
                return not (is_before or is_beyond)

    def names_pre_release_of(self, version: Version) -> bool:
        is_same = self.start.finalize_version() == version.finalize_version()
        return self.operator != "!=" and self.start.prerelease is not None and is_same


def _comparator(operator: str, text: str) -> _Comparator:
    found = version_of(text)
    if found is None:
        raise ValueError(f"{text!r} is no version in a range. {_HINT}")
    if found.line.variant:
        raise ValueError(
            f"{text!r} in a range has a variant. Write the numbers alone, and "
            f"'*-{found.line.variant}' for the tags."
        )
    return _Comparator(operator, found.version, _end(operator, found))


def _end(operator: str, found: TagVersion) -> Version | None:
    version, last = found.version, found.line.numbers - 1
    numbers = version.major, version.minor, version.patch
    if operator == "^":
        # Below 1.0 the next number tells what may break.
        return _next(numbers, next((n for n in range(last) if numbers[n]), last))
    if operator == "~":
        return _next(numbers, min(last, 1))
    return None if last == 2 or version.prerelease else _next(numbers, last)


def _next(numbers: tuple[int, int, int], position: int) -> Version:
    return _version((*numbers[:position], numbers[position] + 1))
