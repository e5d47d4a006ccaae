"""Drift, serving the sample registry from a thread of the demo's own process."""

import asyncio
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from ghostnb.drift.app import create_app
from ghostnb.drift.limits import Limits
from ghostnb.drift.server import Server, listen
from ghostnb.errors import ConfigError, GhostnbError
from ghostnb.registries.layout import LayoutRegistry

__all__ = ["USUAL_PORT", "Serving", "bind"]

USUAL_PORT = 5000
_HOST = "127.0.0.1"
# A signal is noticed only when the main thread wakes up.
_WAKE_SECONDS = 0.2


def bind(port: int | None) -> socket.socket:
    """Take a port of the loopback address; who connects from now on waits to be answered.

    Parameters
    ----------
    port : int or None
        0 is any that is free; None is the usual one, or any if that is taken.

    Raises
    ------
    ConfigError
        If the port that was asked for cannot be had.
    """
    if port is not None:
        return listen(_HOST, port)
    if not _answers(USUAL_PORT):
        with suppress(ConfigError):
            return listen(_HOST, USUAL_PORT)
    return listen(_HOST, 0)


def _answers(port: int) -> bool:
    """Tell whether somebody is at a port of localhost, by either of its addresses."""
    return any(_connects(host, port) for host in (_HOST, "::1"))


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


class Serving:
    """Drift on a thread, for as long as the context lasts.

    The thread ends with the process, too: nothing can outlive a kill. What was
    acknowledged is on disk by then.

    Parameters
    ----------
    layout : Path
        The registry's directory.
    bound : socket
        As `bind` gave it.

    Attributes
    ----------
    url : str
    """

    def __init__(self, layout: Path, bound: socket.socket) -> None:
        self.url = f"http://localhost:{bound.getsockname()[1]}"
        self._bound = bound
        limits = Limits()
        app = create_app(LayoutRegistry(layout, name="drift"), limits=limits, local_only=True)
        self._server = Server(app, bound, limits)
        self._end: BaseException | None = None
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.stop()
        self._thread.join()

    def wait(self) -> None:
        """Wait for ever.

        Raises
        ------
        GhostnbError
            If it ends by itself.
        """
        # Not by joining: a thread whose join was broken off by a signal counts as ended (Python
        # 3.11), and who leaves then does not wait for it.
        while not self._has_ended.wait(_WAKE_SECONDS):
            pass
        raise GhostnbError(
            f"The sample registry at {self.url} is no longer served ({self._end!r}).",
            hint="Start it again; if it ends again, tell us what it says here.",
        ) from self._end

    def _serve(self) -> None:
        try:
            with self._bound:
                asyncio.run(self._server.serve())
        except BaseException as e:
            # Said by who waits, on the main thread.
            self._end = e
        finally:
            self._has_ended.set()
