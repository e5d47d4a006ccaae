"""A Jupyter kernel, as a notebook has it."""

from __future__ import annotations

import os
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from jupyter_client.manager import KernelManager

from tests.scripts import ROOT

START_SECONDS = 60


@dataclass
class Answer:
    """What a cell gave: its outputs by the id of the cell that they came for."""

    text: str = ""
    errors: list[str] = field(default_factory=list)
    stderr: str = ""
    displays: list[dict[str, Any]] = field(default_factory=list)


class Kernel:
    """Executes cells one after the other."""

    def __init__(self, manager: KernelManager) -> None:
        self._manager = manager
        self._client = manager.blocking_client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=START_SECONDS)

    def close(self) -> None:
        self._client.stop_channels()

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def start(self, code: str) -> str:
        """Begin a cell and do not wait for it."""
        return self._client.execute(code, store_history=False)

    def run(self, code: str) -> Answer:
        return self.finish(self.start(code))

    def finish(self, cell: str, *, seconds: float = 30) -> Answer:
        """Gather a cell's own outputs until the kernel is idle again."""
        answer, deadline = Answer(), time.monotonic() + seconds
        while True:
            assert time.monotonic() < deadline, "the cell did not end in time"
            try:
                message = self._client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") == cell:
                content = message["content"]
                if content.get("execution_state") == "idle":
                    return answer
                _take(answer, message["msg_type"], content)


def _take(answer: Answer, kind: str, content: dict[str, Any]) -> None:
    if kind == "stream" and content["name"] == "stderr":
        answer.stderr += content["text"]
    elif kind == "stream":
        answer.text += content["text"]
    elif kind == "error":
        answer.errors.append(content["ename"])
    elif kind in ("execute_result", "display_data"):
        answer.displays.append(content["data"])


@contextmanager
def running_kernel(home: str) -> Iterator[Kernel]:
    """Run this environment's kernel with an empty home."""
    manager = KernelManager(kernel_name="python3")
    environment = {**os.environ, "HOME": home, "PYTHONPATH": str(ROOT), "GHOSTNB_CACHE": "off"}
    manager.start_kernel(env={**environment, "IPYTHONDIR": f"{home}/.ipython"})
    kernel = Kernel(manager)
    try:
        yield kernel
    finally:
        kernel.close()
        manager.shutdown_kernel(now=True)
