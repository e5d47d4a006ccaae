"""Content on its way between a registry and a user's files."""

import os
from pathlib import Path

from ghostnb.errors import ProtocolError
from ghostnb.new_file import new_file
from ghostnb.wire.bolt import PLUGINS, AnyEntry, Shelf

__all__ = ["Place", "as_text", "read_content", "save"]

Place = str | os.PathLike[str]


def read_content(content: object, shelf: Shelf[AnyEntry]) -> bytes | str:
    """Give what is to be uploaded as it stands in the request; a file is read.

    Raises
    ------
    TypeError
        If it is neither content nor a file.
    """
    is_binary = shelf is PLUGINS
    if isinstance(content, os.PathLike):
        raw = Path(content).read_bytes()
        return raw if is_binary else raw.decode()
    if isinstance(content, bytes if is_binary else str):
        return content
    kind = "bytes" if is_binary else "a text"
    raise TypeError(
        f"A {shelf.name}'s content is {kind}, or the Path of a file, not {type(content).__name__}."
    )


def save(content: bytes, place: Place, name: str) -> Path:
    """Write a file whole, in place of what was there; in a directory, under a name of its own."""
    path = Path(place)
    target = path / name if path.is_dir() else path
    with new_file(target, overwrite=True) as file:
        file.write(content)
    return target


def as_text(content: bytes | Path, name: str) -> str | Path:
    """Read what came as text; where it was saved stays.

    Raises
    ------
    ProtocolError
        If it is no text.
    """
    if isinstance(content, Path):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError as e:
        raise ProtocolError(
            f"The content of {name} is not UTF-8 ({e}).", hint="Save it as it is: to=PATH."
        ) from e
