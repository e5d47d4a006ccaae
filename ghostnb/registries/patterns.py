"""Names and patterns: which repositories and tags are meant."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import TypeAlias

__all__ = ["Names", "Pattern", "as_patterns", "exact_names", "matches", "shown"]

Pattern: TypeAlias = str | re.Pattern[str]
"""A name, one with ``*``, ``?`` and ``[…]``, or a regular expression for the whole of it."""
Names: TypeAlias = Pattern | Iterable[Pattern]

_PATTERN_CHARACTERS = frozenset("*?[")


def as_patterns(names: Names | None) -> tuple[Pattern, ...] | None:
    """Take one name or several for several; None stands for all.

    Raises
    ------
    TypeError
        If they are neither texts nor regular expressions.
    """
    if names is None:
        return None
    patterns = [names] if isinstance(names, str | re.Pattern) else names
    if not isinstance(patterns, Iterable):
        raise _wrong(names)
    patterns = tuple(patterns)
    if not all(map(_is_pattern, patterns)):
        raise _wrong(names)
    return patterns


def matches(name: str, patterns: Iterable[Pattern] | None) -> bool:
    """Tell whether a name is one of those that are meant; None stands for all."""
    return patterns is None or any(_is_match(name, pattern) for pattern in patterns)


def exact_names(patterns: Iterable[Pattern] | None) -> tuple[str, ...] | None:
    """Give the names that are meant, each once; None if a list is needed to know them."""
    names: dict[str, None] = {}
    for pattern in () if patterns is None else patterns:
        if isinstance(pattern, re.Pattern) or _PATTERN_CHARACTERS & set(pattern):
            return None
        names[pattern] = None
    return None if patterns is None else tuple(names)


def shown(pattern: object) -> str:
    """Write a pattern as a file would have it."""
    return f"re:{pattern.pattern}" if isinstance(pattern, re.Pattern) else str(pattern)


def _is_match(name: str, pattern: Pattern) -> bool:
    if isinstance(pattern, str):
        return fnmatchcase(name, pattern)
    return pattern.fullmatch(name) is not None


def _is_pattern(pattern: object) -> bool:
    text = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
    return isinstance(text, str)


def _wrong(names: object) -> TypeError:
    return TypeError(
        f"Names and patterns are texts such as 'team/*', or regular expressions, not {names!r}."
    )
