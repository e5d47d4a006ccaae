"""Arguments of the face, checked before anything is asked."""

from collections.abc import AsyncIterator, Iterable
from typing import TypeVar

from ghostnb.oci import Platform

__all__ = ["checked_text", "first", "parsed_platform", "parsed_platforms"]

Item = TypeVar("Item")


def parsed_platform(text: str | None) -> Platform | None:
    """Read a platform; None stays None."""
    if text is None:
        return None
    return Platform.parse(checked_text(text, "A platform", "linux/amd64"))


def parsed_platforms(texts: str | Iterable[str]) -> list[Platform]:
    """Read one platform or several; none are all."""
    names = [texts] if isinstance(texts, str) else list(texts)
    return [Platform.parse(checked_text(text, "A platform", "linux/amd64")) for text in names]


def checked_text(value: str, what: str, example: str) -> str:
    """Give a text back; anything else is the caller's mistake, and is told at once."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a text such as {example!r}, not {value!r}.")
    return value


async def first(items: AsyncIterator[Item], limit: int | None) -> AsyncIterator[Item]:
    """Pass on at most so many, and ask for no more than needed."""
    count = 0
    if limit is not None and limit <= 0:
        return
    async for item in items:
        yield item
        count += 1
        if count == limit:
            return
