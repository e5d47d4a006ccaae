"""Who is let in, what is served, and what is left behind."""

from __future__ import annotations

import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.dashboard.running import running_dashboard, write_config
from tests.parts.processes import PLAIN, log_tail


def test_nobody_is_let_in_without_the_token(dashboard):
    refused = dashboard.ask()
    assert refused.status_code == 302
    assert refused.headers["location"].startswith("/login")
    assert dashboard.ask("?token=wrong").status_code == 302
    kernels = dashboard.kernels()
    for path in ("api/kernels/00000000-0000-0000-0000-000000000000", "voila/files/x.png"):
        assert dashboard.ask(path).status_code in (302, 403)
    # Whoever is refused costs no kernel.
    assert dashboard.kernels() == kernels


def test_the_token_opens_it_and_stays_in_a_cookie(dashboard):
    with httpx2.Client(timeout=30, verify=PLAIN, trust_env=False) as client:
        led = client.get(f"{dashboard.link}&tab=Images")
        assert (led.status_code, led.headers["location"]) == (302, "/?tab=Images")
        page = client.get(dashboard.url)
        assert page.status_code == 200
        assert "application/vnd.jupyter.widget-view+json" in page.text
        # What was run is not shown.
        assert "import ghostnb" not in page.text
        cookies = led.headers.get_list("set-cookie")
    login = next(one for one in cookies if one.startswith("ghostnb-"))
    assert "HttpOnly" in login
    assert dashboard.token not in login


def test_the_login_page_takes_the_token_and_no_other(dashboard):
    with httpx2.Client(timeout=30, verify=PLAIN, trust_env=False) as client:
        form = client.get(f"{dashboard.url}login?next=/%3Ftab%3DImages")
        assert "<form" in form.text
        # It shows itself without asking anybody for anything.
        assert not re.search(r'(src|href)="(?!data:|/)', form.text)
        secret = re.search(r'name="_xsrf" value="([^"]+)"', form.text)[1]
        answers = [
            client.post(
                f"{dashboard.url}login?next=/%3Ftab%3DImages",
                data={"password": password, "_xsrf": secret},
            )
            for password in ("guess", dashboard.token)
        ]
    assert [one.status_code for one in answers] == [401, 302]
    assert answers[1].headers["location"] == "/?tab=Images"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8866", "10.0.0.1", "localhost.evil"]
)
def test_a_page_that_was_rebound_is_refused(dashboard, host):
    headers = {**dashboard.authorization, "Host": host}
    refused = dashboard.ask(headers=headers)
    assert refused.status_code == 403
    assert "widget-view" not in refused.text


def test_no_file_beside_the_notebook_is_served(dashboard):
    for path in ("voila/files/dashboard.ipynb", "voila/files/app.py", "dashboard.ipynb", "x.png"):
        answer = dashboard.ask(path, headers=dashboard.authorization)
        assert answer.status_code == 404, path
        assert "ghostnb.Dashboard" not in answer.text
    traversal = "voila/static/..%2f..%2f..%2f..%2f..%2fetc/passwd"
    assert dashboard.ask(traversal).status_code in (403, 404)


def test_the_page_may_ask_nobody_else(dashboard):
    answer = dashboard.ask(headers=dashboard.authorization)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "https:" not in policy
    assert "ws:" not in policy
    assert not re.search(r'(src|href)="(https?:)?//', answer.text)
    assert answer.headers["referrer-policy"] == "same-origin"


def test_the_token_is_in_no_log_and_no_command_line(dashboard):
    dashboard.ask("missing?token=" + dashboard.token)
    dashboard.ask("?token=" + dashboard.token, headers={"Host": "evil.example"})
    said = log_tail(dashboard.log, 100_000)
    assert said.count(dashboard.token) == 1, said
    words = [word for one in dashboard.family() for word in one.cmdline()]
    assert not any(dashboard.token in word for word in words)


