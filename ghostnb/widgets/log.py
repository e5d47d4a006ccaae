"""Lines of text as they come."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Any

import traitlets

from ghostnb.loop import schedule
from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["Log"]

_MOST_LINES = 5000
# A container may write as fast as it can: a message a line would fill the connection.
_COLLECT_SECONDS = 0.15


class Log(View):
    """Shows the last few thousand lines, and follows what is added.

    Parameters
    ----------
    label : str
        For screen readers.
    placeholder : str, optional
        What stands there while there are no lines.
    """

    _esm = javascript("format", "log")
    _css = stylesheet("log")

    label = traitlets.Unicode().tag(sync=True)
    placeholder = traitlets.Unicode().tag(sync=True)

    def __init__(self, label: str, *, placeholder: str = "") -> None:
        super().__init__(label=label, placeholder=placeholder)
        self._lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._fresh: deque[str] = deque(maxlen=_MOST_LINES)
        self._is_due = False
        self.on_msg(self._answer)

    def add(self, lines: Iterable[str]) -> None:
        """Add lines at the end; shown with what else comes in the next moment."""
        fresh = list(lines)
        self._lines.extend(fresh)
        self._fresh.extend(fresh)
        if not self._is_due:
            self._is_due = True
            schedule(self._show_soon())

    def clear(self) -> None:
        """Show nothing."""
        self._lines.clear()
        self._fresh.clear()
        self.send({"kind": "clear"})

    async def _show_soon(self) -> None:
        await asyncio.sleep(_COLLECT_SECONDS)
        self._is_due = False
        fresh = list(self._fresh)
        self._fresh.clear()
        if fresh:
            self.send({"kind": "lines", "lines": fresh})

    async def _greet(self) -> None:
        """Show a page that opens now all lines, which for the others begin anew."""
        self._fresh.clear()
        self.send({"kind": "clear"})
        self.send({"kind": "lines", "lines": list(self._lines)})

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        if message.get("kind") == "ready":
            schedule(self._greet())
