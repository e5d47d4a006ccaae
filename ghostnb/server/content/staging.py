"""Files without a name, for blobs that must be whole before a registry takes them."""

import asyncio
import errno
import hashlib
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ghostnb.errors import RateLimitedError, RejectedError, ServerError
from ghostnb.registries.threads import finished

__all__ = ["Staged", "Staging"]

_PIECE_BYTES = 2**20
_MAX_BYTES = 64 * 2**30
# What else the disk is for must go on: the audit, above all.
_MIN_FREE_BYTES = 2**29
_MAX_COUNT = 512
_ABANDONED_SECONDS = 3600.0
# As much may have come that was not sent on yet, where it is sent on at once.
_LEAD_BYTES = 32 * 2**20


class Staged:
    """A blob that comes, and may be read while it does; to be used on one event loop.

    Parameters
    ----------
    directory : Path

    Attributes
    ----------
    size_bytes : int
        What has come.
    used : float
        When somebody wrote to it or read from it (monotonic seconds).
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        # Unbuffered: what was written can be read by position at once.
        self._file = tempfile.TemporaryFile(dir=directory, buffering=0)  # noqa: SIM115 (open over several calls)
        self._sha256 = hashlib.sha256()
        self.size_bytes = 0
        self.used = time.monotonic()
        self._read_bytes = 0
        self._break: BaseException | None = None
        self._changed = asyncio.Event()

    async def write(self, pieces: Sequence[bytes]) -> None:
        """Append some bytes.

        Raises
        ------
        ServerError
            If the disk is full, or as good as full.
        """
        try:
            with _disk_faults():
                await finished(self._write, pieces)
        finally:
            self._note()

    def note_break(self, error: BaseException | None) -> None:
        """Tell who reads that nothing more comes, and why; None for that it goes on."""
        self._break = error
        self._note()

    async def room(self) -> None:
        """Wait until who reads while it comes is not far behind."""
        while self.size_bytes - self._read_bytes > _LEAD_BYTES:
            await self._changed.wait()

    def let_go(self, size_bytes: int) -> None:
        """Tell that nobody reads the bytes up to there any more: they come without waiting."""
        self._read_bytes = max(self._read_bytes, size_bytes)
        self._note()

    async def read(self, first: int, size_bytes: int) -> AsyncGenerator[bytes, None]:
        """Iterate over the bytes from one on, and wait for those that are still to come.

        What broke their coming off is raised here, too.
        """
        while first < size_bytes:
            while first >= self.size_bytes:
                if self._break is not None:
                    raise self._break
                await self._changed.wait()
            with _disk_faults():
                piece = await finished(os.pread, self._file.fileno(), _PIECE_BYTES, first)
            first += len(piece)
            self._read_bytes = max(self._read_bytes, first)
            self._note()
            yield piece

    async def digest(self, algorithm: str) -> str:
        """Give the digest of all that has come."""
        if algorithm == "sha256":
            return f"sha256:{self._sha256.hexdigest()}"
        hasher = hashlib.new(algorithm)
        async for piece in self.read(0, self.size_bytes):
            await asyncio.to_thread(hasher.update, piece)
        return f"{algorithm}:{hasher.hexdigest()}"

    def close(self) -> None:
        """Let go of the file; nothing of it is left."""
        self._file.close()

    def _write(self, pieces: Sequence[bytes]) -> None:
        if shutil.disk_usage(self._directory).free < _MIN_FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        for piece in pieces:
            done = 0
            while done < len(piece):
                # By position: what was written of a piece that did not fit does not count.
                done += os.pwrite(
                    self._file.fileno(), memoryview(piece)[done:], self.size_bytes + done
                )
            self._sha256.update(piece)
            self.size_bytes += len(piece)

    def _note(self) -> None:
        self.used = time.monotonic()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Staging:
    """The room that all uploads share.

    Parameters
    ----------
    directory : Path
        Made when the first comes.
    max_bytes : int, optional
        Of all together.
    abandoned_seconds : float, optional
        What nobody goes on with for so long is let go of.
    """

    def __init__(
        self,
        directory: Path,
        *,
        max_bytes: int = _MAX_BYTES,
        abandoned_seconds: float = _ABANDONED_SECONDS,
    ) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._abandoned_seconds = abandoned_seconds
        self._known: dict[tuple[str, str], Staged] = {}

    async def open(self, owner: str) -> str:
        """Begin an upload, and give its name.

        Raises
        ------
        RateLimitedError
            If there are too many.
        ServerError
            If the disk is full.
        """
        self._drop_abandoned()
        if len(self._known) >= _MAX_COUNT:
            raise RateLimitedError(f"{_MAX_COUNT} uploads are under way; try again in a while.")
        with _disk_faults():
            staged = await finished(Staged, self._directory)
        upload = secrets.token_hex(16)
        self._known[owner, upload] = staged
        # Also where nobody opens another one.
        loop = asyncio.get_running_loop()
        loop.call_later(self._abandoned_seconds + 1, self._drop_abandoned)
        return upload

    def find(self, owner: str, upload: str) -> Staged | None:
        """Give an upload; None if there is none of the name that is this owner's."""
        return self._known.get((owner, upload))

    async def write(self, staged: Staged, pieces: Sequence[bytes]) -> None:
        """Append to an upload.

        Raises
        ------
        RejectedError
            413, if there is no room for it beside the others.
        ServerError
            If the disk is full.
        """
        held = sum(one.size_bytes for one in self._known.values())
        if held + sum(map(len, pieces)) > self._max_bytes:
            raise RejectedError(
                f"Uploads may have {self._max_bytes:,} bytes at a time on their way.",
                hint="Try again when others have ended.",
                status=413,
            )
        await staged.write(pieces)

    def close(self) -> None:
        """Let go of all of them."""
        for key in list(self._known):
            self.drop(*key)

    def drop(self, owner: str, upload: str) -> None:
        """Let go of an upload, if it is still there."""
        staged = self._known.pop((owner, upload), None)
        if staged is not None:
            staged.close()

    def _drop_abandoned(self) -> None:
        limit = time.monotonic() - self._abandoned_seconds
        for key, staged in list(self._known.items()):
            if staged.used < limit:
                self.drop(*key)


@contextmanager
def _disk_faults() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise ServerError(
            f"The agent cannot keep an upload ({e.strerror or e}).",
            hint="Make room on its disk, or name another with --state.",
            status=507,
        ) from e
