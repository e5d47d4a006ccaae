"""Jupyter kernels that are forked off one process, which has imported what they all need.

The imports of a kernel that shows a widget take two seconds of a processor; hundreds of tests
have one each. What kernels are otherwise is the same: ``ipykernel``, a process for each, and it
ends with the stand-in that Jupyter has started, and may kill.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts.processes import PartError, end, launch, log_tail
from tests.serving import wait_until

START_SECONDS = 60
STAND_IN = """
import json, os, socket, sys
forker = socket.socket(socket.AF_UNIX)
forker.connect(sys.argv[1])
said = {"file": sys.argv[2], "folder": os.getcwd(), "environment": dict(os.environ)}
forker.sendall(json.dumps(said).encode() + b"\\n")
forker.recv(1)
"""


@contextmanager
def forked_kernels(folder: Path, modules: str) -> Iterator[dict[str, str]]:
    """Offer a kernel named ``forked``; give the variables by which Jupyter finds it.

    Parameters
    ----------
    folder : Path
        An empty one.
    modules : str
        What is imported beforehand, with commas.
    """
    door, log = folder / "door", folder / "kernels.log"
    spec = folder / "kernels" / "forked" / "kernel.json"
    spec.parent.mkdir(parents=True)
    command = [sys.executable, "-I", "-S", "-c", STAND_IN, str(door), "{connection_file}"]
    about = {"argv": command, "display_name": "Forked", "language": "python"}
    spec.write_text(json.dumps({**about, "interrupt_mode": "message"}))
    process = launch([sys.executable, "-m", __name__, str(door), modules], log)
    try:
        wait_until(lambda: door.exists() or process.poll() is not None, seconds=START_SECONDS)
        if not door.exists():
            raise PartError(f"the kernels' process did not start:\n{log_tail(log)}")
        yield {"JUPYTER_PATH": str(folder)}
    finally:
        end(process)


class Forker:
    """Forks a kernel for each stand-in that comes, and ends it when the stand-in has gone."""

    def __init__(self, door: str) -> None:
        self._events = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX)
        # Who sees the door can enter.
        self._listener.bind(f"{door}.new")
        self._listener.listen()
        os.rename(f"{door}.new", door)
        self._events.register(self._listener, selectors.EVENT_READ)

    def run(self) -> None:
        """Fork, until this process is killed."""
        while True:
            for key, _ in self._events.select():
                if key.data is None:
                    self._fork()
                else:
                    self._end(key.data)

    def _fork(self) -> None:
        stand_in, _ = self._listener.accept()
        said = json.loads(stand_in.makefile().readline())
        if not (kernel := os.fork()):
            self._events.close()
            self._listener.close()
            become_kernel(said)
        ended = os.pidfd_open(kernel)
        # Whichever of them goes first.
        self._events.register(stand_in, selectors.EVENT_READ, (kernel, ended, stand_in))
        self._events.register(ended, selectors.EVENT_READ, (kernel, ended, stand_in))

    def _end(self, one: tuple[int, int, socket.socket]) -> None:
        kernel, ended, stand_in = one
        if stand_in not in self._events.get_map():
            return  # both went at once
        self._events.unregister(stand_in)
        self._events.unregister(ended)
        signal.pidfd_send_signal(ended, signal.SIGKILL)
        os.waitpid(kernel, 0)
        os.close(ended)
        # Later kernels have it, too: closed here alone, it would stay open.
        stand_in.shutdown(socket.SHUT_RDWR)
        stand_in.close()


def become_kernel(said: dict[str, object]) -> None:
    """Do what ``python -m ipykernel_launcher`` does, and do not come back."""
    from ipykernel import kernelapp

    os.chdir(said["folder"])
    os.environ.clear()
    os.environ.update(said["environment"])
    # By which it knows whether its parent still lives.
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    sys.argv = ["ipykernel_launcher", "-f", said["file"]]
    kernelapp.launch_new_instance()
    sys.exit()


def main() -> None:
    """Import, and fork."""
    door, modules = sys.argv[1:]
    for name in ["ipykernel.kernelapp", *modules.split(",")]:
        __import__(name)
    # What is never freed is not copied, either.
    gc.collect()
    gc.freeze()
    Forker(door).run()


if __name__ == "__main__":
    main()
