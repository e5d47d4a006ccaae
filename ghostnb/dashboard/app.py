"""Voilà, made safe to leave running: a token, kernels that end, no request that leaves.

Stock Voilà answers whoever can reach it, leaves a kernel behind for every page
that was closed, serves images beside the notebook, and loads its icons from a
server elsewhere.
"""

import asyncio
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jinja2
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_core.utils import ensure_async, run_sync
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import HTTPError
from traitlets.config import Config
from voila.app import Voila
from voila.request_info_handler import RequestInfoSocketHandler
from voila.static_file_handler import AllowListFileHandler
from voila.tornado.handler import TornadoVoilaHandler

from ghostnb.dashboard.pages import HEADERS, Absent, Page, log_answer, tidy

__all__ = ["DashboardApp"]

_SHARE = Path(__file__).with_name("share")
_TEMPLATE = "ghostnb"
# What the page needs; without a list it loads what is there for JupyterLab, too.
_EXTENSIONS = [
    "@voila-dashboards/widgets-manager8",
    "@jupyter-widgets/jupyterlab-manager",
    "anywidget",
]
# A page says so when it is closed; a browser that died says nothing.
_IDLE_SECONDS = 120
# One that takes longer to start is ended with its server's process.
_START_SECONDS = 10
# A socket's path has 103 bytes at most, and what is made below takes 65.
_SHORT = 38


class OwnPython(KernelSpecManager):
    """Kernels are this Python's: it is the one that has ghostnb."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Give the one kernel, whatever its name."""
        launch = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=launch, display_name="Python", language="python")


class Kernels(AsyncMappingKernelManager):
    """Kernels work where the command was given, so that paths mean what they say there.

    Attributes
    ----------
    own_environment : mapping of str to str
        What they have beside the environment of this process.
    """

    own_environment: Mapping[str, str] = MappingProxyType({})

    async def start_kernel(self, **options: Any) -> str:  # type: ignore[override]
        """Start one."""
        options["env"] = {**(options.get("env") or os.environ), **self.own_environment}
        started: str = await super().start_kernel(**options)
        return started

    def cwd_for_path(self, path: str, **options: Any) -> str:
        """Give that directory."""
        return os.getcwd()

    def _handle_kernel_died(self, kernel_id: str) -> None:
        # Jupyter Server's would forget it; those that Voilà keeps waiting would still be given out.
        IOLoop.current().add_callback(self._end_if_dead, kernel_id)

    async def shutdown_all(self, now: bool = False) -> None:  # type: ignore[override]
        """End all of them. One that is just starting is waited for: it is not known before."""
        if starting := list(self._pending_kernels.values()):
            await asyncio.wait(starting, timeout=_START_SECONDS)
        await ensure_async(super().shutdown_all(now=now))

    async def end_dead(self) -> None:
        """End those whose process is gone and nobody noticed yet, so that no page gets them."""
        for kernel_id in list(self.list_kernel_ids()):
            await self._end_if_dead(kernel_id)

    async def _end_if_dead(self, kernel_id: str) -> None:
        # Meanwhile its page may have ended it, or another that looks as this does.
        with suppress(KeyError, HTTPError):
            if not await ensure_async(self.is_alive(kernel_id)):
                await self.shutdown_kernel(kernel_id, now=True)


class _Contents(LargeFileManager):
    """The notebook is ghostnb's own, so nobody needs to have signed it."""

    def mark_trusted_cells(self, nb: Any, path: str = "") -> None:
        """Trust it."""
        self.notary.mark_cells(nb, True)


