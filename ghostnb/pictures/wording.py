"""Sizes and names, as pictures write them."""

import json

__all__ = ["bytes_text", "key_of", "key_text", "named", "shortened"]


def bytes_text(size_bytes: float) -> str:
    """Write a size as the widgets do: with three digits."""
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    unit = 0
    while abs(size_bytes) >= 999.5 and unit < len(units) - 1:
        size_bytes, unit = size_bytes / 1000, unit + 1
    return (
        f"{size_bytes:.0f} B" if unit == 0 else f"{size_bytes:#.3g}".rstrip(".") + f" {units[unit]}"
    )


def shortened(text: str, letters: int) -> str:
    """Give a text that has room for so many letters."""
    return text if len(text) <= letters else f"{text[: max(letters - 1, 0)]}…"


def named(name: object) -> str:
    """Write what an index names; several levels are joined as in ``repository:tag``."""
    return ":".join(map(str, name)) if isinstance(name, tuple) else str(name)


def key_text(name: str) -> str:
    """Write a name so that XML can say it and `key_of` gives it back, whatever is in it."""
    return json.dumps(name)[1:-1]


def key_of(text: str) -> str:
    """Read a name that `key_text` wrote.

    Raises
    ------
    ValueError
        If it did not.
    """
    return str(json.loads(f'"{text}"'))
