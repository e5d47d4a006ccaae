"""A form: fields, buttons, and what is wrong with what was typed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import traitlets

from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["Field", "Form", "SaidKind", "Values"]

SaidKind = Literal["", "working", "good", "error"]
Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a form.

    Attributes
    ----------
    name, label : str
    kind : str
        ``choice`` needs `choices`; the value of a ``checkbox`` is a bool, all
        others' are texts.
    placeholder, help : str
    value : str or bool
        At first.
    choices : tuple of str
    choice_names : tuple of str
        What the choices are called; by default as they are.
    is_watched : bool
        True if the form's `on_change` is told when somebody has changed it; nothing secret.
    """

    name: str
    label: str
    kind: Literal["text", "password", "checkbox", "lines", "choice"] = "text"
    placeholder: str = ""
    help: str = ""
    value: str | bool = ""
    choices: tuple[str, ...] = ()
    choice_names: tuple[str, ...] = ()
    is_watched: bool = False


class Form(View):
    """Fields and buttons.

    Parameters
    ----------
    label : str
    fields : sequence of Field
    buttons : mapping of str to callable
        Labels to who is told the values; the first is also what Enter presses.
    on_change : callable, optional
        Told the values of the watched fields when one of them has changed.

    Notes
    -----
    What is typed is never state of the widget, so that no notebook saves it:
    it comes as a message when a button is pressed, and goes to the callable.
    """

    _esm = javascript("format", "form")
    _css = stylesheet("form")

    label = traitlets.Unicode().tag(sync=True)
    _fields: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _buttons: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _state = traitlets.Dict().tag(sync=True)
    _notes = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        label: str,
        fields: Sequence[Field],
        buttons: Mapping[str, Callable[[Values], object]],
        *,
        on_change: Callable[[Values], object] = lambda _: None,
    ) -> None:
        super().__init__(
            label=label,
            _fields=[asdict(field) for field in fields],
            _buttons=[{"name": name, "label": name} for name in buttons],
            _state=_state(),
        )
        self._empty = {field.name: field.value for field in fields}
        self._filled = dict(self._empty)
        self._presses, self._on_change = dict(buttons), on_change
        self._is_open = self._is_wanted = False
        self.on_msg(self._answer)

    def fill(self, **values: str | bool) -> None:
        """Write into fields; nothing that is secret."""
        self._filled.update(values)
        self.send({"kind": "fill", "values": values})

    def reset(self) -> None:
        """Empty every field, and say nothing."""
        self.fill(**self._empty)
        self.tell()

    def tell(
        self, text: str = "", kind: SaidKind = "", problems: Mapping[str, str] | None = None
    ) -> None:
        """Say something below the fields, and at each field what is wrong with it."""
        self._state = _state(text, kind, problems)

    def focus(self) -> None:
        """Let the keyboard go on at the first field, unless it is outside of the dashboard."""
        # A form that is just being shown hears nothing yet.
        self._is_wanted = not self._is_open
        self.send({"kind": "focus"})

    def note(
        self,
        field: str,
        text: str,
        *,
        is_disabled: bool = False,
        is_hidden: bool = False,
        label: str | None = None,
        placeholder: str | None = None,
        link: str = "",
    ) -> None:
        """Change what helps with a field, and whether it can be used now.

        Parameters
        ----------
        field, text : str
        is_disabled, is_hidden : bool
        label, placeholder : str, optional
            By default as they were at first.
        link : str, optional
            Where more can be read.
        """
        first = next(one for one in self._fields if one["name"] == field)
        told = {
            "text": text,
            "disabled": is_disabled,
            "hidden": is_hidden,
            "label": first["label"] if label is None else label,
            "placeholder": first["placeholder"] if placeholder is None else placeholder,
            "link": link,
        }
        self._notes = {**self._notes, field: told}

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        if message.get("kind") == "ready":
            # What was filled in before there was anything to see.
            # For this view alone: in another, somebody may be typing.
            view = message["view"]
            self.send({"kind": "fill", "values": self._filled, "at_first": True, "view": view})
            self._is_open = True
            if self._is_wanted:
                self.focus()
        if message.get("kind") == "change":
            self._on_change(message["values"])
        press = self._presses.get(message.get("name", ""))
        if message.get("kind") == "press" and press is not None:
            press(message["values"])


def _state(
    text: str = "", kind: SaidKind = "", problems: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {"text": text, "kind": kind, "problems": dict(problems or {})}
