"""The command ``ghostnb drift``."""

import argparse
import asyncio
from collections.abc import Callable
from pathlib import Path

import platformdirs

from ghostnb.drift.app import create_app
from ghostnb.drift.server import check_exposure, listen, serve
from ghostnb.drift.service import Limits
from ghostnb.registries.layout import LayoutRegistry

__all__ = ["default_root", "run_drift"]


def default_root() -> Path:
    """Say where Drift keeps its content unless told: in the user's data directory."""
    return platformdirs.user_data_path("ghostnb") / "drift"


def run_drift(options: argparse.Namespace, say: Callable[[str], None]) -> None:
    """Serve until Ctrl-C.

    Parameters
    ----------
    options : argparse.Namespace
        ``root``, ``host``, ``port``, ``allow_anonymous``.
    say : callable
        Shows a line to the user.

    Raises
    ------
    GhostnbError
        If it cannot begin: a port that is taken, a directory that is none.
    """
    check_exposure(options.host, has_users=False, allow_anonymous=options.allow_anonymous)
    limits = Limits()
    registry = LayoutRegistry(options.root or default_root(), name="drift")
    asyncio.run(registry.prepare())
    bound = listen(options.host, options.port)
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    say(f"Drift serves {registry.url.removeprefix('oci:')} at http://{shown}:{port}")
    asyncio.run(serve(create_app(registry, limits=limits), bound, limits))
