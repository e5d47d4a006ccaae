"""Sizes as areas."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import traitlets

from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["Treemap"]


class Treemap(View):
    """Areas in proportion to sizes, each of which can be entered.

    Parameters
    ----------
    label : str
        What the whole is.
    sizes : pandas.Series, optional
        Bytes; its index names the parts.
    on_activate : callable, optional
        Told the name of a part that was clicked, or entered.
    height_px : int, optional
        Of a picture that is 960 wide.
    """

    _esm = javascript("format", "treemap")
    _css = stylesheet("treemap")

    label = traitlets.Unicode().tag(sync=True)
    items: traitlets.List[Any] = traitlets.List().tag(sync=True)
    height_px = traitlets.Int(420).tag(sync=True)

    def __init__(
        self,
        label: str,
        sizes: "pd.Series[int] | None" = None,
        *,
        on_activate: Callable[[str], object] | None = None,
        height_px: int = 420,
    ) -> None:
        super().__init__(label=label, height_px=height_px)
        self._on_activate = on_activate
        self.on_msg(self._answer)
        if sizes is not None:
            self.show(sizes)

    def show(self, sizes: "pd.Series[int]", *, label: str | None = None) -> None:
        """Show other sizes; parameters as for the class."""
        with self.hold_sync():
            self.label = self.label if label is None else label
            self.items = [
                {"key": str(name), "label": str(name), "value": int(size)}
                for name, size in sizes.dropna().items()
            ]

    def _answer(self, widget: object, message: dict[str, str], buffers: object) -> None:
        if message.get("kind") == "activate" and self._on_activate is not None:
            self._on_activate(message["key"])
