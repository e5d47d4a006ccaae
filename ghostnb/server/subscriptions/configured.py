"""Subscriptions as a configuration writes them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ghostnb.errors import ConfigError
from ghostnb.server.variables import value_of

__all__ = ["arguments", "checked_entries", "naming"]

_KEYS = ("url", "secret", "actions", "registries")


def checked_entries(entries: object) -> Sequence[object]:
    """Give the entries, if it is a list of them.

    Raises
    ------
    ConfigError
    """
    if not isinstance(entries, list | tuple):
        raise ConfigError(
            "The configuration's webhooks must be a list.",
            hint='Write [{"url": "https://…", "secret": "env:NAME"}].',
        )
    return entries


@contextmanager
def naming(number: int) -> Iterator[None]:
    """Say of an error which entry it is about."""
    try:
        yield
    except ConfigError as e:
        raise ConfigError(f"Webhook {number} of the configuration: {e.message}", hint=e.hint) from e


def arguments(entry: object) -> dict[str, Any]:
    """Give what an entry says as arguments of `Subscriptions.add`.

    Parameters
    ----------
    entry : dict

    Raises
    ------
    ConfigError
        If a key is unknown or missing, or an environment variable is not set.
    """
    if not isinstance(entry, Mapping):
        raise ConfigError(f"It must be a table with {', '.join(_KEYS)}.")
    unknown = [str(key)[:50] for key in entry if key not in _KEYS]
    if unknown:
        raise ConfigError(f"It has the key {unknown[0]!r}.", hint=f"Known are {', '.join(_KEYS)}.")
    for key in ("url", "secret"):
        if not entry.get(key):
            # A secret that we would make here nobody would see.
            raise ConfigError(f"It has no {key}.", hint='Write "secret": "env:NAME".')
    return {**entry, "secret": _secret(entry["secret"])}


def _secret(secret: object) -> object:
    return value_of(secret, "Its secret") if isinstance(secret, str) else secret
