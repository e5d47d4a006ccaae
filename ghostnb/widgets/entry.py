"""A line of text, handed over by Enter."""

from collections.abc import Callable
from typing import Any

import traitlets

from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["Entry"]


class Entry(View):
    """A field, and a button that does what Enter does.

    Parameters
    ----------
    label : str
        Of the field, for screen readers.
    button : str
    placeholder : str, optional
    on_enter : callable
        Told the text without blanks around it; not told of an empty one.

    Attributes
    ----------
    enabled : bool
    placeholder : str
    """

    _esm = javascript("format", "entry")
    _css = stylesheet("actions")

    label = traitlets.Unicode().tag(sync=True)
    placeholder = traitlets.Unicode().tag(sync=True)
    enabled = traitlets.Bool(True).tag(sync=True)
    _button = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        label: str,
        button: str,
        *,
        on_enter: Callable[[str], object],
        placeholder: str = "",
        enabled: bool = True,
    ) -> None:
        super().__init__(label=label, _button=button, placeholder=placeholder, enabled=enabled)
        self._on_enter = on_enter
        self.on_msg(self._answer)

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        text = message.get("text", "").strip()
        if message.get("kind") == "enter" and text and self.enabled:
            self._on_enter(text)
