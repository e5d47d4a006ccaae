"""The lock by which those who write to an image layout take turns."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ghostnb.errors import RegistryError, TransportTimeoutError, UnsupportedError
from ghostnb.registries.layout.faults import Faults

try:
    import fcntl
except ImportError:  # not a POSIX system: reading works, writing says so
    fcntl = None  # type: ignore[assignment]

__all__ = ["WriteLock"]

LOCK = ".ghostnb.lock"
_LOCK_SECONDS = 30.0
_LOCK_POLL_SECONDS = 0.002
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


class WriteLock:
    """A lock on a file in the layout: in this process, and between processes.

    Parameters
    ----------
    faults : Faults
    """

    def __init__(self, faults: Faults) -> None:
        self._faults = faults
        self._path = os.path.join(faults.root, LOCK)
        self._turn = threading.Lock()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other writers away, those in other processes too.

        Raises
        ------
        TransportTimeoutError
            If one does not let go.
        """
        if fcntl is None:
            raise UnsupportedError(
                "Writing to an OCI image layout needs a POSIX system's file locks.",
                hint="Use WSL, Linux or macOS for it.",
                registry=self._faults.registry,
            )
        with self._turn, self._faults.guard(LOCK):
            flags = os.O_RDWR | os.O_CREAT | _NOFOLLOW
            handle = os.open(self._path, flags, 0o666)
            try:
                self._wait(handle)
                yield
            finally:
                # A forked child may hold the file open: closing alone would not let go.
                fcntl.flock(handle, fcntl.LOCK_UN)
                os.close(handle)

    def _wait(self, handle: int) -> None:
        deadline = time.monotonic() + _LOCK_SECONDS
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise self._is_held() from None
            time.sleep(_LOCK_POLL_SECONDS)

    def _is_held(self) -> RegistryError:
        return TransportTimeoutError(
            f"Another process has held {self._path} for {_LOCK_SECONDS:.0f} seconds.",
            hint="See whether one that writes to the layout hangs.",
            registry=self._faults.registry,
            status=503,
        )
