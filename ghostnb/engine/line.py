"""The sockets of one conversation with a daemon, so that another thread can hang up."""

import contextlib
import socket
import threading
from typing import Any

__all__ = ["HungUpError", "Line"]

_KEEPALIVE_SECONDS = 30


class HungUpError(Exception):
    """The conversation was broken off on this side. Never leaves the package."""


class Line:
    """What stops a thread that waits for a daemon.

    A blocked read sees neither a flag nor a closed file descriptor; it does see that its
    socket was shut down. The daemon sees it too, and gives up what it was doing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[Any] = []
        self._hung_up = False

    @property
    def hung_up(self) -> bool:
        """True after `hang_up`."""
        return self._hung_up

    def add(self, connected: Any) -> None:
        """Take a socket in, and hang it up at once if that was wanted meanwhile.

        Raises
        ------
        HungUpError
            If the line is hung up already.
        """
        with self._lock:
            self._sockets.append(connected)
            if not self._hung_up:
                return
        _shut(connected)
        raise HungUpError

    def hang_up(self) -> None:
        """Wake and end every read and write. Does not block; twice is fine."""
        with self._lock:
            self._hung_up = True
            sockets, self._sockets = self._sockets, []
        for connected in sockets:
            _shut(connected)

    def tap(self, adapter: Any) -> None:
        """Take in every socket that an adapter of ``requests`` opens.

        ``requests`` and ``urllib3`` give no other way to a connection that has sent a
        request and still waits for the first line of the reply.
        """
        name = "get_connection_with_tls_context"
        if not hasattr(adapter, name):  # requests before 2.32
            name = "get_connection"
        find_pool = getattr(adapter, name)

        def find_tapped_pool(*args: Any, **kwargs: Any) -> Any:
            pool = find_pool(*args, **kwargs)
            self._tap_pool(pool)
            return pool

        setattr(adapter, name, find_tapped_pool)

    def _tap_pool(self, pool: Any) -> None:
        if "_new_conn" in vars(pool):  # the adapter keeps its pools: this one is tapped
            return
        make_connection = pool._new_conn

        def make_tapped_connection() -> Any:
            connection = make_connection()
            connect = connection.connect

            def connect_tapped() -> None:
                connect()
                _keep_alive(connection.sock)
                self.add(connection.sock)

            connection.connect = connect_tapped
            return connection

        pool._new_conn = make_tapped_connection


def _shut(connected: Any) -> None:
    if hasattr(connected, "proc"):  # the SDK's SSHSocket: a process of ssh, no socket
        connected.close()
        return
    # past ssl.SSLSocket.shutdown, which takes the TLS state from under the reading thread
    with contextlib.suppress(OSError):  # the daemon was faster
        socket.socket.shutdown(connected, socket.SHUT_RDWR)


def _keep_alive(connected: Any) -> None:
    """Notice within minutes that a machine is gone; the kernel's default is two hours."""
    if connected.family not in (socket.AF_INET, socket.AF_INET6) or hasattr(connected, "proc"):
        return
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option in ("TCP_KEEPIDLE", "TCP_KEEPINTVL"):
        if hasattr(socket, option):  # not on every system
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), _KEEPALIVE_SECONDS)
