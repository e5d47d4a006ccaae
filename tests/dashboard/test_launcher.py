"""The dashboard from JupyterLab's launcher, behind jupyter-server-proxy."""

from __future__ import annotations

import psutil

from tests.dashboard.running import write_config
from tests.parts.processes import log_tail
from tests.widgets.lab import running_lab


def test_a_tile_opens_it_behind_jupyters_own_login(tmp_path, demo_drift, page, watch, monkeypatch):
    monkeypatch.setenv("GHOSTNB_CONFIG", str(write_config(tmp_path, local_drift=demo_drift.url)))
    with running_lab(tmp_path) as lab:
        page.goto(f"{lab.url}lab?token={lab.token}")
        tile = page.locator(".jp-LauncherCard", has_text="ghostnb")
        with page.context.expect_page() as opened:
            tile.click()
        dashboard = opened.value
        dashboard.get_by_role("grid", name="Registries").get_by_text("local-drift").click()
        dashboard.get_by_text("team/shop/api").wait_for()
        # Its own token neither has to be typed nor is seen.
        assert "token" not in dashboard.url
        (process,) = served()
        secret = process.environ()["GHOSTNB_TOKEN"]
        assert not any(secret in word for word in process.cmdline())
        assert secret not in log_tail(tmp_path / "lab.log", 100_000)
        # Whoever does not know it is not let in beside Jupyter.
        (port,) = [c.laddr.port for c in process.net_connections() if c.status == "LISTEN"]
        page.goto(f"http://127.0.0.1:{port}/ghostnb/")
        page.get_by_label("Token").wait_for()
        # Jupyter's login is still its own.
        page.goto(f"{lab.url}lab")
        tile.wait_for()
        # JupyterLab's own; nothing else may have been complained of until it ends.
        watch.errors[:] = [error for error in watch.errors if "Window name" not in error]
        dashboard.close()
        page.goto("about:blank")
    _, alive = psutil.wait_procs([process], timeout=10)
    assert alive == []


def served() -> list[psutil.Process]:
    """Give the dashboards that JupyterLab has started."""
    children = psutil.Process().children(recursive=True)
    return [one for one in children if "--allow-host=*" in one.cmdline()]
