"""The frames of backups: what one holds, and what is wrong with a registry's content."""

from collections.abc import Iterable

import pandas as pd

from ghostnb.frames.schema import COUNT, TEXT, TIME, Schema, frame_of

__all__ = ["CATALOGUE", "PROBLEMS", "catalogue_frame", "problems_frame"]

# The one speaks of a backup's images, the other of any registry's single manifests and blobs.
_CONTENT: Schema = {
    "registry": TEXT,
    "repository": TEXT,
    "tag": TEXT,
    "digest": TEXT,
    "media_type": TEXT,
    "size_bytes": COUNT,
}
CATALOGUE: Schema = {**_CONTENT, "backed_up": TIME, "problem": TEXT}
PROBLEMS: Schema = {**_CONTENT, "problem": TEXT}


def catalogue_frame(entries: Iterable[object]) -> pd.DataFrame:
    """Tabulate what a backup holds, one row a tag or untagged manifest.

    Parameters
    ----------
    entries : iterable of object
        With an attribute of each column's name, such as a catalogue's entries.

    Returns
    -------
    pandas.DataFrame
        registry, repository : string, where it came from; registry <NA> if it was there before
        tag : string, <NA> for what has none
        digest, media_type : string, of the manifest
        size_bytes : Int64, of all that belongs to it, manifests included
        backed_up : datetime64[ns, UTC], when it first came
        problem : string, why it could not be read; <NA> for what the backup holds
    """
    return frame_of(CATALOGUE, entries)


def problems_frame(problems: Iterable[object]) -> pd.DataFrame:
    """Tabulate what a verification found, one row a piece of content and tag that needs it.

    Parameters
    ----------
    problems : iterable of object
        With an attribute of each column's name.

    Returns
    -------
    pandas.DataFrame
        Empty when all is well.
        registry, repository : string
        tag : string, that leads to it; <NA> if none does
        digest, media_type : string, of what is damaged or missing
        size_bytes : Int64, that it should have; <NA> if unknown
        problem : string
    """
    return frame_of(PROBLEMS, problems)
