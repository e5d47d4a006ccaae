"""What panels are made of, and how they end: with all of their parts."""

from collections.abc import Sequence

import anywidget
import ipywidgets

__all__ = ["Pages", "Panels", "View"]


class _Whole(ipywidgets.DOMWidget):
    """Takes its parts along when it is closed.

    ipywidgets leaves the children of a box, and every layout, in its registry: a kernel
    that shows one panel after the other would keep all of them.
    """

    def close(self) -> None:
        """Close the widget, what is in it, and its layout."""
        for child in getattr(self, "children", ()):
            child.close()
        super().close()
        self.layout.close()


class View(_Whole, anywidget.AnyWidget):
    """What a JavaScript module of ours shows."""


class Panels(_Whole, ipywidgets.VBox):
    """Panels below each other, as far apart as everywhere.

    Parameters
    ----------
    children : sequence of Widget
    name : str, optional
        A class, for the style sheet.
    """

    def __init__(self, children: Sequence[ipywidgets.Widget], name: str = "") -> None:
        super().__init__(children)
        self.add_class("ghostnb-panels")
        if name:
            self.add_class(name)


class Pages(_Whole, ipywidgets.Stack):
    """Panels of which one shows."""
