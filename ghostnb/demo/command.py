"""The command ``ghostnb demo``."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import humanize
import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.demo.opening import (
    environment,
    notebooks,
    open_dashboard,
    open_lab,
    quickstart,
    run_to_page,
)
from ghostnb.demo.root import DemoRoot, default_root
from ghostnb.demo.serving import Serving, bind

__all__ = ["run_demo"]

Say = Callable[[str], None]


def run_demo(options: argparse.Namespace, say: Say) -> None:
    """Fill the sample registry, serve it, and open the tool on it.

    Parameters
    ----------
    options : argparse.Namespace
        ``root``, ``port``, ``no_browser``, ``lab``, ``once``, ``serve``.
    say : callable
        Shows a line to the user.

    Raises
    ------
    GhostnbError
        If it cannot begin, or the notebook fails.
    """
    root = DemoRoot.of(options.root or default_root())
    with _ended_by_signals(), root.held():
        # Before the work, to say at once if it was for nothing.
        bound = bind(options.port)
        if not root.is_filled:
            say(f"Filling the sample registry in {root.path} (once) …")
        asyncio.run(root.fill())
        with Serving(root.layout, bound) as serving:
            root.write_config(serving.url)
            os.environ.update(environment(root.config))
            say(_summary(root, serving.url))
            _open(options, root, serving, say)


def _open(options: argparse.Namespace, root: DemoRoot, serving: Serving, say: Say) -> None:
    if options.serve:
        _wait(serving, say)
    elif options.once or not (options.no_browser or _is_watched()):
        page = run_to_page(quickstart(), root.path, environment(root.config))
        say(f"The quickstart notebook, run: {page}")
        again = f"{_own_name()} demo --root {root.path}"
        say(f"To look around yourself, run this in a terminal: {again}")
    elif options.lab:
        notebook, *_ = [root.copy_notebook(one) for one in notebooks()]
        doing = "Serving" if options.no_browser else "Opening"
        say(f"{doing} {notebook} in JupyterLab; Ctrl-C ends all.")
        open_lab(notebook, environment(root.config), in_browser=not options.no_browser)
    else:
        open_dashboard(environment(root.config), in_browser=not options.no_browser)


def _is_watched() -> bool:
    """Tell whether somebody sits there, who can end it."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _own_name() -> str:
    """Say how this command can be called again: a virtual environment need not be on the PATH."""
    return "ghostnb" if shutil.which("ghostnb") == sys.argv[0] else sys.argv[0]


def _wait(serving: Serving, say: Say) -> None:
    say("Serving until Ctrl-C.")
    serving.wait()


def _summary(root: DemoRoot, url: str) -> str:
    """Say what is in the registry, as whoever asks it over HTTP sees it."""
    inventory = asyncio.run(_inventory(url))
    listed = int(inventory["size_bytes"].sum())
    stored = int(inventory.drop_duplicates("digest")["size_bytes"].sum())
    repositories = inventory["repository"].nunique()
    tags = len(inventory[["repository", "tag"]].drop_duplicates())
    sizes = [humanize.naturalsize(size) for size in (listed, stored)]
    return (
        f"Drift serves {root.layout} at {url}\n"
        f"{repositories} repositories, {tags} tags: {sizes[0]} as listed, {sizes[1]} as stored.\n"
        f"In a notebook or script: ghostnb.Fleet.from_config({str(root.config)!r})"
    )


async def _inventory(url: str) -> pd.DataFrame:
    async with RegistryClient(url) as registry:
        return await registry.inventory(progress=False)


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGTERM, and the end of the terminal, end this as Ctrl-C does.

    A signal may come to another thread, and wakes nobody then. So whatever
    the main thread waits for meanwhile, it wakes up by itself now and then.
    """

    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    known = [getattr(signal, name, None) for name in ("SIGTERM", "SIGHUP")]
    # What was told to be ignored (nohup) stays ignored.
    taken = [one for one in known if one and signal.getsignal(one) is signal.SIG_DFL]
    for one in taken:
        signal.signal(one, end)
    try:
        yield
    finally:
        for one in taken:
            signal.signal(one, signal.SIG_DFL)
