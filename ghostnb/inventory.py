"""Inventories: every layer of every image, and what could not be read."""

import warnings
from collections.abc import Iterable

import pandas as pd

from ghostnb.frames import LayersTable
from ghostnb.registries.protocol import Registry
from ghostnb.registries.walk import Tally, walk

__all__ = ["as_patterns", "finish_inventory", "gather_layers"]


def as_patterns(names: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Take one name or several for several; None stands for all.

    Raises
    ------
    TypeError
        If they are no texts.
    """
    if names is None:
        return None
    patterns = (names,) if isinstance(names, str) else tuple(names)
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"A name or pattern is a text, not {pattern!r}.")
    return patterns


async def gather_layers(
    registry: Registry,
    tally: Tally,
    repositories: tuple[str, ...] | None,
    tags: tuple[str, ...] | None,
) -> LayersTable:
    """Walk a registry; to be run on the I/O loop."""
    table = LayersTable()
    async for image in walk(registry, tally, repositories=repositories, tags=tags):
        table.add(image)
    return table


def finish_inventory(table: LayersTable, tally: Tally) -> pd.DataFrame:
    """Make the frame of a walk, with what could not be read in its attributes.

    Warns
    -----
    UserWarning
        If there is any such thing.
    """
    frame = table.frame()
    frame.attrs["errors"] = [failure.as_dict() for failure in tally.failures]
    if tally.failures:
        warnings.warn(
            f"The inventory is not whole ({len(tally.failures)} could not be read, "
            f'see .attrs["errors"]): {tally.failures[0].error}',
            UserWarning,
            stacklevel=3,
        )
    return frame
