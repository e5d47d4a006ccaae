"""A picture on a page: its parts can be entered, and it can be saved."""

from collections.abc import Callable

import traitlets

from ghostnb.pictures import Picture
from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

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
    """

    _esm = javascript("format", "picture")
    _css = stylesheet("picture")

    title = traitlets.Unicode().tag(sync=True)
    alt = traitlets.Unicode().tag(sync=True)
    markup = traitlets.Unicode().tag(sync=True)
    is_entered = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        picture: Picture | None = None,
        *,
        on_activate: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(is_entered=on_activate is not None)
        self._on_activate = on_activate
        self.on_msg(self._answer)
        if picture is not None:
            self.show(picture)

    def show(self, picture: Picture) -> None:
        """Show another picture."""
        with self.hold_sync():
            self.title, self.alt, self.markup = picture.title, picture.alt, picture.markup

    def _answer(self, widget: object, message: dict[str, str], buffers: object) -> None:
        if message.get("kind") == "activate" and self._on_activate is not None:
            self._on_activate(message["key"])
