"""What registries list: asked once for all who ask at the same time, and kept for a moment."""

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from ghostnb.drift.lists import Lists

__all__ = ["Listings"]

Result = TypeVar("Result")

# Others push, too, and not every registry tells of it.
_FRESH_SECONDS = 5.0
_KEPT = 256
_ALL = "*"
_DETAILS = "details"
_USAGE = "usage"


class Listings:
    """Keeps lists of repositories and of tags; it lives on one event loop."""

    def __init__(self) -> None:
        # The registry, whose tags (or _ALL), and of which namespace where it is all (and _USAGE),
        # or _DETAILS and of which tags.
        self._lists = Lists(fresh_seconds=_FRESH_SECONDS, most=_KEPT)

    async def repositories(
        self,
        registry: str,
        namespace: str,
        read: Callable[[], Awaitable[Result]],
        *,
        is_following: bool = False,
    ) -> Result:
        """Give the repositories; see `Lists.get`."""
        return await self._lists.get((registry, _ALL, namespace), read, is_following=is_following)

    async def tags(
        self,
        registry: str,
        repository: str,
        read: Callable[[], Awaitable[Result]],
        *,
        is_following: bool = False,
    ) -> Result:
        """Give the names of tags; see `Lists.get`."""
        return await self._lists.get((registry, repository, ""), read, is_following=is_following)

    async def details(
        self,
        registry: str,
        repository: str,
        read: Callable[[], Awaitable[Result]],
        *,
        tags: Iterable[str] = (),
        is_following: bool = False,
    ) -> Result:
        """Give the tags, or some of them, with what is known of each; see `Lists.get`."""
        key = (registry, repository, _DETAILS, *tags)
        return await self._lists.get(key, read, is_following=is_following)

    async def usage(
        self, registry: str, namespace: str, read: Callable[[], Awaitable[Result]]
    ) -> Result:
        """Give what is stored; see `Lists.get`."""
        return await self._lists.get((registry, _ALL, namespace, _USAGE), read, is_following=False)

    def forget(self, registry: str, repository: str | None = None) -> None:
        """Read anew what may have changed: without a repository, all of a registry."""
        changed = {_ALL, repository}
        self._lists.forget(
            lambda key: key[0] == registry and (repository is None or key[1] in changed)
        )
