"""A picture on a page: its parts can be entered, and it can be saved."""

from collections.abc import Callable

import traitlets

from ghostnb.errors import GhostnbError
from ghostnb.pictures import Picture
from ghostnb.pictures.wording import key_of
from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet
from ghostnb.widgets.states import StateKind, state

__all__ = ["PictureView"]


class PictureView(View):
    """Shows a picture in the page's theme, with buttons that save it as SVG or PNG.

    Parameters
    ----------
    picture : Picture, optional
        As `ghostnb.pictures` draws it.
    on_activate : callable, optional
        Told the name of a part that was clicked, or entered by the keyboard. Without it, parts
        are only looked at.
    on_retry : callable, optional
        Called when whoever reads an error wants another attempt.

    Notes
    -----
    The picture travels as a message, so that no notebook saves it with the widgets; a
    `Picture` itself, as a cell's result, is saved.
    """

    _esm = javascript("format", "state", "picture")
    _css = stylesheet("picture")

    _state = traitlets.Dict().tag(sync=True)
    is_entered = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        picture: Picture | None = None,
        *,
        on_activate: Callable[[str], object] | None = None,
        on_retry: Callable[[], object] = lambda: None,
    ) -> None:
        super().__init__(is_entered=on_activate is not None, _state=state("ready"))
        self._on_activate, self._on_retry = on_activate, on_retry
        self.picture: Picture | None = None
        self.on_msg(self._answer)
        if picture is not None:
            self.show(picture)

    def show(self, picture: Picture) -> None:
        """Show another picture."""
        self.picture = picture
        self._send_picture()
        self.tell("ready")

    def tell(self, kind: StateKind, text: str = "", hint: str = "", *, retry: bool = False) -> None:
        """Say in the picture's place what is so, as `Table.tell`; ``ready`` shows the picture."""
        self._state = state(kind, text, hint, retry=retry)

    def fail(self, error: GhostnbError) -> None:
        """Say what went wrong, and offer another attempt."""
        self.tell("error", error.message, error.hint, retry=True)

    def _send_picture(self) -> None:
        if self.picture is not None:
            self.send({"kind": "show", "title": self.picture.title, "markup": self.picture.markup})

    def _answer(self, widget: object, message: dict[str, str], buffers: object) -> None:
        kind = message.get("kind")
        if kind == "ready":
            self._send_picture()
        elif kind == "retry":
            self._on_retry()
        elif kind == "activate" and self._on_activate is not None:
            self._on_activate(key_of(message["key"]))
