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
        self._asked = {"label": "", "wanted": ""}
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
        self._asked = {"label": label, "wanted": wanted}
        self._tell()

    def wait(self) -> None:
        """Offer nothing but to cancel."""
        self.ask("")

    def _tell(self) -> None:
        self.send({"kind": "ask", **self._asked})

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        kind, wanted = message.get("kind"), self._asked["wanted"]
        if kind == "ready":
            self._tell()
        elif kind == "cancel":
            self._on_cancel()
        elif kind == "confirm" and self._asked["label"] and message.get("text", "") == wanted:
            self._on_confirm()