class DashboardApp(Voila):
    """Serves one notebook's page to whoever has the token.

    Parameters
    ----------
    notebook : Path
    bound : socket
        Where it listens.
    token : str
    base_url : str, optional
        Below which path, behind a proxy.
    hosts : sequence of str, optional
        Names by which it may be addressed, beside ``localhost`` and loopback
        addresses; ``*`` for any.
    environment : mapping of str to str, optional
        For the notebook alone.
    on_ready : callable, optional
        Called once it answers.

    Notes
    -----
    Source: Voilà 0.5, "Customizing Voilà"; Jupyter Server 2, "Security in the
    Jupyter Server".
    """

    def __init__(
        self,
        notebook: Path,
        bound: socket.socket,
        token: str,
        *,
        base_url: str = "/",
        hosts: Sequence[str] = (),
        environment: Mapping[str, str] = MappingProxyType({}),
        on_ready: Callable[[], object] = lambda: None,
    ) -> None:
        kernels = type("OwnKernels", (Kernels,), {"own_environment": environment})
        super().__init__(config=_config(bound.getsockname()[1], kernels), log_level="WARN")
        self._bound, self._on_ready, self._hosts = bound, on_ready, hosts
        # No voila.json of somebody's own is read: it could open what is closed here.
        self.config_file_paths: list[str] = []
        self.notebook_path = str(notebook)
        self.port = bound.getsockname()[1]
        self.base_url, self.token = base_url, token

    def run(self) -> None:
        """Serve until Ctrl-C or SIGTERM."""
        # Voilà looks for templates there each time that it needs one.
        paths = [str(_SHARE), os.environ.get("JUPYTER_PATH", "")]
        os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, paths))
        for name in ("tornado.general", "tornado.application"):
            logging.getLogger(name).addFilter(tidy)
        # Signals may come before it serves.
        self.ioloop = IOLoop.current()
        self.initialize([])
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._handle_signal_stop)
        self.start()

    def init_settings(self) -> dict[str, Any]:
        """Add to Voilà's settings who may ask, and what every answer says."""
        settings: dict[str, Any] = super().init_settings()
        self.contents_manager = _Contents(parent=self)
        # Its login page is Jupyter Server's, which fetches what is not here.
        pages = settings["voila_jinja2_env"].loader
        settings["jinja2_env"].loader = jinja2.ChoiceLoader([pages, settings["jinja2_env"].loader])
        return {
            **settings,
            "allow_remote_access": "*" in self._hosts,
            "local_hostnames": ["localhost", *self._hosts],
            "headers": HEADERS,
            "contents_manager": self.contents_manager,
            "log_function": log_answer,
        }

    def init_handlers(self) -> list[Any]:
        """Replace of Voilà's handlers the page, and leave out what serves more."""
        handlers: list[Any] = []
        for place, handler, *options in super().init_handlers():
            # The login page is put below no path.
            is_placed = place.startswith(self.base_url)
            path = place if is_placed else f"{self.base_url}{place.removeprefix('/')}"
            if handler is AllowListFileHandler:
                handlers.append((path, Absent))
            elif handler is TornadoVoilaHandler:
                handlers.append((path, Page, *options))
            elif handler is not RequestInfoSocketHandler:
                handlers.append((path, handler, *options))
        return handlers

    def listen(self) -> None:
        """Serve on the socket that was given, until told to end."""
        server = HTTPServer(self.app)
        self.ioloop.add_callback(lambda: server.add_socket(self._bound))
        self.ioloop.add_callback(self._on_ready)
        try:
            self.ioloop.start()
        finally:
            server.stop()
            self.stop()

    def stop(self) -> None:
        """End every kernel, and then remove the sockets by which they were reached."""
        try:
            run_sync(self.kernel_manager.shutdown_all)(now=True)
        finally:
            shutil.rmtree(self.connection_dir, ignore_errors=True)


def _config(port: int, kernel_manager: type) -> Config:
    config = Config()
    # Not Jupyter's own name for it: behind its proxy both come to the browser from one host.
    config.IdentityProvider.cookie_name = f"ghostnb-{port}"
    voila = config.VoilaConfiguration
    voila.template, voila.allow_template_override = _TEMPLATE, "NO"
    voila.allow_theme_override = "NO"
    voila.strip_sources = True
    voila.file_allowlist = ["(?!)"]
    voila.extension_allowlist = _EXTENSIONS
    voila.preheat_kernel, voila.default_pool_size = True, 1
    # What a cell says when it fails is for who reads it: where, and what to do.
    voila.show_tracebacks = True
    voila.multi_kernel_manager_class = kernel_manager
    voila.kernel_spec_manager_class = OwnPython
    kernels = config.MappingKernelManager
    kernels.cull_idle_timeout, kernels.cull_interval = _IDLE_SECONDS, 30
    kernels.cull_connected = False
    # Started anew it would know nothing of the page's widgets.
    config.KernelRestarter.restart_limit = 0
    if os.name == "posix" and len(tempfile.gettempdir()) <= _SHORT:
        # Sockets in a directory of the user's own, instead of ports for everybody.
        config.KernelManager.transport = "ipc"
    return config
