"""A table of any number of rows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import msgspec
import pandas as pd
import traitlets

from ghostnb.errors import GhostnbError
from ghostnb.registries.threads import finished
from ghostnb.widgets.actions import Action, changed, shown
from ghostnb.widgets.base import View
from ghostnb.widgets.row_numbers import RowNumbers
from ghostnb.widgets.sources import javascript, stylesheet
from ghostnb.widgets.states import StateKind, state

__all__ = ["Column", "Table", "plain"]

Kind = Literal["text", "bytes", "number", "time", "digest", "badges", "dot", "outcome", "action"]
KeyCallback = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        Of the frame's column; of an ``action``, what it is called when it is told.
    label : str
    kind : str
        How values are written. ``badges`` is a list of texts, ``dot`` one of
        ``reachable``, ``refused``, ``unreachable`` and ``unknown``, ``outcome`` one of
        ``success``, ``failure`` and ``denied``; ``action`` is a button.
    width : str or None
        A CSS grid track such as ``90px``; None shares what is left, or is what
        ``badges`` need.
    is_optional : bool
        Left out as long as no row has a value in it.
    """

    name: str
    label: str
    kind: Kind = "text"
    width: str | None = None
    is_optional: bool = False


class Table(View):
    """Rows by the hundred thousand: sorted, filtered and selected in the browser.

    Parameters
    ----------
    columns : sequence of Column
    key : str
        The frame's column that identifies a row.
    label : str
        The title, also for screen readers.
    multiple : bool, optional
        Several rows can be selected: with shift, ctrl, or all that match.
    sort : str, optional
        The column that is sorted by at first; by default rows stay in their order.
    newest : str, optional
        Instead of `sort`, the column of times in a table that grows while it is looked at: what
        happened last stands first. Who has scrolled down keeps the rows in sight, and is told
        how many have come above.
    height : str, optional
        In CSS.
    actions : sequence of Action, optional
        What can be done with all that is selected: buttons in a bar that says how
        many rows that is.
    on_activate : callable, optional
        Told the key of a row that was double-clicked, or entered.
    on_action : callable, optional
        Told the name of an action and the key of its row.
    on_press : callable, optional
        Told the name of one of the `actions`, and the keys that are selected.
    on_visible : callable, optional
        Told the keys of the rows in sight, whenever they have settled.
    on_retry : callable, optional
        Told that whoever reads the error wants another attempt.
    on_open : callable, optional
        Called when a page opens the table: from then on somebody sees it.

    Attributes
    ----------
    selected : list of str
        Keys, to be observed and set; what is selected in the browser comes in the
        order of the rows.

    Notes
    -----
    Rows travel as messages, by column: they can be appended while the table
    shows, and no notebook saves them. The browser asks for all of them when
    it opens the model. What is selected travels as the numbers of the rows, by
    runs: all of a hundred thousand rows are two numbers.
    """

    _esm = javascript(
        "format",
        "clipboard",
        "actions",
        "rows",
        "columns",
        "head",
        "selection",
        "more",
        "selection_bar",
        "row_buttons",
        "cells",
        "news",
        "table",
    )
    _css = stylesheet("actions", "table", "panels")

    _columns: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _sort = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)
    _state = traitlets.Dict().tag(sync=True)
    _actions: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _wants_visible = traitlets.Bool(False).tag(sync=True)
    _is_live = traitlets.Bool(False).tag(sync=True)
    label = traitlets.Unicode().tag(sync=True)
    multiple = traitlets.Bool(False).tag(sync=True)
    height = traitlets.Unicode().tag(sync=True)
    selected = traitlets.List(traitlets.Unicode())

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        key: str,
        label: str,
        multiple: bool = False,
        sort: str | None = None,
        newest: str | None = None,
        height: str = "320px",
        actions: Sequence[Action] = (),
        on_activate: KeyCallback | None = None,
        on_action: Callable[[str, str], object] | None = None,
        on_press: Callable[[str, list[str]], object] | None = None,
        on_visible: Callable[[list[str]], object] | None = None,
        on_retry: Callable[[], object] | None = None,
        on_open: Callable[[], object] = lambda: None,
    ) -> None:
        by = newest or sort
        super().__init__(
            _columns=[asdict(column) for column in columns],
            _sort=by and {"name": by, "descending": newest is not None},
            _is_live=newest is not None,
            _state=state("empty"),
            _actions=shown(actions),
            _wants_visible=on_visible is not None,
            label=label,
            multiple=multiple,
            height=height,
        )
        self._kinds = {one.name: one.kind for one in columns if one.kind != "action"}
        self._key = key
        self._sent: list[bytes] = []
        self._on_open = on_open
        self._rows = RowNumbers()
        # What the browser has for selected.
        self._told: list[str] = []
        self._answers: dict[str, Callable[[dict[str, Any]], object]] = {
            "ready": lambda _: self._open(),
            "activate": lambda message: on_activate and on_activate(message["key"]),
            "action": lambda message: on_action and on_action(message["name"], message["key"]),
            "selected": self._take_selected,
            "press": lambda message: on_press and on_press(message["name"], self.selected),
            "visible": lambda message: on_visible and on_visible(message["keys"]),
            "retry": lambda _: on_retry and on_retry(),
        }
        self.on_msg(self._answer)
        self.observe(self._tell_selected, "selected")

    def show(self, frame: pd.DataFrame) -> None:
        """Show these rows, and no others; what is selected and not among them no longer is.

        Parameters
        ----------
        frame : pandas.DataFrame
            With the key's column, and those of the columns that are known.
        """
        self._show(frame, self._encoded(frame))

    async def load(self, frame: pd.DataFrame) -> None:
        """Show these rows, as `show`, written on a thread: for many, so that no loop stands."""
        self._show(frame, await finished(self._encoded, frame))

    def _show(self, frame: pd.DataFrame, rows: bytes) -> None:
        self._sent = [rows]
        self._rows = self._rows.following(frame[self._key])
        self.selected = [key for key in self.selected if key in self._rows]
        self._send_all()
        self.tell("ready")

    def put(self, frame: pd.DataFrame) -> None:
        """Add rows at the end, or what is now known of rows that are there.

        Parameters
        ----------
        frame : pandas.DataFrame
            As for `show`.
        """
        rows = self._encoded(frame)
        self._sent.append(rows)
        self._rows.add(frame[self._key])
        self.send({"kind": "rows"}, [rows])

    def clear(self, text: str = "", hint: str = "") -> None:
        """Show no rows, and why there are none."""
        self._sent = []
        self._rows = self._rows.following(())
        self.selected = []
        self._send_all()
        self.tell("empty", text, hint)

    def tell(self, kind: StateKind, text: str = "", hint: str = "", *, retry: bool = False) -> None:
        """Say in what state the rows are, in their own place.

        Parameters
        ----------
        kind : str
            ``ready``, ``empty``, ``loading``, ``partial`` or ``error``.
        text, hint : str, optional
            What is so, and what to do about it.
        retry : bool, optional
            Offer another attempt.
        """
        self._state = state(kind, text, hint, retry=retry)

    def fail(self, error: GhostnbError) -> None:
        """Say what went wrong, and offer another attempt."""
        self.tell("error", error.message, error.hint, retry=True)

    def focus(self) -> None:
        """Let the keyboard go on at the rows, unless it is outside of the dashboard."""
        self.send({"kind": "focus"})

    def change(self, name: str, **fields: Any) -> None:
        """Change fields of one of the `actions`, such as ``enabled``."""
        self._actions = changed(self._actions, name, **fields)

    def _send_all(self) -> None:
        self.send({"kind": "reset", "generation": self._rows.generation}, self._sent[:1])
        for rows in self._sent[1:]:
            self.send({"kind": "rows"}, [rows])

    def _open(self) -> None:
        self._send_all()
        self._send_selected()
        self._on_open()

    def _send_selected(self) -> None:
        self._told = list(self.selected)
        self.send({"kind": "select", "keys": self._told})

    def _tell_selected(self, change: dict[str, list[str]]) -> None:
        if change["new"] != self._told:
            self._send_selected()

    def _take_selected(self, message: dict[str, Any]) -> None:
        rows = self._rows
        if message["generation"] != rows.generation:
            # Selected among rows that are gone: the browser is told what is so.
            self._send_selected()
            return
        self._told = rows.keys(message["runs"])
        self.selected = self._told

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        answer = self._answers.get(message.get("kind", ""))
        if answer is not None:
            answer(message)

    def _encoded(self, frame: pd.DataFrame) -> bytes:
        values = {
            name: plain(frame[name], kind) for name, kind in self._kinds.items() if name in frame
        }
        return msgspec.json.encode({"keys": plain(frame[self._key], "text"), "values": values})


def plain(values: "pd.Series[Any]", kind: str) -> Iterable[Any]:
    """Give values as JSON has them: times in milliseconds since 1970, None for what is unknown."""
    if kind == "badges":
        return [list(value) for value in values]
    if kind == "time":
        milliseconds = values.astype("datetime64[ms, UTC]").astype("int64")
        return (
            milliseconds.astype("Int64")
            .mask(values.isna())
            .astype(object)
            .where(values.notna(), None)
            .tolist()
        )
    return values.astype(object).where(values.notna(), None).tolist()
