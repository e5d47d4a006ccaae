"""Inventories: every layer of every image, and what could not be read."""

import warnings
from collections.abc import Iterable, Sequence

import pandas as pd

from ghostnb.frames import LayersTable
from ghostnb.registries.patterns import Pattern, as_patterns
from ghostnb.registries.protocol import Registry
from ghostnb.registries.records import SearchRecord, TagRecord
from ghostnb.registries.walk import Failure, Tally, walk

__all__ = ["as_patterns", "attach_failures", "failures_of", "gather_layers"]


async def gather_layers(
    registry: Registry,
    tally: Tally,
    repositories: tuple[Pattern, ...] | None,
    tags: tuple[Pattern, ...] | None,
) -> LayersTable:
    """Walk a registry; to be run on the I/O loop."""
    table = LayersTable()
    async for image in walk(registry, tally, repositories=repositories, tags=tags):
        table.add(image)
    return table


def failures_of(records: Iterable[TagRecord | SearchRecord]) -> list[Failure]:
    """List those of which not all could be read."""
    return [
        Failure(record.registry, record.repository, record.tag or "", record.error)
        for record in records
        if record.error is not None
    ]


def attach_failures(frame: pd.DataFrame, failures: Sequence[Failure], what: str) -> pd.DataFrame:
    """Put what could not be read into a frame's attributes, and warn of it.

    They become ``.attrs["errors"]``: a list of dictionaries with ``registry``,
    ``repository``, ``tag`` (empty where a whole registry or repository is
    meant), ``error`` (the class's name) and ``message``.

    Parameters
    ----------
    frame : pandas.DataFrame
    failures : sequence of Failure
    what : str
        What the frame is, for the warning.

    Warns
    -----
    UserWarning
        If there are any, with the caller's caller as its place.
    """
    frame.attrs["errors"] = [failure.as_dict() for failure in failures]
    if failures:
        warnings.warn(
            f"{what} is not whole ({len(failures)} could not be read, "
            f'see .attrs["errors"]): {failures[0].error}',
            UserWarning,
            stacklevel=3,
        )
    return frame
