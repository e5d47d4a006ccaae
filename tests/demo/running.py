"""``ghostnb demo`` as a process: with a terminal or without, and what became of it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

GHOSTNB = (sys.executable, "-m", "ghostnb")
PATIENCE_SECONDS = 60
# A Python that lacks some packages, though they are installed.
WITHOUT = """
import importlib.util, sys
find, missing = importlib.util.find_spec, sys.argv[1].split(",")
importlib.util.find_spec = lambda name, *more: None if name in missing else find(name, *more)
from ghostnb.cli import main
sys.exit(main(sys.argv[2:]))
"""


class Running:
    """A demo under way, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes], output: int) -> None:
        self.process = process
        self.output = ""
        self._file = output

    @property
    def port(self) -> int:
        """Where it serves."""
        return int(self.wait_for(r"at http://localhost:(\d+)\n")[1])

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Read on until it has said something."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := re.search(pattern, self.output)):
            assert self._read(deadline), f"it never said {pattern!r}: {self.output}"
        return found

    def finish(self) -> int:
        """Read to the end, and give the status."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE_SECONDS)

    def signal(self, number: signal.Signals) -> int:
        """Send a signal, and give the status that it ends with."""
        self.process.send_signal(number)
        return self.finish()

    def family(self) -> list[psutil.Process]:
        """Give it and everything that it has started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._file], [], [], max(0, deadline - time.monotonic()))
        assert ready, f"nothing came any more: {self.output}"
        try:
            piece = os.read(self._file, 4096)
        except OSError:  # a terminal whose last process has ended
            return False
        self.output += piece.decode(errors="replace").replace("\r\n", "\n")
        return bool(piece)


@contextmanager
def demo(*arguments: str, command: tuple[str, ...] = GHOSTNB) -> Iterator[Running]:
    """Run ``ghostnb demo`` without a terminal."""
    words = [*command, "demo", *arguments]
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        yield from _guarded(process, process.stdout.fileno())


@contextmanager
def demo_in_terminal(*arguments: str, command: tuple[str, ...] = GHOSTNB) -> Iterator[Running]:
    """Run ``ghostnb demo`` in a terminal of its own."""
    ours, theirs = pty.openpty()
    words = [*command, "demo", *arguments]
    process = subprocess.Popen(
        words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    try:
        yield from _guarded(process, ours)
    finally:
        os.close(ours)


def _guarded(process: subprocess.Popen[bytes], output: int) -> Iterator[Running]:
    running = Running(process, output)
    try:
        yield running
    finally:
        if process.poll() is None:
            with suppress(psutil.NoSuchProcess):
                for one in running.family():
                    one.kill()
            process.wait()


def without(*packages: str) -> tuple[str, ...]:
    """Give the command of a ``ghostnb`` that does not find some packages."""
    return (sys.executable, "-c", WITHOUT, ",".join(packages))


def wait_for_kernel(running: Running) -> list[psutil.Process]:
    """Wait until a kernel has been started, and give all processes of the demo, it the last."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):
            family = running.family()
            if "ipykernel_launcher" in family[-1].cmdline():
                return family
        time.sleep(0.05)
    raise AssertionError(f"no kernel was started: {running.output}")


def is_free(port: int) -> bool:
    """Tell whether nobody listens at a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def copy_of(filled: Path, root: Path) -> Path:
    """Give a filled demo's directory to a test alone, without copying what never changes."""
    root.mkdir()
    (root / "registry").symlink_to(filled / "registry")
    (root / "content-version").write_bytes((filled / "content-version").read_bytes())
    return root
