"""The configuration file's text with one registry more, changed, or less."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, fields
from typing import Any

import tomli_w

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.config_file import DEFAULT_CONFIGS, TABLE_HEAD, parse_configs

__all__ = ["default_text", "with_registry", "without_registry"]

# What there may be of a key's line: a value that ends where it began, and a comment.
_VALUE = r"""("(?:[^"\\]|\\.)*"|'[^']*'|[^\s#"']+)"""
_EMPTY = re.compile(r"\s*registries\s*=\s*\[\s*\]\s*(#.*)?$")
_NO_TABLES = "registries = []"
Lines = list[str]


def default_text() -> str:
    """Write down what is there without a file."""
    return "\n".join("".join(_table(config, "\n")) for config in DEFAULT_CONFIGS)


def with_registry(text: str, config: RegistryConfig, *, source: str) -> str:
    """Add a registry at the end, or change the one of its name where it stands.

    Parameters
    ----------
    text : str
    config : RegistryConfig
        Its password is written as it is: give a reference to where it is kept.
    source : str
        What errors call the text.

    Returns
    -------
    str
        With every comment and all other registries as they were.

    Raises
    ------
    ConfigError
        If the text is invalid, or written in a way that this would not keep.
    """
    known = parse_configs(text, source=source)
    names = [one.name for one in known]
    lines = text.splitlines(keepends=True)
    if config.name in names:
        place = names.index(config.name)
        table = tomllib.loads(text)["registries"][place]
        start, end = _span(lines, place, len(known), source)
        lines[start:end] = _changed(lines[start:end], table, config)
        wanted = [*known[:place], config, *known[place + 1 :]]
    else:
        lines = _appended(lines, config)
        wanted = [*known, config]
    return _checked("".join(lines), wanted, source)


def without_registry(text: str, name: str, *, source: str) -> str:
    """Take a registry's table out; comments around it stay.

    Raises
    ------
    ConfigError
        If there is none of the name; or as `with_registry`.
    """
    known = parse_configs(text, source=source)
    names = [one.name for one in known]
    if name not in names:
        raise ConfigError(f"{source} has no registry of the name {name!r}.")
    lines = text.splitlines(keepends=True)
    place = names.index(name)
    start, end = _span(lines, place, len(known), source)
    # One of the blank lines around it goes with it.
    if end == len(lines):
        start -= bool(start and not lines[start - 1].strip())
    else:
        end += not lines[end].strip()
    del lines[start:end]
    if len(known) == 1:
        lines.insert(start, _NO_TABLES + _newline(lines))
    wanted = [*known[:place], *known[place + 1 :]]
    return _checked("".join(lines), wanted, source)


def _checked(text: str, wanted: Iterable[RegistryConfig], source: str) -> str:
    """Read the text again: TOML has more ways to write a table than are looked for here."""
    try:
        is_right = parse_configs(text) == tuple(wanted)
    except ConfigError:
        is_right = False
    if not is_right:
        raise _unchangeable(source)
    return text


def _unchangeable(source: str) -> ConfigError:
    return ConfigError(
        f"{source} is written in a way that cannot be changed without loss.",
        hint="Write each registry as a [[registries]] table with one key a line, "
        "or edit the file by hand.",
    )


def _span(lines: Lines, place: int, count: int, source: str) -> tuple[int, int]:
    """Find a table: from the head to the last key; comments behind are not its own."""
    heads = [number for number, line in enumerate(lines) if TABLE_HEAD.match(line)]
    if len(heads) != count:
        raise _unchangeable(source)
    start, end = heads[place], [*heads[1:], len(lines)][place]
    end = next(n for n in range(end, 0, -1) if not _is_blank(lines[n - 1]))
    try:
        tomllib.loads("".join(lines[start:end]))
    except tomllib.TOMLDecodeError:  # what looked like a comment ends a text of several lines
        raise _unchangeable(source) from None
    return start, end


def _is_blank(line: str) -> bool:
    return line.strip() == "" or line.lstrip().startswith("#")


def _appended(lines: Lines, config: RegistryConfig) -> Lines:
    newline = _newline(lines)
    kept = [line for line in lines if not _EMPTY.match(line)]
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += newline
    gap = [newline] if kept and kept[-1].strip() else []
    return [*kept, *gap, *_table(config, newline)]


def _changed(lines: Lines, table: dict[str, Any], config: RegistryConfig) -> Lines:
    """Change the lines of those keys that have another value now."""
    newline, usual = _newline(lines), _usual()
    if not lines[-1].endswith("\n"):
        lines[-1] += newline
    for key in usual:
        value, had = getattr(config, key), table.get(key, usual[key])
        if had == value or (had == "" and value is None):
            continue
        sought = re.compile(rf"(\s*[\"']?{key}[\"']?\s*=\s*){_VALUE}(\s*(?:#.*)?)$")
        found = next(((n, m) for n, line in enumerate(lines) if (m := sought.match(line))), None)
        if found is None:
            lines.append(f"{key} = {_written(value)}{newline}")
        elif value == usual[key]:
            del lines[found[0]]
        else:
            number, match = found
            lines[number] = f"{match[1]}{_written(value)}{lines[number][match.end(2) :]}"
    return lines


def _table(config: RegistryConfig, newline: str) -> Lines:
    values = {key: getattr(config, key) for key in _usual()}
    keys = [
        f"{key} = {_written(value)}{newline}"
        for key, value in values.items()
        if value != _usual()[key]
    ]
    return [f"[[registries]]{newline}", *keys]


def _usual() -> dict[str, Any]:
    """Give the keys with what they are where the file says nothing."""
    return {f.name: None if f.default is MISSING else f.default for f in fields(RegistryConfig)}


def _written(value: object) -> str:
    # None stands where a line could not be found, and what is made of it is not kept.
    return "" if value is None else tomli_w.dumps({"": value}).partition(" = ")[2].rstrip("\n")


def _newline(lines: Lines) -> str:
    return "\r\n" if any(line.endswith("\r\n") for line in lines) else "\n"
