"""What is shown before it is done: plans, and the copy of one image under another name."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Protocol

import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError, NotFoundError
from ghostnb.frames.plans import COPIES
from ghostnb.operations import copy
from ghostnb.progress import Progress

__all__ = ["Change", "ImageCopy", "changed_registries", "deleted", "going", "things"]


class Change(Protocol):
    """What a `ghostnb.plans.Plan` is to a panel and to a job."""

    notes: tuple[str, ...]
    bytes_freed: int
    bytes_moved: int

    @property
    def frame(self) -> pd.DataFrame:
        """What would happen, row by row."""
        ...

    @property
    def results(self) -> pd.DataFrame:
        """What became of it so far."""
        ...

    def apply(self, *, progress: Callable[[Progress], None]) -> Awaitable[pd.DataFrame]:
        """Do what is not done yet."""
        ...


class ImageCopy:
    """One image that gets another tag: a sync plan names tags as the source does.

    Made by `look`.

    Parameters
    ----------
    source, target : RegistryClient
    reference, to : str
    row : mapping of str to object
        Of the frame.
    platforms : sequence of str
    referrers : bool
    """

    notes: tuple[str, ...] = ("How many bytes it moves is known when it is copied.",)
    bytes_freed = bytes_moved = 0

    def __init__(
        self,
        source: RegistryClient,
        target: RegistryClient,
        reference: str,
        to: str,
        row: dict[str, Any],
        *,
        platforms: Sequence[str] = (),
        referrers: bool = False,
    ) -> None:
        self._source, self._target = source, target
        self._reference, self._to, self._row = reference, to, row
        self._platforms, self._referrers = platforms, referrers
        self._outcome, self._error = "waiting", ""

    @classmethod
    async def look(
        cls,
        source: RegistryClient,
        target: RegistryClient,
        reference: str,
        to: str,
        **options: Any,
    ) -> "ImageCopy":
        """See what is there, and what has the name now; the other parameters as of `copy`."""
        parsed, named = source.registry.reference(reference), target.registry.reference(to)
        found = await source.registry.resolve(parsed.repository, parsed.locator)
        try:
            now = str((await target.registry.resolve(named.repository, named.tag)).digest)
        except NotFoundError:
            now = None
        row = {
            "action": "update" if now else "copy",
            "registry": source.name,
            "repository": parsed.repository,
            "tag": parsed.tag or None,
            "digest": str(found.digest),
            "media_type": found.media_type,
            "target_registry": target.name,
            "target_repository": named.repository,
            "target_tag": named.tag,
            "target_digest": now,
        }
        return cls(source, target, reference, to, row, **options)

    @property
    def frame(self) -> pd.DataFrame:
        """What would happen: one row, with the columns of a sync plan."""
        return pd.DataFrame([self._row], columns=list(COPIES)).astype(dict(COPIES))

    @property
    def results(self) -> pd.DataFrame:
        """What became of it."""
        keys = self.frame[["action", "target_repository", "target_tag", "digest"]]
        return keys.assign(outcome=self._outcome, error=self._error or pd.NA)

    async def apply(self, *, progress: Callable[[Progress], None]) -> pd.DataFrame:
        """Copy it; again, if that failed."""
        try:
            await copy(
                self._source,
                self._target,
                self._reference,
                to=self._to,
                platforms=self._platforms,
                referrers=self._referrers,
                progress=progress,
            )
        except GhostnbError as e:
            self._outcome, self._error = "failed", str(e)
            raise
        self._outcome, self._error = "done", ""
        return self.results


def going(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of a plan's frame for which something is to be done."""
    return frame[frame["action"] != "keep"]


def changed_registries(plan: Change) -> list[str]:
    """Name the registries in which a plan changes something."""
    frame = plan.frame
    return [*frame["target_registry" if "target_registry" in frame else "registry"].unique()]


def deleted(plan: Change) -> set[tuple[str, str]]:
    """Give the tags that a deletion has taken away: registry, and ``repository:tag``."""
    results = plan.results
    if "target_repository" in results:
        return set()
    gone = results[(results["outcome"] == "done") & results["tag"].notna()]
    return {(row.registry, f"{row.repository}:{row.tag}") for row in gone.itertuples()}


def things(frame: pd.DataFrame) -> str:
    """Count what a frame's rows are about: ``2 tags and 1 manifest``."""
    tags = int(frame["tag"].notna().sum())
    counted = _counts({"tag": tags, "manifest": len(frame) - tags}.items())
    return " and ".join(counted) or "nothing"


def _counts(numbers: Iterable[tuple[str, int]]) -> list[str]:
    return [f"{count:,} {noun}{'s' * (count != 1)}" for noun, count in numbers if count]
