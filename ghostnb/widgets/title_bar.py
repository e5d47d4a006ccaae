"""The dashboard's title bar."""

from collections.abc import Sequence
from typing import Any

import anywidget
import traitlets

from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["TitleBar"]


class TitleBar(anywidget.AnyWidget):
    """Tabs, the theme's switch, and what of the selection stands in the page's address.

    Parameters
    ----------
    tabs : sequence of str
    has_page : bool
        The page is the dashboard's own: its address and theme may be changed.

    Attributes
    ----------
    tab, registry, repository, tag : str
        What is shown; a link to the page brings them.
    """

    _esm = javascript("format", "bar")
    _css = stylesheet("bar")

    _tabs: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _has_page = traitlets.Bool(False).tag(sync=True)
    tab = traitlets.Unicode().tag(sync=True)
    registry = traitlets.Unicode().tag(sync=True)
    repository = traitlets.Unicode().tag(sync=True)
    tag = traitlets.Unicode().tag(sync=True)

    def __init__(self, tabs: Sequence[str], *, has_page: bool = False) -> None:
        super().__init__(_tabs=list(tabs), _has_page=has_page, tab=tabs[0])
