"""Searches: what is asked, and what a registry finds."""

from ghostnb.registries.protocol import Registry
from ghostnb.registries.records import SearchRecord

__all__ = ["check_search", "find_images"]


def check_search(query: str, limit: int) -> None:
    """Refuse what cannot be searched for.

    Raises
    ------
    TypeError
        If the query is no text.
    ValueError
        If it is empty, or the limit negative.
    """
    if not isinstance(query, str):
        raise TypeError(f"A query is a text, not {query!r}.")
    if not query.strip():
        raise ValueError("The query is empty: give at least a part of a name.")
    if limit < 0:
        raise ValueError(f"The limit cannot be negative, as {limit} is.")


async def find_images(registry: Registry, query: str, limit: int) -> list[SearchRecord]:
    """Search a registry; to be run on the I/O loop."""
    return [record async for record in registry.search(query, limit=limit)]
