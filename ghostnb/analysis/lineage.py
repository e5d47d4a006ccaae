"""Which image stands on which: by what is in their layers, whoever built them."""

from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from ghostnb.analysis.codes import Codes
from ghostnb.analysis.ledger import checked_inventory
from ghostnb.analysis.stacks import IMAGE, Stacks
from ghostnb.frames.schema import COUNT, FLAG, TEXT, TIME

__all__ = ["bases", "rebuilds"]

BASES = {
    **dict.fromkeys(IMAGE, TEXT),
    "base_registry": TEXT,
    "base_repository": TEXT,
    "base_tags": TEXT,
    "base_digest": TEXT,
    "base_layers": COUNT,
    "base_bytes": COUNT,
    "own_bytes": COUNT,
}
REBUILDS = {
    **dict.fromkeys(IMAGE, TEXT),
    "base_tags": TEXT,
    "base_digest": TEXT,
    "base_created": TIME,
    "newest_tags": TEXT,
    "newest_digest": TEXT,
    "newest_created": TIME,
    "behind": COUNT,
    "days_behind": COUNT,
    "is_outdated": FLAG,
    "is_direct": FLAG,
    "own_bytes": COUNT,
}
_OF_BASE = ["base_tags", "base_digest", "base_created"]
_SHOWN = 5
_BASE = ["base_registry", "base_repository", "base_tags", "base_digest"]


def bases(inventory: pd.DataFrame) -> pd.DataFrame:
    """Say of each image on which other one it stands.

    The base of an image is the largest one whose layers, all of them, are its own first layers.
    It may be in another registry.

    Parameters
    ----------
    inventory : pandas.DataFrame
        As `ghostnb.frames.layers_frame` makes it, perhaps of several registries; what is not
        in it is no base.

    Returns
    -------
    pandas.DataFrame, shape (n_images, 12)
        registry, repository, tag, image_digest, platform : string
        base_registry, base_repository, base_digest : string; <NA> if no base is known. Of
        several repositories that hold it one in the image's registry, and with the shortest
        name
        base_tags : string, its names there, joined by ", "
        base_layers : Int64
        base_bytes, own_bytes : Int64, of the layers up to the base's last, and above it;
        foreign ones count for none
        What is no image is left out (signatures, charts), and so are images of which it is
        not known what is in their layers.

    Raises
    ------
    TypeError, ValueError
        If the inventory is none.

    Notes
    -----
    Layers are the same if what they hold is (``diff_id``), however it was compressed. So an
    image of another platform is no base, and neither is one of an older build of the same tag,
    unless it has a tag still.
    """
    stacks = Stacks.of(checked_inventory(inventory))
    frame = stacks.images[list(IMAGE)].copy()
    frame["stack"] = _below(stacks, stacks.tops)
    names = _names(stacks)
    here = frame.merge(names, "left", left_on=["stack", "registry"], right_on=["stack", _BASE[0]])
    anywhere = names.drop_duplicates("stack")
    elsewhere = frame.merge(anywhere, "left", "stack")
    is_based = (frame["stack"] > 0).to_numpy()
    below = frame["stack"].where(is_based, 0).to_numpy()
    for name in _BASE:
        frame[name] = here[name].fillna(elsewhere[name]).array
    frame["base_layers"], frame["base_bytes"] = stacks.depths[below], stacks.sizes[below]
    frame["own_bytes"] = stacks.sizes[stacks.tops] - stacks.sizes[below]
    return frame[list(BASES)].astype(BASES)


def _below(stacks: Stacks, bases: Codes) -> Codes:
    """Give of each image the stack of the largest of these bases that it stands on, or 0."""
    is_base = np.zeros(len(stacks.parents), dtype=bool)
    is_base[bases] = True
    is_base[0] = False
    return stacks.nearest(is_base)[stacks.parents[stacks.tops]]


def _names(stacks: Stacks) -> pd.DataFrame:
    """Name each stack that is an image: once for every registry, that with the shortest first."""
    named = stacks.images.assign(stack=stacks.tops, length=stacks.images["repository"].str.len())
    named = named.sort_values(["stack", "length", *IMAGE])
    first = named.drop_duplicates(["stack", "registry"])
    keys = ["stack", "registry", "repository"]
    tags = named[named["tag"].notna()].drop_duplicates([*keys, "tag"]).groupby(keys)["tag"]
    found = first.merge(tags.agg(", ".join).rename("base_tags").reset_index(), "left", keys)
    renamed = {"registry": _BASE[0], "repository": _BASE[1], "image_digest": _BASE[3]}
    return found.rename(columns=renamed)[["stack", *_BASE]]


