"""What is shown before it is done, and what became of it."""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol

import pandas as pd

from ghostnb.progress import Progress
from ghostnb.widgets.words import counted

__all__ = ["Change", "changed_registries", "deleted", "going", "kind", "things"]


class Change(Protocol):
    """What a `ghostnb.plans.Plan` is to a panel and to a job."""

    bytes_freed: int
    bytes_moved: int
    what_if: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to be read before it is applied."""
        ...

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


def going(frame: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of a plan's frame for which something is to be done."""
    return frame[frame["action"] != "keep"]


def kind(plan: Change) -> Literal["push", "copy", "delete"]:
    """Say what a plan does, by the columns that it has."""
    columns = plan.frame.columns
    if "target_registry" not in columns:
        return "delete"
    return "push" if "image" in columns else "copy"


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
    counts = {"tag": tags, "manifest": len(frame) - tags}
    said = [counted(count, noun) for noun, count in counts.items() if count]
    return " and ".join(said) or "nothing"
