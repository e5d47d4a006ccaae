"""What of the host a container sees in its file system."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from ghostnb.engine.problems import invalid, shown
from ghostnb.errors import InvalidContainerError

__all__ = ["Volume", "repetition_problem"]

_TYPES = ("volume", "bind", "tmpfs")
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
# a drive's colon is none that separates: Docker Desktop also runs on Windows
_DRIVE = r"[A-Za-z]:[\\/]"
_SHORT = re.compile(
    rf"(?:(?P<source>(?:{_DRIVE})?[^:]+):)?(?P<target>/[^:]*)(?::(?P<options>[^:]*))?"
)
_HOST_PATH = re.compile(rf"(?:/|{_DRIVE})[^\0]*")
_FORMS = "Write data:/data, /host/directory:/data, /data:/data:ro or /data."


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume, a path of the host or memory, at a place in a container.

    Attributes
    ----------
    source : str or None
        A volume's name or the host's absolute path. None for a volume without a name, and for
        ``tmpfs``.
    target : str
        An absolute path in the container.
    read_only : bool
    volume_type : str
        ``volume``, ``bind`` (a path of the host) or ``tmpfs`` (memory).

    Raises
    ------
    InvalidContainerError
        If a part is wrong.

    Examples
    --------
    >>> Volume.parse("/srv/data:/data:ro")
    Volume(source='/srv/data', target='/data', read_only=True, volume_type='bind')
    """

    source: str | None
    target: str
    read_only: bool = False
    volume_type: str = "volume"

    def __post_init__(self) -> None:
        if self.volume_type not in _TYPES:
            said = f"{shown(self.volume_type)} is no type; write volume, bind or tmpfs."
            raise _invalid(said)
        if not _is_target(self.target):
            said = f"{shown(self.target)} is no place in a container."
            raise _invalid(f"{said} Write an absolute path below /.")
        problem = _source_problem(self.volume_type, self.source)
        if problem:
            raise _invalid(problem)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read one volume as for ``docker run --volume``.

        Parameters
        ----------
        text : str
            ``[source:]target[:ro|rw]``. A source that begins with a slash is a path of the
            daemon's machine, any other the name of a volume.

        Returns
        -------
        Volume

        Raises
        ------
        InvalidContainerError
            If it is none.
        """
        match = _SHORT.fullmatch(text.strip())
        if match is None:
            raise _invalid(f"{shown(text)} is no volume. {_FORMS}")
        source, options = match["source"], match["options"]
        if options not in (None, "ro", "rw"):
            raise _invalid(f"{shown(options)} is no option of a volume; write ro or rw.")
        is_path = source is not None and _HOST_PATH.fullmatch(source) is not None
        return cls(source, match["target"], options == "ro", "bind" if is_path else "volume")

    def __str__(self) -> str:
        """Write it as `parse` reads it; memory has no such form, and is written alike."""
        source = "" if self.source is None else f"{self.source}:"
        return f"{source}{self.target}{':ro' if self.read_only else ''}"


def repetition_problem(volumes: Iterable[Volume]) -> str:
    """Say which place in the container is filled twice; empty if none is."""
    places = Counter(posixpath.normpath(volume.target) for volume in volumes)
    twice = [place for place, count in places.items() if count > 1]
    return f"{shown(twice[0])} in the container is given twice; choose another." if twice else ""


def _is_target(value: object) -> bool:
    if not isinstance(value, str) or not value.startswith("/") or "\0" in value:
        return False
    return posixpath.normpath(value).strip("/") != ""


def _source_problem(volume_type: str, source: object) -> str:
    if volume_type == "bind":
        if isinstance(source, str) and _HOST_PATH.fullmatch(source):
            return ""
        return f"{shown(source)} is no absolute path on the daemon's machine."
    if source is None:
        return ""
    if volume_type == "tmpfs":
        return f"Memory has no source, and this one has {shown(source)}. Leave it out."
    if isinstance(source, str) and _NAME.fullmatch(source):
        return ""
    return (
        f"{shown(source)} is no volume's name, which has two or more letters, digits, _ . or -"
        " and begins with a letter or digit; a directory of the host is an absolute path."
    )


def _invalid(problem: str) -> InvalidContainerError:
    return invalid({"volumes": problem})