def rebuilds(inventory: pd.DataFrame, base: str, *, registry: str | None = None) -> pd.DataFrame:
    """List the images that stand on a base, and how far they are behind its newest.

    Parameters
    ----------
    inventory : pandas.DataFrame
        As for `bases`.
    base : str
        A repository, ``library/python``, or some of its tags, by name or pattern:
        ``library/python:3.12*``. Then only these are bases, and the newest is one of them.
    registry : str, optional
        Which one's the base is; by default any.

    Returns
    -------
    pandas.DataFrame, shape (n_images, 16)
        registry, repository, tag, image_digest, platform : string, of the image
        base_tags, base_digest : string, of the base that it stands on
        base_created : datetime64[ns, UTC], when its last layer was made; NaT if unknown
        newest_tags, newest_digest, newest_created : the same of the newest for that platform
        behind : Int64, how many images of the base are newer than its own
        days_behind : Int64, from its own base to the newest, in whole days
        is_outdated : boolean; <NA> if it is not known which is newer
        is_direct : boolean, False if there is another image between, to be rebuilt before
        own_bytes : Int64, as of `bases`: at most so much is stored anew
        The farthest behind first; images of the base's own repository are left out.

    Raises
    ------
    ValueError
        If no image fits; the message names what is there instead.
    TypeError
        If the inventory is none, or the base no text.
    """
    stacks = Stacks.of(checked_inventory(inventory))
    is_base = _fitting(stacks.images, base, registry)
    offered = stacks.images[is_base].assign(stack=stacks.tops[is_base])
    is_other = ~stacks.images["repository"].isin(offered["repository"].unique()).to_numpy()
    below, nearest = _below(stacks, stacks.tops[is_base]), _below(stacks, stacks.tops)
    frame = stacks.images[list(IMAGE)].copy()
    frame["stack"], frame["is_direct"] = below, below == nearest
    frame["own_bytes"] = stacks.sizes[stacks.tops] - stacks.sizes[nearest]
    frame = frame[is_other & (below > 0)]
    frame = frame.merge(_versions(offered), "left", "stack")
    days = (frame["newest_created"] - frame["base_created"]).dt.days
    frame["days_behind"] = days.where(frame["base_created"].notna()).astype(COUNT)
    frame["is_outdated"] = (frame["behind"] > 0).astype(FLAG)
    order = ["behind", *IMAGE]
    is_ascending = [False, *[True] * len(IMAGE)]
    frame = frame.sort_values(order, ascending=is_ascending, ignore_index=True)
    return frame[list(REBUILDS)].astype(REBUILDS)


def _fitting(images: pd.DataFrame, base: str, registry: str | None) -> np.ndarray:
    """Say which images are of a base."""
    if not isinstance(base, str):
        raise TypeError(f"base: a text such as 'library/python:3.12*' is wanted, not {base!r}.")
    if registry is not None and not (images["registry"] == registry).any():
        known = ", ".join(images["registry"].drop_duplicates()[:_SHOWN]) or "none"
        raise ValueError(f"registry: no image is of {registry!r}. There are: {known}.")
    repository, _, pattern = base.partition(":")
    is_there = images["repository"] == repository
    if registry is not None:
        is_there &= images["registry"] == registry
    tags = images["tag"].fillna("")
    is_fitting = is_there & tags.map(lambda tag: fnmatchcase(tag, pattern or "*")).astype(bool)
    if not is_fitting.any():
        known = images.loc[is_there, "tag"] if is_there.any() else images["repository"]
        what = f"tags of {repository}" if is_there.any() else "repositories"
        names = ", ".join(known.dropna().drop_duplicates()[:_SHOWN]) or "none"
        where = f" of {registry}" if registry is not None else ""
        raise ValueError(f"base: no image{where} fits {base!r}. Among the {what} are: {names}.")
    return is_fitting.to_numpy(dtype=bool)


def _versions(offered: pd.DataFrame) -> pd.DataFrame:
    """Make one row a stack of a base: what it is, which is the newest, and how far behind."""
    tags = offered[offered["tag"].notna()].drop_duplicates(["stack", "tag"])
    names = tags.groupby("stack")["tag"].agg(", ".join).rename("base_tags")
    found = offered.sort_values("created").drop_duplicates("stack", keep="last")
    found = found.merge(names.reset_index(), "left", "stack")
    found = found.rename(columns={"image_digest": "base_digest", "created": "base_created"})
    ages = found.groupby("platform", dropna=False)["base_created"]
    # So many of them are strictly newer.
    found["behind"] = (ages.rank(method="min", ascending=False) - 1).astype(COUNT)
    newest = found[found["base_created"].notna()].sort_values("base_created")
    newest = newest.drop_duplicates("platform", keep="last")
    renamed = {f"base_{name}": f"newest_{name}" for name in ("tags", "digest", "created")}
    newest = newest[["platform", *renamed]].rename(columns=renamed)
    whole = found.merge(newest, "left", "platform")
    return whole[["stack", "behind", *_OF_BASE, *renamed.values()]]
