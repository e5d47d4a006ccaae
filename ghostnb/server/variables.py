"""What a configuration keeps in the environment: ``env:NAME``."""

import os

from ghostnb.errors import ConfigError

__all__ = ["value_of"]

_VARIABLE = "env:"


def value_of(text: str, what: str) -> str:
    """Give a configured value, from the environment if it is kept there.

    Parameters
    ----------
    text : str
        The value, or ``env:NAME``.
    what : str
        Whose it is, as a sentence begins: ``The token of ci``.

    Raises
    ------
    ConfigError
        If the variable is not set.
    """
    if not text.startswith(_VARIABLE):
        return text
    variable = text.removeprefix(_VARIABLE)
    # Files that variables are filled from end with a line's end.
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ConfigError(
            f"{what} is in the environment variable {variable[:200]}, which is not set.",
            hint=f"Set {variable[:200]} where the agent starts, or change the configuration.",
        )
    return value
