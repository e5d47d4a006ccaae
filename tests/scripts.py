"""Programs of their own, for what only a whole process shows."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def start_script(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Start Python on some code that imports the package of this working copy."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "GHOSTNB_CACHE": "off"}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


def finish_script(process: subprocess.Popen[str], *, timeout_seconds: float = 30) -> str:
    """Wait for a program that must succeed without a word on stderr, and give its output."""
    try:
        output, errors = process.communicate(timeout=timeout_seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert (process.returncode, errors) == (0, ""), errors
    return output


def run_script(code: str, *arguments: str) -> str:
    """Run Python on some code, and give what it prints."""
    return finish_script(start_script(code, *arguments))


def interrupt(process: subprocess.Popen[str]) -> None:
    """Do what Ctrl-C does."""
    process.send_signal(signal.SIGINT)