def test_the_browser_is_led_in_without_a_token_for_all_to_see(tmp_path, demo_drift):
    opened = tmp_path / "opened"
    program = tmp_path / "browser"
    program.write_text(f'#!/bin/sh\necho "$@" > {opened}.part\nmv {opened}.part {opened}\n')
    program.chmod(0o700)
    config = write_config(tmp_path, local_drift=demo_drift.url)
    variables = {"BROWSER": str(program)}
    with running_dashboard(tmp_path, config, in_browser=True, environment=variables) as running:
        running.wait_for_kernels(1)
        words = opened.read_text()
        assert running.token not in words
        page = Path(words.strip().removeprefix("file://"))
        assert running.link in page.read_text()
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert not page.exists()


def test_a_token_of_ones_own_is_not_handed_to_kernels(tmp_path, demo_drift):
    config = write_config(tmp_path, local_drift=demo_drift.url)
    variables = {"GHOSTNB_TOKEN": "my-own-token"}
    with running_dashboard(tmp_path, config, environment=variables) as running:
        assert "my-own-token" not in log_tail(running.log)
        running.wait_for_kernels(1)
        assert running.ask("?token=my-own-token", follow_redirects=True).status_code == 200
        # Nor in what Voilà tells them of the page that they are for.
        for kernel in running.wait_for_kernels(2):
            assert "my-own-token" not in str(psutil.Process(kernel).environ())


@pytest.mark.parametrize("name", ["short", "long" * 12])
def test_nothing_is_left_when_it_ends(tmp_path, demo_drift, name):
    folder = Path(tempfile.mkdtemp(prefix="g", dir="/tmp"), name)
    folder.mkdir()
    config = write_config(tmp_path, local_drift=demo_drift.url)
    with running_dashboard(tmp_path, config, environment={"TMPDIR": str(folder)}) as running:
        running.wait_for_kernels(1)
        running.ask(headers=running.authorization)
        running.wait_for_kernels(2)
        family = running.family()
        (place,) = folder.iterdir()
        assert place.stat().st_mode & 0o077 == 0
        # Sockets' paths are short, or there are none.
        assert any(one.is_socket() for one in place.iterdir()) == (name == "short")
    _, alive = psutil.wait_procs(family, timeout=10)
    assert alive == []
    folder.rmdir()
    folder.parent.rmdir()
    _, _, trace = log_tail(running.log, 100_000).partition("Traceback")
    # Without sockets, a kernel's ports were free when they were looked for: another test may have
    # taken one since, and Jupyter starts that kernel anew.
    assert "Address already in use" in trace or trace[-1000:] == ""


def test_behind_a_proxy_it_answers_to_the_proxys_name(tmp_path, demo_drift):
    config = write_config(tmp_path, local_drift=demo_drift.url)
    options = ("--base-url=/team/registries", "--allow-host=hub.example")
    with running_dashboard(tmp_path, config, *options) as running:
        assert running.url.endswith("/team/registries/")
        for host, status in (("hub.example", 200), ("evil.example", 403)):
            headers = {**running.authorization, "Host": host}
            assert running.ask(headers=headers).status_code == status
        page = running.ask(headers=running.authorization).text
        assert 'data-base-url="/team/registries/voila/"' in page
        asked = running.ask(follow_redirects=True)
        assert asked.status_code == 200
        assert 'action="/team/registries/login?next=%2Fteam%2Fregistries%2F"' in asked.text


def test_what_cannot_begin_says_why(tmp_path):
    broken = tmp_path / "broken.toml"
    broken.write_text("[[registries]]\nname = 'x'\nurll = 'y'\n")
    assert "urll" in failed("--config", str(broken))
    assert "nowhere.toml" in failed("--config", str(tmp_path / "nowhere.toml"))
    config = str(write_config(tmp_path, lab="http://localhost:5000"))
    assert "/proc/nowhere" in failed("--config", config, JUPYTER_RUNTIME_DIR="/proc/nowhere")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"Port {port}" in failed("--config", config, "--port", str(port))


def failed(*options: str, **variables: str) -> str:
    command = [sys.executable, "-m", "ghostnb", "dashboard", "--port", "0", *options]
    environment = {**os.environ, **variables}
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result.stderr
