"""Which registries there are: the configuration file."""

import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import platformdirs

from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.vendors import check_address, check_kind

__all__ = [
    "DEFAULT_CONFIGS",
    "TABLE_HEAD",
    "config_path",
    "key_of",
    "load_configs",
    "parse_configs",
]

DEFAULT_CONFIGS = (
    RegistryConfig("local-drift", "http://localhost:5000", insecure=True),
    RegistryConfig("docker-hub", "https://registry-1.docker.io"),
)
"""What is there without a configuration file."""

TABLE_HEAD = re.compile(r"\s*\[\[\s*registries\s*\]\]")
"""How the line begins that begins a registry's table."""


def config_path(path: str | os.PathLike[str] | None = None) -> Path:
    """Say which the configuration file is: this, that of ``GHOSTNB_CONFIG``, or the user's."""
    if path is not None:
        return Path(path).expanduser().absolute()
    override = os.environ.get("GHOSTNB_CONFIG")
    if override:
        return Path(override).expanduser().absolute()
    return platformdirs.user_config_path("ghostnb") / "registries.toml"


def load_configs(path: str | os.PathLike[str] | None = None) -> tuple[RegistryConfig, ...]:
    """Read the configured registries.

    Parameters
    ----------
    path : path, optional
        A TOML file; by default `config_path`, and the two default registries
        if there is no such file.

    Returns
    -------
    tuple of RegistryConfig
        In the file's order.

    Raises
    ------
    ConfigError
        Naming the file, line and key that are wrong. The file is never changed.
    """
    file = config_path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError as e:
        if path is None and not os.environ.get("GHOSTNB_CONFIG"):
            return DEFAULT_CONFIGS
        raise ConfigError(f"There is no configuration file {file}.") from e
    except (OSError, UnicodeDecodeError) as e:
        # Not chained: a decoding error holds what it could not decode.
        raise ConfigError(f"The configuration file {file} cannot be read: {e}.") from None
    return parse_configs(text, source=str(file))


def parse_configs(text: str, *, source: str = "the configuration") -> tuple[RegistryConfig, ...]:
    """Read the registries from a configuration file's text.

    Raises
    ------
    ConfigError
        Naming the source, line and key that are wrong.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{source} is not valid TOML: {e}.") from e
    tables = document.get("registries")
    if not isinstance(tables, list):  # an empty one says that none are wanted
        raise ConfigError(
            f"{source} configures no registries.",
            hint='Add [[registries]] tables with name = "…" and url = "…"; write registries = [] '
            "if there are to be none; or remove the file.",
        )
    if unknown := set(document) - {"registries"}:
        key = min(unknown)
        raise ConfigError(f"{source}, line {_line(text, -1, key)}: unknown key {key!r}.")
    configs = tuple(_config(table, n, text, source) for n, table in enumerate(tables))
    _check_names([config.name for config in configs], text, source)
    return configs


def _config(table: object, position: int, text: str, source: str) -> RegistryConfig:
    types = {f.name: f.type for f in fields(RegistryConfig)}

    def fail(key: str, problem: str, hint: str = "") -> ConfigError:
        return ConfigError(f"{source}, line {_line(text, position, key)}: {problem}", hint=hint)

    if not isinstance(table, dict):
        raise fail("", "registries must be [[registries]] tables.")
    for key, value in table.items():
        if key not in types:
            raise fail(key, f"unknown key {key!r}.", _KEYS_HINT)
        if not _has_type(value, str(types[key])):
            raise fail(key, f"{key} must be {_TYPE_WORDS[_base(str(types[key]))]}.")
    for key in ("name", "url"):
        if not table.get(key):
            raise fail("", f"a registry has no {key}.")
    # GhostPanel's own files have username = "" for "none".
    values = {key: value for key, value in table.items() if value != ""}
    try:
        config = RegistryConfig(**values)
        check_kind(config)
        check_address(config)
    except ConfigError as e:
        raise fail(key_of(e), e.message, e.hint) from e
    return config


def key_of(error: ConfigError) -> str:
    """Say which key a message of `RegistryConfig` is about."""
    for start, key in _STARTS.items():
        if error.message.startswith(start):
            return key
    word = error.message.partition(" ")[0]
    return word if word in {f.name for f in fields(RegistryConfig)} else "name"


_STARTS = {"The URL of ": "url", "The password of ": "password", "The token of ": "token"}
_KEYS_HINT = f"Keys are: {', '.join(f.name for f in fields(RegistryConfig))}."
_TYPE_WORDS = {"str": "a text", "bool": "true or false", "int": "a number", "float": "a number"}


def _base(annotation: str) -> str:
    for word in ("str", "bool", "int", "float"):
        if word in annotation:
            return word
    raise TypeError(annotation)


def _has_type(value: object, annotation: str) -> bool:
    base = _base(annotation)
    if base == "str":
        return isinstance(value, str)
    if base == "bool":
        return isinstance(value, bool)
    numbers = (int, float) if base == "float" else int
    return isinstance(value, numbers) and not isinstance(value, bool)


def _line(text: str, position: int, key: str) -> int:
    """Find the line of a key in the nth [[registries]] table, or of the table itself."""
    table, start = -1, 1
    sought = re.compile(rf"\s*\[*[\"']?{re.escape(key)}[\"']?\s*(=|\])")
    for number, line in enumerate(text.splitlines(), 1):
        if TABLE_HEAD.match(line):
            table += 1
            start = number if table == position else start
        elif key and sought.match(line) and (table == position or _is_top_level(line, position)):
            return number
    return start


def _is_top_level(line: str, position: int) -> bool:
    """Tell whether a line begins a table of the whole file, wherever it stands."""
    return position < 0 and line.lstrip().startswith("[")


def _check_names(names: Sequence[str], text: str, source: str) -> None:
    for position, name in enumerate(names):
        if name in names[:position]:
            raise ConfigError(
                f"{source}, line {_line(text, position, 'name')}: "
                f"there are two registries of the name {name!r}.",
                hint="Give one of them another name.",
            )
