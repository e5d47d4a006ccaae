"""The dashboard from JupyterLab's launcher, through jupyter-server-proxy."""

import secrets
import sys
from pathlib import Path
from typing import Any

__all__ = ["launcher"]

_START_SECONDS = 60.0


def launcher() -> dict[str, Any]:
    """Say how the dashboard is started, and reached: Jupyter's own login is before it.

    Returns
    -------
    dict
        As jupyter-server-proxy's entry points give it.

    Notes
    -----
    Source: jupyter-server-proxy, "Making and Sharing Packages".
    """
    # Nobody but the proxy knows it, so that other users of the machine do not come in beside it.
    token = secrets.token_urlsafe(24)
    return {
        "command": [
            *(sys.executable, "-m", "ghostnb", "dashboard", "--no-browser", "--port={port}"),
            "--base-url={base_url}ghostnb/",
            # By which name Jupyter is addressed is for Jupyter to check.
            "--allow-host=*",
        ],
        "environment": {"GHOSTNB_TOKEN": token},
        "request_headers_override": {"Authorization": f"token {token}"},
        "absolute_url": True,
        "timeout": _START_SECONDS,
        "launcher_entry": {
            "title": "ghostnb",
            "icon_path": str(Path(__file__).with_name("share") / "ghost.svg"),
        },
    }
