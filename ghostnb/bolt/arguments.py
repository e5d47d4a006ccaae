"""What callers give: the wrong type is told at once."""

from collections.abc import Iterable, Mapping
from typing import Any, TypedDict

__all__ = ["Metadata", "check_limit", "check_metadata", "several", "wanted"]


class Metadata(TypedDict, total=False):
    """Where something comes from."""

    author_email: str
    license: str
    repository: str
    documentation: str


def check_limit(limit: int | None) -> None:
    """Refuse less than nothing.

    Raises
    ------
    ValueError
    """
    if limit is not None and limit < 0:
        raise ValueError(f"The limit cannot be negative, as {limit} is.")


def check_metadata(metadata: Mapping[str, Any]) -> None:
    """Refuse keywords that are none.

    Raises
    ------
    TypeError
    """
    known = Metadata.__annotations__
    for name in metadata:
        if name not in known:
            raise TypeError(f"There is no keyword {name!r}; there are: {', '.join(known)}.")


def several(texts: str | Iterable[str] | None) -> list[str] | None:
    """Take one text or several for several."""
    if texts is None:
        return None
    return [texts] if isinstance(texts, str) else list(texts)


def wanted(**filters: Any) -> dict[str, Any]:
    """Keep the filters that are given.

    Raises
    ------
    TypeError
        If one is no text.
    """
    given = {name: value for name, value in filters.items() if value is not None}
    for name, value in given.items():
        texts = value if isinstance(value, list) else [value]
        if not all(isinstance(text, str) for text in texts):
            raise TypeError(f"{name} is a text such as 'steam', not {value!r}.")
    return given
