"""What a file is called that an image is saved to."""

import itertools
import re
from collections.abc import Collection
from pathlib import Path

from ghostnb.oci import Reference
from ghostnb.transfer.faults import translated

__all__ = ["archive_name", "free_path", "full_name", "target_path"]

# File systems take 255; a number and an ending come after it.
_MAX_LENGTH = 200
# Of ``sha256:`` and twelve characters.
_DIGEST_LENGTH = 19


def archive_name(reference: Reference) -> str:
    """Make a file's name of a reference's.

    Examples
    --------
    >>> archive_name(Reference.within("team/app:1.0", ""))
    'team-app_1.0.tar'
    """
    what = reference.tag or reference.locator[:_DIGEST_LENGTH]
    stem = f"{reference.repository.replace('/', '-')}_{what}"
    return f"{re.sub(r'[^A-Za-z0-9._-]', '-', stem)[:_MAX_LENGTH]}.tar"


def target_path(path: Path, reference: Reference) -> Path:
    """Give the file that is meant: in a directory, one called after the image. Blocks.

    Its path is absolute: a notebook may change its directory meanwhile.

    Raises
    ------
    ArchiveError
        If the path cannot be looked at.
    """
    with translated(path):
        whole = path.absolute()
        return whole / archive_name(reference) if whole.is_dir() else whole


def full_name(reference: Reference, host: str) -> str:
    """Say what an image is called where several registries are known.

    Parameters
    ----------
    reference : Reference
        Within its registry.
    host : str
        The registry's; empty for one that has none.

    Returns
    -------
    str
        With a tag; empty for an image that is known by digest alone.

    Examples
    --------
    >>> full_name(Reference.within("team/app:1.0", ""), "localhost:5000")
    'localhost:5000/team/app:1.0'
    """
    if not reference.tag:
        return ""
    name = f"{reference.repository}:{reference.tag}"
    return Reference.parse(f"{host}/{name}").canonical if host else name


def free_path(directory: Path, name: str, taken: Collection[Path] = ()) -> Path:
    """Choose a path that nothing has yet: ``app.tar``, ``app-2.tar`` and so on. Blocks.

    Parameters
    ----------
    directory : Path
        Made if it is not there.
    name : str
    taken : collection of Path, optional
        Promised to others, and not there yet.

    Raises
    ------
    ArchiveError
        If the directory cannot be made.
    """
    first = directory / name
    with translated(first):
        directory.mkdir(parents=True, exist_ok=True)
        others = (first.with_stem(f"{first.stem}-{number}") for number in itertools.count(2))
        candidates = itertools.chain([first], others)
        return next(path for path in candidates if path not in taken and not path.exists())
