"""The button that begins something, where need be only after a word is typed."""

from collections.abc import Callable
from typing import Any

from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["Confirmation"]


class Confirmation(View):
    """A button that does it, and one that does not.

    Parameters
    ----------
    on_confirm, on_cancel : callable

    Notes
    -----
    What is asked, and what is typed, travel as messages: no notebook saves them.
    """

    _esm = javascript("format", "confirmation")
    _css = stylesheet("plans")

    def __init__(
        self, *, on_confirm: Callable[[], object], on_cancel: Callable[[], object]
    ) -> None:
        super().__init__()
        self._on_confirm, self._on_cancel = on_confirm, on_cancel
        self._asked: dict[str, Any] = {"label": "", "wanted": "", "turn": 0}
        self.on_msg(self._answer)

    def ask(self, label: str, *, wanted: str = "") -> None:
        """Offer it.

        Parameters
        ----------
        label : str
            Of the button.
        wanted : str, optional
            What has to be typed before the button can be pressed: for what cannot be undone.
        """
        # What is confirmed is what was asked last, and once.
        self._asked = {"label": label, "wanted": wanted, "turn": self._asked["turn"] + 1}
        self._tell()

    def wait(self) -> None:
        """Offer nothing but to cancel."""
        self.ask("")

    def _tell(self) -> None:
        self.send({"kind": "ask", **self._asked})

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        kind, asked = message.get("kind"), self._asked
        is_meant = message.get("turn") == asked["turn"] and bool(asked["label"])
        if kind == "ready":
            self._tell()
        elif kind == "cancel":
            self._on_cancel()
        elif kind == "confirm" and is_meant and message.get("text", "") == asked["wanted"]:
            self.wait()
            self._on_confirm()
