"""A Drift in a child of the tests' own process: it is there in some milliseconds."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ghostnb.drift import Limits, create_app
from ghostnb.drift.server import Server, listen

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Forked:
    """A process that serves; connections are taken from the beginning."""

    url: str
    pid: int

    def kill(self) -> None:
        """End it wherever it is. What it wrote the kernel keeps, which a power cut would not."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def fork_drift(registry: Callable[[], Any], **limits: Any) -> Forked:
    """Serve a registry, which is made in the child, with these limits."""
    bound = listen("127.0.0.1", 0)
    pid = os.fork()
    if pid == 0:
        try:
            # It never outlives the tests.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            chosen = Limits(**limits)
            asyncio.run(_serve(registry, bound, chosen))
        finally:
            os._exit(1)
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    bound.close()
    return Forked(url, pid)


async def _serve(registry: Callable[[], Any], bound: Any, limits: Limits) -> None:
    store = registry()
    await store.prepare()
    await Server(create_app(store, limits=limits), bound, limits).serve()


@contextlib.contextmanager
def forked_drift(registry: Callable[[], Any], **limits: Any) -> Iterator[Forked]:
    """Serve for as long as the context lasts."""
    running = fork_drift(registry, **limits)
    try:
        yield running
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            running.kill()
