"""A row of buttons."""

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from ghostnb.widgets.actions import Action, changed, shown
from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["Toolbar"]


class Toolbar(View):
    """Buttons, some of which ask before they are pressed.

    Parameters
    ----------
    label : str
        For screen readers.
    buttons : mapping of Action to callable
        In their order.
    """

    _esm = javascript("format", "actions", "toolbar")
    _css = stylesheet("actions")

    label = traitlets.Unicode().tag(sync=True)
    _actions: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(self, label: str, buttons: Mapping[Action, Callable[[], object]]) -> None:
        super().__init__(label=label, _actions=shown(buttons))
        self._presses = {action.name: press for action, press in buttons.items()}
        self.on_msg(self._answer)

    def change(self, name: str, **fields: Any) -> None:
        """Change fields of an action, such as ``enabled``."""
        self._actions = changed(self._actions, name, **fields)

    def focus(self) -> None:
        """Let the keyboard go on at the first button, unless it is outside of the dashboard."""
        self.send({"kind": "focus"})

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        press = self._presses.get(message.get("name", ""))
        if message.get("kind") == "press" and press is not None:
            press()
