"""The agent alone: a Jupyter Server with nothing else on it, neither kernels nor files."""

import gc
import signal
import socket
from collections.abc import Callable

from jupyter_server.serverapp import ServerApp
from tornado.httpserver import HTTPServer

__all__ = ["AgentServer"]


class AgentServer(ServerApp):
    """Serves the agent's routes on a socket.

    Its configuration is ``jupyter_ghostnb_config.py``, and not what is meant for others.
    """

    default_services = ("api",)  # type: ignore[assignment]

    def _config_file_name_default(self) -> str:
        return "jupyter_ghostnb_config"

    def take(self, bound: socket.socket, on_ready: Callable[[], object]) -> None:
        """Take where it listens, and who is told when it does."""
        self._bound, self._on_ready = bound, on_ready

    def init_httpserver(self) -> None:
        """Serve on the socket that was given."""
        self._http_server = HTTPServer(
            self.web_app,
            ssl_options=self.ssl_options,
            idle_connection_timeout=300,
            max_buffer_size=64 * 2**20,
        )

    def init_signal(self) -> None:
        """End at once when told to, without a question."""
        for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGTERM)):
            signal.signal(number, self._signal_stop)

    def start_app(self) -> None:
        """Listen; nothing of it is written where others could read the token."""
        # What was imported stays: a collection that looked through all of it would hold the loop
        # up for a tenth of a second.
        gc.collect()
        gc.freeze()
        self.http_server.add_socket(self._bound)
        self._on_ready()

    def remove_server_info_file(self) -> None:
        """Remove nothing, since none was written."""

    def remove_browser_open_files(self) -> None:
        """Remove nothing, since none was written."""
