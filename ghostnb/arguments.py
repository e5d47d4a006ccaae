"""Arguments of the face, checked before anything is asked."""

from collections.abc import AsyncIterator, Iterable
from typing import Any, TypeVar

from ghostnb.oci import Platform, Reference
from ghostnb.registries.protocol import Registry

__all__ = [
    "checked_several",
    "checked_text",
    "first",
    "parsed_platform",
    "parsed_platforms",
    "parsed_reference",
    "wrong_type",
]

Item = TypeVar("Item")


def parsed_platform(text: str | None) -> Platform | None:
    """Read a platform; None stays None."""
    if text is None:
        return None
    return Platform.parse(checked_text(text, "A platform", "linux/amd64"))


def parsed_platforms(texts: str | Iterable[str]) -> list[Platform]:
    """Read one platform or several; none are all."""
    wanted = "a text such as 'linux/amd64', or several of them,"
    names = checked_several(texts, (str,), "platforms", wanted)
    return [Platform.parse(name) for name in names]


def parsed_reference(registry: Registry, text: str, example: str = "team/app:1.0") -> Reference:
    """Read a reference as a registry does: what it leaves out is the registry's."""
    return registry.reference(checked_text(text, "A reference", example))


def checked_text(value: str, what: str, example: str) -> str:
    """Give a text back; anything else is the caller's mistake, and is told at once."""
    if not isinstance(value, str):
        raise TypeError(f"{what} is a text such as {example!r}, not {value!r}.")
    return value


def checked_several(given: Any, kinds: tuple[type, ...], name: str, wanted: str) -> list[Any]:
    """Take one of some kinds, or several, for several; anything else is the caller's mistake."""
    if isinstance(given, kinds):
        return [given]
    if isinstance(given, bytes) or not isinstance(given, Iterable):
        raise wrong_type(name, wanted, given)
    found = list(given)
    for one in found:
        if not isinstance(one, kinds):
            raise wrong_type(name, wanted, one)
    return found


def wrong_type(name: str, wanted: str, given: object) -> TypeError:
    """Say which argument is of a wrong type, what is wanted, and what came."""
    return TypeError(f"{name}: {wanted} is wanted, not {given!r}.")


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
