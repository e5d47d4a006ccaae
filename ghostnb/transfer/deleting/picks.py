"""What is meant: references, frames of tags, and patterns for what must stay."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TypeAlias

import pandas as pd

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Digest, Reference
from ghostnb.registries.protocol import Registry

__all__ = ["Choice", "Pick", "Protection", "picks_of", "protection_of"]

Choice: TypeAlias = str | Reference | pd.DataFrame | Iterable[str | Reference]
"""One or several references, or a frame with the columns repository, tag and perhaps digest."""

_PATTERN_CHARACTERS = frozenset("*?[")
_ALGORITHMS = ("sha256", "sha512")
_SHORTEST_DIGEST = 64


@dataclass(frozen=True, slots=True)
class Pick:
    """Something that is meant: a tag, or a manifest.

    Attributes
    ----------
    repository : str
    tag : str
        Empty if a manifest is meant.
    digest : Digest or None
        The manifest; beside a tag, what it pointed to when it was looked at.
    """

    repository: str
    tag: str = ""
    digest: Digest | None = None

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}" if self.tag else f"{self.repository}@{self.digest}"


@dataclass(slots=True)
class Protection:
    """What must stay, and by what it is named.

    Attributes
    ----------
    tags : dict of (str, str) to str
        Those that are named one by one, by repository and tag.
    """

    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    _digests: dict[Digest, list[tuple[str, str]]] = field(default_factory=dict)
    _patterns: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, repository: str, tag: str, digest: Digest | None, name: str) -> None:
        """Protect a tag (or all that a pattern fits); without a tag, a manifest."""
        if not tag and digest is not None:
            self._digests.setdefault(digest, []).append((repository, name))
        elif _PATTERN_CHARACTERS & {*repository, *tag}:
            self._patterns.append((repository, tag, name))
        else:
            self.tags[repository, tag] = name

    def of_tag(self, repository: str, tag: str) -> str:
        """Say what protects a tag; empty if nothing does."""
        if name := self.tags.get((repository, tag)):
            return name
        return next(
            (
                name
                for where, pattern, name in self._patterns
                if fnmatchcase(repository, where) and fnmatchcase(tag, pattern)
            ),
            "",
        )

    def idle(self, tags: Iterable[tuple[str, str]]) -> list[str]:
        """List the patterns that fit none of these tags, which are given with repositories."""
        left = list(self._patterns)
        for repository, tag in tags:
            left = [
                one
                for one in left
                if not (fnmatchcase(repository, one[0]) and fnmatchcase(tag, one[1]))
            ]
        return [name for _, _, name in left]

    def of_digest(self, repository: str, digest: Digest) -> str:
        """Say what protects a manifest itself; empty if nothing does."""
        known = self._digests.get(digest, ())
        return next((name for where, name in known if fnmatchcase(repository, where)), "")


def picks_of(registry: Registry, what: Choice) -> list[Pick]:
    """Read what is meant.

    Parameters
    ----------
    registry : Registry
    what : str, Reference, DataFrame, or iterable of str or Reference
        A tag and a digest in one reference mean the digest; in a frame's row, the tag as long
        as it points there. Rows without a tag mean the digest.

    Returns
    -------
    list of Pick
        Each once.

    Raises
    ------
    InvalidReferenceError
        If a text is no reference, or has neither tag nor digest: ``latest`` is not guessed.
    ValueError
        If a frame lacks a column, or has rows of other registries.
    """
    if isinstance(what, pd.DataFrame):
        # In a frame of layers, `digest` is the layer's.
        column = "" if "image_digest" in what else "digest"
        return list(dict.fromkeys(_rows(registry, what, column)))
    texts = [what] if isinstance(what, str | Reference) else what
    return list(dict.fromkeys(_pick(registry, one) for one in texts))


def protection_of(registry: Registry, what: Choice) -> Protection:
    """Read what must stay.

    Parameters
    ----------
    registry : Registry
    what : str, Reference, DataFrame, or iterable of str or Reference
        As for `picks_of`; texts may also be patterns with ``*``, ``?`` and ``[…]`` in
        repository and tag, a repository alone (all of its tags), or a digest alone. A frame's
        digests (``image_digest`` in one of layers) stay under whatever name they are found, in
        every repository.
    """
    protection = Protection()
    if isinstance(what, pd.DataFrame):
        column = "image_digest" if "image_digest" in what else "digest"
        for pick in dict.fromkeys(_rows(registry, what, column)):
            if pick.tag:
                protection.add(pick.repository, pick.tag, None, str(pick))
            if pick.digest:
                protection.add("*", "", pick.digest, str(pick))
        return protection
    for one in [what] if isinstance(what, str | Reference) else what:
        protection.add(*_pattern(registry, str(one)), str(one))
    return protection


def _pick(registry: Registry, one: str | Reference) -> Pick:
    text = str(one)
    if not _is_whole(text):
        raise InvalidReferenceError(
            f"{text[:200]!r} names neither a tag nor a digest.",
            hint="Write REPOSITORY:TAG; for all of a repository, repositories=[REPOSITORY].",
        )
    reference = registry.reference(text)
    tag = "" if reference.digest else reference.tag
    return Pick(reference.repository, tag, reference.digest)


def _is_whole(text: str) -> bool:
    """Tell whether a reference names a tag or a digest."""
    return "@" in text or ":" in text.rpartition("/")[2]


def _rows(registry: Registry, frame: pd.DataFrame, digest_column: str) -> Iterator[Pick]:
    missing = [name for name in ("repository", "tag") if name not in frame]
    if missing:
        raise ValueError(
            f"A frame of tags has the columns repository and tag; {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing in this one. Take a frame such as "
            "that of registry.tags(…), or rename its columns."
        )
    _check_registry(registry, frame)
    digests = frame[digest_column] if digest_column in frame else [None] * len(frame)
    for repository, tag, digest in zip(frame["repository"], frame["tag"], digests, strict=True):
        name = "" if pd.isna(tag) else str(tag)
        known = None if digest is None or pd.isna(digest) else Digest(str(digest))
        if not name and known is None:
            raise ValueError(f"A row of {repository} has neither tag nor digest.")
        yield Pick(registry.repository(str(repository)), name, known)


def _check_registry(registry: Registry, frame: pd.DataFrame) -> None:
    if "registry" not in frame:
        return
    others = sorted(set(frame["registry"].dropna().astype(str)) - {registry.name})
    if others:
        raise ValueError(
            f"The frame has rows of {', '.join(others[:3])}, and this is {registry.name}: "
            "take those of one registry."
        )


def _pattern(registry: Registry, text: str) -> tuple[str, str, Digest | None]:
    where, at, digest = text.partition("@")
    head, colon, tag = text.rpartition(":")
    if not at and head in _ALGORITHMS and len(tag) >= _SHORTEST_DIGEST:
        return "*", "", Digest(text)
    if not _PATTERN_CHARACTERS & set(text) and _is_whole(text):
        pick = _pick(registry, text)
        return pick.repository, pick.tag, pick.digest
    if at:
        return _repository(registry, where), "", Digest(digest)
    if not colon or "/" in tag:
        return _repository(registry, text), "*", None
    return _repository(registry, head), tag, None


def _repository(registry: Registry, name: str) -> str:
    return name if _PATTERN_CHARACTERS & set(name) else registry.repository(name)
