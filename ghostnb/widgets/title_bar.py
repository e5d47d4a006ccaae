"""The dashboard's title bar."""

from collections.abc import Callable, Sequence
from typing import Any

import traitlets

from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["TitleBar"]


class TitleBar(View):
    """Tabs; on a page of Voilà's also the theme's switch, and the selection in its address.

    Parameters
    ----------
    tabs : sequence of str
    on_first_view : callable
        Called when somebody sees it for the first time.

    Attributes
    ----------
    tab, registry, repository, tag : str
        What is shown; a link to the page brings them.
    """

    _esm = javascript("format", "bar")
    _css = stylesheet("bar", "panels")

    _tabs: traitlets.List[Any] = traitlets.List().tag(sync=True)
    tab = traitlets.Unicode().tag(sync=True)
    registry = traitlets.Unicode().tag(sync=True)
    repository = traitlets.Unicode().tag(sync=True)
    tag = traitlets.Unicode().tag(sync=True)

    def __init__(self, tabs: Sequence[str], *, on_first_view: Callable[[], object]) -> None:
        super().__init__(_tabs=list(tabs), tab=tabs[0])
        self._on_first_view: Callable[[], object] | None = on_first_view
        self.on_msg(self._answer)

    def _answer(self, widget: object, message: dict[str, str], buffers: object) -> None:
        if message.get("kind") == "ready" and self._on_first_view is not None:
            first, self._on_first_view = self._on_first_view, None
            first()
