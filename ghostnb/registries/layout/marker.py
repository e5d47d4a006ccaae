"""The ``oci-layout`` file: what makes an image layout of a directory."""

import os

import msgspec

from ghostnb.errors import ProtocolError
from ghostnb.registries.layout.faults import Faults
from ghostnb.registries.layout.files import LayoutFiles
from ghostnb.registries.layout.lock import WriteLock
from ghostnb.registries.layout.upload import make_directory

__all__ = ["MARKER", "MAX_MARKER_BYTES", "Marker", "marker_problem"]

MARKER = "oci-layout"
_VERSION = "1.0.0"
MAX_MARKER_BYTES = 2**16


class Marker:
    """Tells whether there is a layout, and makes one.

    Parameters
    ----------
    files : LayoutFiles
    lock : WriteLock
    faults : Faults
    """

    def __init__(self, files: LayoutFiles, lock: WriteLock, faults: Faults) -> None:
        self._files = files
        self._lock = lock
        self._faults = faults
        self._root = faults.root

    def check(self) -> None:
        """Raise unless this is an image layout of a version that is known.

        Notes
        -----
        Source: OCI image-spec v1.1, "Image Layout", oci-layout file.
        """
        try:
            raw = self._files.read(MARKER, limit_bytes=MAX_MARKER_BYTES)
        except FileNotFoundError:
            with self._faults.guard(self._root):
                raise self._faults.no_layout() from None
        if problem := marker_problem(raw):
            raise self._faults.broken(problem)

    def make(self, index: str, empty: bytes) -> None:
        """Make a layout of a directory that is absent or empty, and leave one that is there.

        One that is served is never made anew: where it was mounted may be empty now.

        Parameters
        ----------
        index : str
            The index's file.
        empty : bytes
            What stands in it at first.
        """
        if self._faults.is_served or (self._exists(MARKER) and self._exists(index)):
            self.check()
            return
        with self._faults.guard(self._root):
            make_directory(self._root)
            self.check_room(index, empty)
        with self._lock.held():
            # Last comes what makes a layout of it: nobody meets one that is not whole.
            if not self._exists(index):
                self._files.replace(empty, index)
            if not self._exists(MARKER):
                self._files.replace(msgspec.json.encode({"imageLayoutVersion": _VERSION}), MARKER)

    def check_room(self, index: str, empty: bytes) -> None:
        """Never make a layout among somebody's other files.

        Parameters
        ----------
        index, empty : str, bytes
            See `make`.

        Raises
        ------
        ProtocolError
            If there are some.
        """
        found = os.listdir(self._root) if os.path.isdir(self._root) else []
        visible = [name for name in found if not name.startswith(".")]
        if visible == [index] and self._files.read(index, limit_bytes=MAX_MARKER_BYTES) == empty:
            # Whoever began to make it was cut off.
            return
        # Looked at last: another process may be making it at this moment.
        if visible and not self._exists(MARKER):
            raise ProtocolError(
                f"{self._root} holds other files and is not an OCI image layout; "
                "nothing was written.",
                hint="Choose an empty directory, or one that does not exist yet.",
                registry=self._faults.registry,
            )

    def _exists(self, name: str) -> bool:
        return os.path.isfile(os.path.join(self._root, name))


def marker_problem(raw: bytes) -> str:
    """Say what is wrong with an ``oci-layout`` file; empty if it is one of a known version."""
    try:
        version = msgspec.json.decode(raw)["imageLayoutVersion"]
    except (msgspec.MsgspecError, UnicodeDecodeError, LookupError, TypeError):
        return f"its {MARKER} file is invalid"
    if str(version).startswith("1."):
        return ""
    return f"its version is {str(version)[:50]!r}, where {_VERSION} is known"
