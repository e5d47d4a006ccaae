"""What something is about, before it is done: a title, facts, and what must be known."""

from collections.abc import Iterable, Mapping
from typing import Any

from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["Summary"]


class Summary(View):
    """A title with a few lines below it.

    Notes
    -----
    All of it travels as a message, so that no notebook saves it.
    """

    _esm = javascript("format", "summary")
    _css = stylesheet("plans")

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, Any] = {}
        self.on_msg(self._answer)
        self.say("")

    def say(
        self,
        title: str,
        text: str = "",
        *,
        sizes: Mapping[str, int] | None = None,
        notes: Iterable[str] = (),
    ) -> None:
        """Show other lines.

        Parameters
        ----------
        title, text : str
        sizes : mapping of str to int, optional
            What is counted in bytes, and how many these are.
        notes : iterable of str, optional
            Sentences that must be read.
        """
        self._said = {"title": title, "text": text, "sizes": dict(sizes or {}), "notes": [*notes]}
        self._tell()

    def focus(self) -> None:
        """Let the keyboard go on here, unless it is outside of the dashboard."""
        self.send({"kind": "focus"})

    def _tell(self) -> None:
        self.send({"kind": "say", **self._said})

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        if message.get("kind") == "ready":
            self._tell()
