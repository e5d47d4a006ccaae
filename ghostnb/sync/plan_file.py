"""The file that says what is to be kept alike."""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ghostnb.arguments import parsed_platform
from ghostnb.errors import ConfigError, InvalidReferenceError
from ghostnb.transfer.selection import Selection

__all__ = ["PlanFile", "SyncEntry", "parse_duration", "parse_plan", "read_plan"]

_SELECTION = (
    "repositories",
    "tags",
    "exclude_repositories",
    "exclude_tags",
    "versions",
    "newest",
)
_OWN = ("source", "target", "platforms", "rename", "referrers", "prune", "repair")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,9})\s*([smhd])")


@dataclass(frozen=True, slots=True)
class SyncEntry:
    """One ``[[sync]]`` table.

    Attributes
    ----------
    source, target : str
        Names of configured registries, or addresses.
    selection : Selection
    options : dict of str to object
        The other arguments of `ghostnb.plan_sync`.
    """

    source: str
    target: str
    selection: Selection
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlanFile:
    """All of a file.

    Attributes
    ----------
    entries : tuple of SyncEntry
    every_seconds : float or None
        How long to wait between rounds; None for one round.
    """

    entries: tuple[SyncEntry, ...]
    every_seconds: float | None = None


def read_plan(path: str | os.PathLike[str]) -> PlanFile:
    """Read a file.

    Raises
    ------
    ConfigError
        Naming the file, the table and the key that are wrong.
    """
    file = Path(path).expanduser()
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as e:
        raise ConfigError(
            f"There is no file {file}.",
            hint='Write one: [[sync]] with source = "…", target = "…" and repositories = ["…"].',
        ) from e
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{file} cannot be read: {e}.") from e
    return parse_plan(text, source=str(file))


def parse_plan(text: str, *, source: str = "the plan") -> PlanFile:
    """Read a file's text.

    Raises
    ------
    ConfigError
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{source} is not valid TOML: {e}.") from e
    tables = document.pop("sync", None)
    every = document.pop("every", None)
    if document:
        raise ConfigError(
            f"{source}: unknown key {min(document)!r}.", hint="Keys: sync (tables), every."
        )
    if not isinstance(tables, list) or not tables:
        raise ConfigError(
            f"{source} has no [[sync]] table.",
            hint='Write one: [[sync]] with source = "…", target = "…" and repositories = ["…"].',
        )
    entries = tuple(
        _entry(table, f"{source}, [[sync]] table {number}")
        for number, table in enumerate(tables, 1)
    )
    return PlanFile(entries, None if every is None else parse_duration(every, f"{source}: every"))


def parse_duration(text: object, where: str) -> float:
    """Read a time such as ``30s``, ``15m``, ``6h`` or ``1d``, in seconds.

    Raises
    ------
    ConfigError

    Examples
    --------
    >>> parse_duration("6h", "every")
    21600.0
    """
    found = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is None or not int(found[1]):
        raise ConfigError(
            f"{where} is {text!r}, which is no time.",
            hint='Write it as "30s", "15m", "6h" or "1d".',
        )
    return float(int(found[1]) * _UNITS[found[2]])


def _entry(table: object, where: str) -> SyncEntry:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{where} is no table.")
    for key in table:
        if key not in (*_OWN, *_SELECTION):
            raise ConfigError(
                f"{where}: unknown key {key!r}.", hint=f"Keys: {', '.join((*_OWN, *_SELECTION))}."
            )
    selected = {key: value for key, value in table.items() if key in _SELECTION}
    options = {key: _option(key, table[key], where) for key in _OWN[2:] if key in table}
    return SyncEntry(
        _text(table, "source", where),
        _text(table, "target", where),
        Selection.from_mapping(selected, where),
        options,
    )


def _text(table: Mapping[str, object], key: str, where: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise ConfigError(
            f"{where}: {key} is missing or no text.",
            hint="Give the name of a configured registry, or an address.",
        )
    return value


def _option(key: str, value: object, where: str) -> object:
    if key in ("referrers", "prune", "repair"):
        if not isinstance(value, bool):
            raise ConfigError(f"{where}: {key} is true or false, not {value!r}.")
        return value
    if key == "rename":
        if not isinstance(value, Mapping) or not all(
            isinstance(one, str) for one in value.values()
        ):
            raise ConfigError(
                f"{where}: rename is a table of texts.", hint='rename = { "library/" = "mirror/" }'
            )
        return dict(value)
    return _platforms(value, where)


def _platforms(value: object, where: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
        raise ConfigError(f'{where}: platforms is a list such as ["linux/amd64"], not {value!r}.')
    try:
        for one in texts:
            parsed_platform(one)
    except InvalidReferenceError as e:
        raise ConfigError(f"{where}: platforms: {e}") from e
    return texts
