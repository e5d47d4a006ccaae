"""The command ``ghostnb dashboard``."""

import argparse
import os
import secrets
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import MappingProxyType

from jupyter_core.paths import jupyter_runtime_dir

from ghostnb.dashboard.app import DashboardApp
from ghostnb.drift.server import listen
from ghostnb.errors import ConfigError
from ghostnb.fleet import Fleet
from ghostnb.loop import run
from ghostnb.registries.agents import AGENT_VARIABLE, TOKEN_VARIABLE

__all__ = ["USUAL_PORT", "notebook", "run_dashboard", "serve_dashboard"]

USUAL_PORT = 8866
_HOST = "127.0.0.1"
_HANDOVER = '<!DOCTYPE html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url={}">\n'

Say = Callable[[str], None]


def run_dashboard(options: argparse.Namespace, say: Say) -> None:
    """Serve the dashboard until Ctrl-C.

    Parameters
    ----------
    options : argparse.Namespace
        ``port``, ``no_browser``, ``config``, ``agent``, ``base_url``, ``allow_host``.
    say : callable
        Shows a line to the user.

    Raises
    ------
    GhostnbError
        If it cannot begin: a configuration that cannot be read, an agent that does not answer,
        a port that is taken.
    """
    named = os.environ.pop(AGENT_VARIABLE, "")
    if options.config:
        os.environ["GHOSTNB_CONFIG"] = str(Path(options.config).absolute())
        named = ""
    agent = options.agent or named
    # The page would say it, too; but here it is seen at once.
    environment = _reached_agent(agent) if agent else {}
    if not agent:
        Fleet.from_config()
    serve_dashboard(
        say,
        port=options.port,
        in_browser=not options.no_browser,
        base_url=options.base_url,
        hosts=options.allow_host,
        environment=environment,
    )


def _reached_agent(url: str) -> dict[str, str]:
    """See that an agent can be asked, and give the variables by which the notebook does."""
    run(Fleet.from_agent(url))
    # Out of this environment, which a browser that is started has, too.
    return {AGENT_VARIABLE: url, TOKEN_VARIABLE: os.environ.pop(TOKEN_VARIABLE)}


def serve_dashboard(
    say: Say,
    *,
    port: int | None = None,
    in_browser: bool = True,
    base_url: str = "/",
    hosts: list[str] | None = None,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Serve the dashboard's notebook until Ctrl-C.

    Parameters
    ----------
    say : callable
        Told its address, with the token that was made for it.
    port : int, optional
        0 is any that is free; without it 8866, or any if that is taken.
    in_browser : bool, optional
        Open it in the browser, too.
    base_url : str, optional
        Below which path, behind a proxy.
    hosts : list of str, optional
        Names by which it may be addressed, beside this machine's; ``*`` for any.
    environment : mapping of str to str, optional
        For the notebook alone.

    Raises
    ------
    ConfigError
        If the port cannot be had, or the browser not be told.
    """
    bound = _bound(port)
    base_url = f"/{base_url.strip('/')}/".replace("//", "/")
    address = f"http://{_HOST}:{bound.getsockname()[1]}{base_url}"
    # Out of the environment, which kernels have, too.
    given = os.environ.pop("GHOSTNB_TOKEN", "")
    token = given or secrets.token_urlsafe(24)
    link = f"{address}?token={token}"
    with _handover(link) if in_browser else nullcontext() as page:

        def ready() -> None:
            # What was given is known, and need not stand in somebody's log.
            shown = f"{address} (it opens with the token of GHOSTNB_TOKEN)" if given else link
            say(f"The dashboard: {shown}\nCtrl-C ends it.")
            if page is not None:
                _open(page)

        app = DashboardApp(
            notebook(),
            bound,
            token,
            base_url=base_url,
            hosts=hosts or (),
            environment=environment,
            on_ready=ready,
        )
        app.run()


def notebook() -> Path:
    """Find the dashboard's notebook: in the package, or beside it in a checkout."""
    packaged = Path(__file__).with_name("dashboard.ipynb")
    return (
        packaged if packaged.exists() else Path(__file__).parents[2] / "notebooks/dashboard.ipynb"
    )


def _bound(port: int | None) -> socket.socket:
    try:
        return listen(_HOST, USUAL_PORT if port is None else port)
    except ConfigError:
        if port is not None:
            raise
        return listen(_HOST, 0)


@contextmanager
def _handover(address: str) -> Iterator[Path]:
    """Keep a file that leads to the address: a browser's arguments are for all to see."""
    folder = Path(jupyter_runtime_dir())
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".html", "ghostnb-", folder)
    except OSError as e:
        raise ConfigError(
            f"The browser cannot be told the address: {folder} cannot be written ({e.strerror}).",
            hint="Open it yourself (--no-browser), or name another with JUPYTER_RUNTIME_DIR.",
        ) from e
    page = Path(name)
    try:
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(_HANDOVER.format(address))
        yield page
    finally:
        page.unlink(missing_ok=True)


def _open(page: Path) -> None:
    # Some browsers keep who starts them waiting.
    threading.Thread(target=webbrowser.open, args=(page.as_uri(),), daemon=True).start()
