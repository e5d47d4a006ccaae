"""How much memory a process takes while something goes on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def most_memory_of(pid: int) -> Iterator[list[int]]:
    """Look at a process's memory while the context lasts; the largest is in the list."""
    process, over, most = psutil.Process(pid), threading.Event(), [0]

    def look() -> None:
        while not over.wait(0.01):
            most[0] = max(most[0], process.memory_info().rss)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield most
    finally:
        over.set()
        thread.join()
