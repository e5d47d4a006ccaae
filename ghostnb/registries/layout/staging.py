"""Blobs that come in pieces, kept beside the layout's content until they are complete."""

import hashlib
import math
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ghostnb.oci import Digest
from ghostnb.registries.layout.files import LayoutFiles
from ghostnb.registries.layout.marker import Marker
from ghostnb.registries.storing import no_such_upload
from ghostnb.registries.verify import check_digest

__all__ = ["ABANDONED_SECONDS", "Staging"]

FOLDER = (".ghostnb", "uploads")
_BLOCK_BYTES = 2**20
_PROBE_BYTES = 4096
# More than may be received at once; the hasher of each takes a few hundred bytes.
_MAX_KNOWN = 1024
ABANDONED_SECONDS = 24 * 3600.0
"""How long nobody has written to what is left, before it is removed without being asked for."""


@dataclass(slots=True)
class _Progress:
    """How far an upload has come, and the digest of what has come."""

    size_bytes: int = 0
    hasher: Any = field(default_factory=hashlib.sha256)


class Staging:
    """Uploads under way: a file each, so that they outlive the process.

    Every method blocks: call them on a thread. One upload is to be written by
    one caller at a time.

    Parameters
    ----------
    files : LayoutFiles
    marker : Marker
    registry : str
        The registry's name, for messages.
    """

    def __init__(self, files: LayoutFiles, marker: Marker, registry: str) -> None:
        self._files = files
        self._marker = marker
        self._registry = registry
        self._known: OrderedDict[str, _Progress] = OrderedDict()
        self._turn = threading.Lock()

    def begin(self, repository: str) -> str:
        """Begin an upload and give its name, which says when, and cannot be guessed."""
        upload = f"{int(time.time()):08x}{secrets.token_hex(12)}"
        self._files.create(*FOLDER, _file_name(repository, upload))
        with self._turn:
            self._known[upload] = _Progress()
            if len(self._known) > _MAX_KNOWN:
                # Its content is read again at the end, should there be one.
                self._known.popitem(last=False)
        return upload

    def size_bytes(self, repository: str, upload: str) -> int:
        """Say how many bytes have come.

        Raises
        ------
        NotFoundError
            If there is no such upload for this repository.
        """
        with self._existing(repository, upload):
            return self._files.size_bytes(*FOLDER, _file_name(repository, upload))

    def append(self, repository: str, upload: str, pieces: Sequence[bytes]) -> int:
        """Append bytes, whole or not at all, and say how many have come by now."""
        before = self.size_bytes(repository, upload)
        # After a restart, what came before was not seen: it is read again at the end.
        progress = self._progress(upload)
        with self._existing(repository, upload):
            self._files.append(pieces, *FOLDER, _file_name(repository, upload), at=before)
        after = before + sum(map(len, pieces))
        if progress is not None and progress.size_bytes == before:
            for piece in pieces:
                progress.hasher.update(piece)
            progress.size_bytes = after
        return after

    def finish(self, repository: str, upload: str, digest: Digest, *place: str) -> int:
        """Put a complete upload to its place if it is what its digest says.

        Returns
        -------
        int
            Its size in bytes.

        Raises
        ------
        IntegrityError
            If it has another digest; it stays, to be finished rightly or cancelled.
        """
        size = self.size_bytes(repository, upload)
        source = f"What was pushed to {repository} in {self._registry}"
        with self._existing(repository, upload):
            check_digest(self._digest(repository, upload, size, digest), digest, source=source)
            self._files.move((*FOLDER, _file_name(repository, upload)), place)
        self._forget(upload)
        return size

    def cancel(self, repository: str, upload: str) -> None:
        """Forget an upload and what has come of it."""
        self.size_bytes(repository, upload)
        self._files.remove(*FOLDER, _file_name(repository, upload))
        self._forget(upload)

    def probe(self) -> None:
        """Write a few bytes as an upload would: an empty file has room on a full disk, too."""
        probe = self._files.upload(*FOLDER, "probe")
        try:
            probe.write([bytes(_PROBE_BYTES)])
            probe.sync()
        finally:
            probe.discard()

    def oldest_begin(self, deadline: float) -> float:
        """Say when the oldest upload that somebody has written to since then was begun."""
        begins = [
            begin
            for name, state in self._files.listed(*FOLDER)
            if state.st_mtime >= deadline and (begin := _begin(name)) is not None
        ]
        return min(begins, default=math.inf)

    def stale(self, deadline: float) -> Iterator[tuple[str, os.stat_result]]:
        """Iterate over the files, and their states, that nobody has written to since then."""
        for name, state in self._files.listed(*FOLDER):
            if state.st_mtime < deadline:
                yield name, state

    def sweep(self) -> None:
        """Remove what was left so long ago that nobody will go on with it."""
        for name, state in list(self.stale(time.time() - ABANDONED_SECONDS)):
            self.discard(state, name)

    def discard(self, seen: os.stat_result, name: str) -> bool:
        """Remove the file of a stale upload, unless somebody has gone on with it."""
        is_gone = self._files.remove_unchanged(seen, *FOLDER, name)
        if is_gone:
            self._forget(name.partition(".")[0])
        return is_gone

    def _progress(self, upload: str) -> _Progress | None:
        with self._turn:
            if upload in self._known:
                self._known.move_to_end(upload)
            return self._known.get(upload)

    def _forget(self, upload: str) -> None:
        with self._turn:
            self._known.pop(upload, None)

    @contextmanager
    def _existing(self, repository: str, upload: str) -> Iterator[None]:
        """Say what a file that is not there means: it may have been collected just now."""
        try:
            yield
        except FileNotFoundError as e:
            self._marker.check()
            raise no_such_upload(self._registry, repository, upload) from e

    def _digest(self, repository: str, upload: str, size: int, wanted: Digest) -> str:
        progress = self._progress(upload)
        if wanted.algorithm == "sha256" and progress is not None and progress.size_bytes == size:
            return f"sha256:{progress.hasher.hexdigest()}"
        hasher = wanted.hasher()
        with self._files.open(*FOLDER, _file_name(repository, upload)) as file:
            while block := file.read(_BLOCK_BYTES):
                hasher.update(block)
        return f"{wanted.algorithm}:{hasher.hexdigest()}"


def _file_name(repository: str, upload: str) -> str:
    # An upload's name comes back from outside, and counts for its repository alone.
    owner = hashlib.sha256(repository.encode()).hexdigest()[:16]
    if len(upload) != 32 or not set(upload) <= set("0123456789abcdef"):
        upload = hashlib.sha256(upload.encode("utf-8", "replace")).hexdigest()
    return f"{upload}.{owner}"


def _begin(file_name: str) -> float | None:
    """Read when an upload was begun: its file's own times change with each piece."""
    try:
        return float(int(file_name[:8], 16))
    except ValueError:
        return None
