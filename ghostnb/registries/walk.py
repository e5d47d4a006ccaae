"""Every image of a registry, one after the other."""

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

from ghostnb.errors import GhostnbError, InvalidReferenceError
from ghostnb.oci import Reference
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.images import Image
from ghostnb.registries.patterns import Pattern, exact_names, matches
from ghostnb.registries.protocol import Registry
from ghostnb.registries.reading import images_of

__all__ = ["Failure", "Tally", "walk"]

# Images read ahead of the slowest: enough to keep all busy, little enough to hold.
_WINDOW = 256
_LIST_WINDOW = 32


@dataclass(frozen=True, slots=True)
class Failure:
    """Something that could not be read."""

    registry: str
    repository: str
    tag: str
    error: GhostnbError

    def as_dict(self) -> dict[str, str]:
        """Give the failure as plain text, as it stands in a frame's attributes."""
        return {
            "registry": self.registry,
            "repository": self.repository,
            "tag": self.tag,
            "error": type(self.error).__name__,
            "message": str(self.error),
        }


@dataclass(slots=True)
class Tally:
    """How far a walk has come.

    Attributes
    ----------
    done, total : int
        Tags read, and tags known so far.
    failures : list of Failure
    """

    done: int = 0
    total: int = 0
    failures: list[Failure] = field(default_factory=list)


async def walk(
    registry: Registry,
    tally: Tally,
    *,
    repositories: Sequence[Pattern] | None = None,
    tags: Sequence[Pattern] | None = None,
) -> AsyncIterator[Image]:
    """Iterate over the images of a registry: repositories and tags in its own order.

    Parameters
    ----------
    registry : Registry
    tally : Tally
        Kept up to date; takes what could not be read.
    repositories, tags : sequence of str or re.Pattern, optional
        Names, or patterns as `ghostnb.registries.patterns` knows them. Without a pattern among
        the repositories, the registry's catalog is not needed.

    Yields
    ------
    Image
        One a platform of a tag. At most some hundred are held at once.
    """
    reader = _Reader(registry, tally, repositories, tags)
    # More than can ask at once: while one reads its answer, another's question is ready.
    workers = registry.concurrency * 3 // 2
    found = ordered_map(reader.read, reader.references(), workers=workers, window=_WINDOW)
    async for images in found:
        for image in images:
            yield image


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads lists and images of one walk, and notes what cannot be read."""

    registry: Registry
    tally: Tally
    repositories: Sequence[Pattern] | None
    tags: Sequence[Pattern] | None

    async def references(self) -> AsyncIterator[Reference]:
        """Iterate over the tags of all repositories, some lists read ahead."""
        workers = max(2, self.registry.concurrency // 4)
        lists = ordered_map(self._list_tags, self._names(), workers=workers, window=_LIST_WINDOW)
        async with aclosing(lists) as batches:
            async for batch in batches:
                for reference in batch:
                    yield reference

    async def read(self, reference: Reference) -> list[Image]:
        """Read a tag's images: one a platform."""

        def note(error: GhostnbError) -> None:
            self._note(error, reference.repository, reference.tag)

        try:
            top = await self.registry.manifest(reference.repository, reference.tag)
            found = images_of(self.registry, reference, top, on_error=note)
            return [image async for image in found]
        except GhostnbError as e:
            note(e)
            return []
        finally:
            self.tally.done += 1

    async def _names(self) -> AsyncIterator[str]:
        known = 0
        try:
            async for name in _repositories(self.registry, self.repositories):
                known += 1
                yield name
        except GhostnbError as e:
            # What the pages before gave is worth having.
            if not known:
                raise
            self._note(e)

    async def _list_tags(self, repository: str) -> list[Reference]:
        try:
            name = self.registry.repository(repository)
            found = [tag async for tag in self.registry.tags(name) if matches(tag, self.tags)]
        except GhostnbError as e:
            self._note(e, repository)
            return []
        references = [one for tag in found if (one := self._reference(name, tag)) is not None]
        self.tally.total += len(references)
        return references

    def _reference(self, repository: str, tag: str) -> Reference | None:
        """Make a tag's reference; some registries list what can be no tag."""
        try:
            return Reference("", repository, tag)
        except InvalidReferenceError as e:
            self._note(e, repository, tag)
            return None

    def _note(self, error: GhostnbError, repository: str = "", tag: str = "") -> None:
        self.tally.failures.append(Failure(self.registry.name, repository, tag, error))


async def _repositories(registry: Registry, wanted: Sequence[Pattern] | None) -> AsyncIterator[str]:
    names = exact_names(wanted)
    if names is not None:
        for name in names:
            yield name
        return
    async for record in registry.repositories():
        if matches(record.repository, wanted):
            yield record.repository
