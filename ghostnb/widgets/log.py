"""Lines of text as they come."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import traitlets

from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["Log"]

_MOST_LINES = 5000


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
        self.on_msg(self._answer)

    def add(self, lines: Iterable[str]) -> None:
        """Add lines at the end."""
        fresh = list(lines)
        self._lines.extend(fresh)
        self.send({"kind": "lines", "lines": fresh})

    def clear(self) -> None:
        """Show nothing."""
        self._lines.clear()
        self.send({"kind": "clear"})

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        if message.get("kind") == "ready":
            self.send({"kind": "clear"})
            self.send({"kind": "lines", "lines": list(self._lines)})
