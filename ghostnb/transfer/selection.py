"""Which repositories and tags are meant."""

import re
from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from ghostnb.errors import ConfigError
from ghostnb.registries.patterns import Names, as_patterns, exact_names, matches
from ghostnb.registries.protocol import Registry
from ghostnb.transfer.versions import VersionRange, is_range, newest_versions

__all__ = ["Selection", "checked_count", "checked_names", "names_from", "selected_repositories"]

_NAMES = ("repositories", "tags", "exclude_repositories", "exclude_tags")
_REGEX = "re:"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which repositories and tags are meant: by default, all.

    Attributes
    ----------
    repositories, tags : str, re.Pattern, iterable of these, or None
        Names; patterns with ``*`` (also across ``/``), ``?`` and ``[…]``; or
        regular expressions, which must match the whole name. None for all.
    exclude_repositories, exclude_tags : str, re.Pattern, iterable of these, or None
        Those that are not meant after all. None for none.
    versions : str, VersionRange or None
        Only tags in this range of versions, such as ``>=1.2,<2``, whatever
        their variant.
    newest : int or None
        Only so many versions, the newest that are left, of each line: ``1.27``,
        ``1.27.3`` and ``1.27.3-alpine`` stand in three. Equal ones are taken
        together; pre-releases count, unless a range leaves them out.

    Raises
    ------
    TypeError, ValueError
        If something of it cannot be meant, with the attribute's name.

    Notes
    -----
    With `versions` or `newest`, tags that are no versions (``latest``) are not meant.

    Examples
    --------
    >>> wanted = Selection("team/*", exclude_repositories="team/old", versions=">=1.2", newest=2)
    >>> wanted.pick_repositories(["team/app", "team/old", "base/os"])
    ['team/app']
    >>> wanted.pick_tags(["1.1.0", "1.2.0", "1.3.0", "1.4.0", "latest"])
    ['1.3.0', '1.4.0']
    """

    repositories: Names | None = None
    tags: Names | None = None
    exclude_repositories: Names | None = None
    exclude_tags: Names | None = None
    versions: str | VersionRange | None = None
    newest: int | None = None

    def __post_init__(self) -> None:
        for key in _NAMES:
            names = getattr(self, key)
            object.__setattr__(self, key, None if names is None else checked_names(key, names))
        if self.versions is not None:
            object.__setattr__(self, "versions", _checked_range(self.versions))
        if self.newest is not None:
            checked_count("newest", self.newest)

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, object], where: str) -> Self:
        """Read a selection from data, such as a table of a TOML file.

        Parameters
        ----------
        mapping : mapping of str to object
            The attributes by name; regular expressions as ``"re:…"``.
        where : str
            Where it stands, for errors.

        Raises
        ------
        ConfigError
            Naming the place and the key that are wrong.
        """
        keys = [field.name for field in fields(cls)]
        if not isinstance(mapping, Mapping):
            raise ConfigError(f"{where}: a selection is a table of {', '.join(keys)}.")
        for key in mapping:
            if key not in keys:
                raise ConfigError(
                    f"{where}: unknown key {key!r}.", hint=f"Keys: {', '.join(keys)}."
                )
        values: dict[str, Any] = dict(mapping)
        try:
            for key in values.keys() & set(_NAMES):
                values[key] = names_from(key, values[key])
            return cls(**values)
        except (TypeError, ValueError) as e:
            raise ConfigError(f"{where}: {e}") from e

    @property
    def exact_repositories(self) -> tuple[str, ...] | None:
        """The repositories by name; None if the registry's list is needed to know them."""
        names = exact_names(as_patterns(self.repositories))
        return None if names is None else tuple(self.pick_repositories(names))

    @property
    def has_all_tags(self) -> bool:
        """Whether repositories are meant as a whole, and no tag of them is left out."""
        filters = (self.tags, self.exclude_tags, self.versions, self.newest)
        return all(one is None for one in filters)

    def has_repository(self, name: str) -> bool:
        """Tell whether a repository is meant, for lists that come one by one."""
        return _is_meant(name, self.repositories, self.exclude_repositories)

    def pick_repositories(self, names: Iterable[str]) -> list[str]:
        """Give the repositories that are meant, in the order given."""
        return [name for name in names if self.has_repository(name)]

    def pick_tags(self, names: Iterable[str]) -> list[str]:
        """Give the tags of one repository that are meant, in the order given.

        Parameters
        ----------
        names : iterable of str
            All tags of the repository: which are the newest depends on the others.
        """
        found = [name for name in names if _is_meant(name, self.tags, self.exclude_tags)]
        if isinstance(self.versions, VersionRange):
            found = [name for name in found if name in self.versions]
        if self.newest is None:
            return found
        best = newest_versions(found, self.newest)
        return [name for name in found if name in best]


async def selected_repositories(registry: Registry, selection: Selection) -> AsyncGenerator[str]:
    """Iterate over the repositories that are meant, each once.

    Where all are named, the registry's list is not asked for, and they need not be there.

    Parameters
    ----------
    registry : Registry
        Completes the names that are given.
    selection : Selection

    Raises
    ------
    UnsupportedError
        If the registry does not list its repositories, and they are not all named.
    """
    exact = selection.exact_repositories
    if exact is not None:
        for name in dict.fromkeys(map(registry.repository, exact)):
            yield name
        return
    # Lists that change while they are read may name one twice.
    seen: set[str] = set()
    async for record in registry.repositories():
        name = record.repository
        if name not in seen and selection.has_repository(name):
            seen.add(name)
            yield name


def checked_names(key: str, names: Names) -> tuple[str | re.Pattern[str], ...]:
    """Take one name or several for several, and a range of versions for a mistake.

    Raises
    ------
    TypeError, ValueError
        Beginning with the key.
    """
    try:
        patterns = as_patterns(names) or ()
    except TypeError as e:
        raise TypeError(f"{key}: {e}") from e
    if "" in patterns:
        raise ValueError(f"{key}: an empty name means nothing. Write '*' for all.")
    for pattern in patterns:
        if isinstance(pattern, str) and is_range(pattern):
            raise ValueError(
                f"{key}: {pattern!r} is a range of versions, and no name or pattern. "
                "A selection takes it as versions=, a rule as tags=."
            )
    return patterns


def checked_count(key: str, count: object) -> None:
    """Refuse what cannot be how many are to be kept.

    Raises
    ------
    TypeError, ValueError
        Beginning with the key.
    """
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"{key}: {count!r} is no whole number, such as 10.")
    if count < 1:
        raise ValueError(f"{key}: {count} is too little, 1 is the least.")


def names_from(key: str, value: object) -> Any:
    """Read names and patterns from data, where regular expressions are ``"re:…"``.

    Raises
    ------
    ValueError
        Beginning with the key, if a regular expression is none. All else is
        given on as it is.
    """
    if isinstance(value, list):
        return [names_from(key, one) for one in value]
    if not isinstance(value, str) or not value.startswith(_REGEX):
        return value
    try:
        return re.compile(value.removeprefix(_REGEX))
    except re.error as e:
        raise ValueError(f"{key}: {value!r} is no regular expression: {e}.") from e


def _is_meant(name: str, wanted: Names | None, excluded: Names | None) -> bool:
    is_excluded = excluded is not None and matches(name, as_patterns(excluded))
    return not is_excluded and matches(name, as_patterns(wanted))


def _checked_range(versions: object) -> VersionRange:
    if isinstance(versions, VersionRange):
        return versions
    try:
        return VersionRange.parse(versions)  # type: ignore[arg-type]
    except (TypeError, ValueError) as e:
        raise type(e)(f"versions: {e}") from e
