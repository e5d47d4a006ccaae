"""Layers one upon the other: what each adds, changes and takes away."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ghostnb.errors import ProtocolError
from ghostnb.registries.files.entries import Entry

__all__ = ["ADDED", "MODIFIED", "REMOVED", "Change", "Overlay"]

# Some hundred bytes each.
_MAX_PLACES = 2**22
ADDED, MODIFIED, REMOVED = "added", "modified", "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """What a layer does to one path.

    Attributes
    ----------
    entry : Entry
        As the layer has it; of what is removed, as the layers below had it.
    change : str
        ``added``, ``modified`` (written anew, be it with the same content) or ``removed``.
    """

    entry: Entry
    change: str


class _Place:
    """A name in a directory: what is there, and what is in it."""

    __slots__ = ("entry", "names")

    def __init__(self) -> None:
        self.entry: Entry | None = None
        self.names: dict[str, _Place] = {}


class Overlay:
    """The files of an image, as one layer after the other is put upon it."""

    def __init__(self) -> None:
        # By names and not by whole paths, whose lengths add up to their squares.
        self._root = _Place()
        self._places = 0

    def put(self, layer: Iterable[Entry]) -> Iterator[Change]:
        """Put a layer upon what is there.

        Parameters
        ----------
        layer : iterable of Entry

        Yields
        ------
        Change
            What it adds and changes, in its own order; a directory that is there and stays
            as it was is no change. Then what it removes, each file of a directory too; a directory
        that no layer lists has no mode.

        Raises
        ------
        ProtocolError
            If there are more directories than any image has.

        Notes
        -----
        Source: OCI image-spec v1.1, "Applying Changesets": what whiteouts and opaque
        directories take away is of lower layers only, wherever they stand in the archive; of
        names that stand there twice, the last counts.
        """
        written: dict[str, Entry] = {}
        removed: dict[str, Entry] = {}
        for entry in layer:
            if entry.is_whiteout or entry.is_opaque:
                removed.update(self._below(entry.path, itself=entry.is_whiteout))
            else:
                written.pop(entry.path, None)
                written[entry.path] = entry
        for entry in written.values():
            # A file in the place of a directory leaves nothing of it.
            if not entry.is_directory:
                removed.update(self._below(entry.path))
        for path in removed.keys() & written.keys():
            del removed[path]
        for entry in written.values():
            place = self._place(entry.path)
            if place.entry is None:
                yield Change(entry, ADDED)
            elif not (entry.is_directory and entry.mode == place.entry.mode):
                yield Change(entry, MODIFIED)
            place.entry = entry
        for path, entry in removed.items():
            self._place(path).entry = None
            yield Change(entry, REMOVED)

    def _below(self, path: str, *, itself: bool = False) -> Iterator[tuple[str, Entry]]:
        """Give what is in a directory, and in directories in it, as lower layers have it."""
        top = self._root
        for name in _names(path):
            found = top.names.get(name)
            if found is None:
                return
            top = found
        # Not by recursion: a hostile image nests deeper than Python does.
        waiting = [top] if itself else list(top.names.values())
        is_listed = not itself or top.entry is not None
        while waiting:
            place = waiting.pop()
            if place.entry is not None:
                if not is_listed:
                    is_listed = True
                    yield path, Entry(path, 0, "")
                yield place.entry.path, place.entry
            waiting += place.names.values()

    def _place(self, path: str) -> _Place:
        """Give the place of a path; directories that nobody lists are made."""
        place = self._root
        for name in _names(path):
            if name not in place.names:
                place.names[name] = _Place()
                self._places += 1
            place = place.names[name]
        if self._places > _MAX_PLACES:
            raise ProtocolError(
                f"The image's layers have more than {_MAX_PLACES:,} files and directories.",
                hint="No builder makes such an image: it may be meant to fill memories.",
            )
        return place


def _names(path: str) -> list[str]:
    return [] if path == "/" else path[1:].split("/")
