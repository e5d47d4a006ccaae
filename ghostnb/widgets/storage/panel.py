"""What registries store, and where it could be less."""

from collections.abc import Callable

import pandas as pd
import traitlets

from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.registries.threads import finished
from ghostnb.widgets.actions import Action
from ghostnb.widgets.base import Panels
from ghostnb.widgets.entry import Entry
from ghostnb.widgets.picture_view import PictureView
from ghostnb.widgets.storage.readings import Reading, Readings
from ghostnb.widgets.storage.stored import DEEPEST, Part, Stored, part_of
from ghostnb.widgets.summary import Summary
from ghostnb.widgets.table import Column, Table
from ghostnb.widgets.tasks import Tasks
from ghostnb.widgets.toolbar import Toolbar

__all__ = ["StoragePanel"]

_REGISTRIES = [
    Column("name", "Name", width="minmax(7em, 1fr)"),
    Column("physical_bytes", "Stored", "bytes", "80px", is_optional=True),
    Column("saved_bytes", "Sharing saves", "bytes", "120px", is_optional=True),
    Column("tags", "Tags", "number", "64px", is_optional=True),
    Column("only", "Only", width="minmax(5em, 1fr)", is_optional=True),
]
_INSIDE = [
    Column("name", "Name", width="minmax(8em, 1fr)"),
    Column("made_by", "Made by", width="minmax(8em, 1fr)", is_optional=True),
    Column("share_bytes", "Share", "bytes", "80px"),
    Column("alone_bytes", "Alone", "bytes", "80px"),
]
_LARGEST = [
    Column("size_bytes", "Size", "bytes", "80px"),
    Column("tags", "Tags", "number", "60px"),
    Column("used_by", "Used by", width="minmax(9em, 3fr)"),
    Column("created_by", "Made by", width="minmax(9em, 3fr)", is_optional=True),
    Column("digest", "Layer", "digest", "160px"),
]
_SHARED = [
    Column("saved_bytes", "Saves", "bytes", "80px"),
    Column("size_bytes", "Size", "bytes", "80px"),
    Column("images", "Images", "number", "70px"),
    Column("repositories", "Repositories", "number", "112px"),
    Column("used_by", "Used by", width="minmax(9em, 2fr)"),
    Column("digest", "Layer", "digest", "160px"),
]
_SELECT = "Select a registry: its images are read then, tag by tag."
_ADD_IT = "Select another, or add it in Registries."
_PRESS = "Read all of it by the button, or some of its repositories."
_TYPES = {"physical_bytes": "Int64", "saved_bytes": "Int64", "tags": "Int64", "only": "string"}


class StoragePanel(Panels):
    """How many bytes registries store: totals, areas that can be entered, and layers.

    Parameters
    ----------
    fleet : Fleet
    on_free : callable, optional
        Told the name of a registry, and of the repository that is entered if one is: which tags
        could go is to be asked.

    Attributes
    ----------
    registry : str
        Which is looked at; empty for all that were read. It can be observed and set. One that
        was not read yet is read, unless it counts requests.

    Notes
    -----
    Nothing is read before somebody sees the panel, which `reload` says.
    """

    registry = traitlets.Unicode()

    def __init__(
        self, fleet: Fleet, *, on_free: Callable[[str, str], object] | None = None
    ) -> None:
        self._fleet, self._on_free = fleet, on_free
        self._readings = Readings(fleet, on_change=self._learn)
        self._tasks = Tasks()
        # Repository and tag, as far as entered; and of what the picture is.
        self._inside: tuple[str, ...] = ()
        self._drawn: tuple[str, ...] | None = None
        # Whose layers the tables have.
        self._listed: Stored | None = None
        self._make_tables()
        self._make_bars()
        self._summary = Summary()
        self._picture = PictureView(on_activate=self._enter, on_retry=self._retry)
        super().__init__(self._rows(), "ghostnb-room")
        self._registries.observe(self._selected, "selected")
        self.observe(self._chosen, "registry")
        self._show()

    def reload(self) -> None:
        """Show the fleet's registries, and what is known of the one that is looked at."""
        self._readings.is_watched = True
        self._list()
        self._show()

    def leave(self) -> None:
        """Read nothing more unasked: nobody sees the panel now."""
        self._readings.is_watched = False

    def forget(self, registry: str) -> None:
        """Forget what was read of a registry: something has changed there."""
        self._readings.forget(registry)
        if self._drawn is not None and self._drawn[:1] in ((), (registry,)):
            self._drawn = None

    def focus(self) -> None:
        """Let the keyboard go on here, unless it is outside of the dashboard."""
        self._ways.focus()

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._readings.close()
        self._tasks.cancel()
        super().close()

    # What it is made of

    def _make_tables(self) -> None:
        self._registries = Table(_REGISTRIES, key="name", label="Registries", height="200px")
        self._parts = Table(
            _INSIDE, key="name", label="Inside", height="330px", on_activate=self._enter
        )
        self._largest = Table(_LARGEST, key="digest", label="Largest layers")
        self._shared = Table(_SHARED, key="digest", label="Most shared layers")

    def _make_bars(self) -> None:
        self._some = Entry(
            "Repositories to read",
            "Read these",
            on_enter=lambda text: self._read(tuple(text.replace(",", " ").split())),
            placeholder="Some repositories: team/*",
            enabled=False,
        )
        buttons: dict[Action, Callable[[], object]] = {
            Action("back", "Back", enabled=False): self._leave,
            Action("read", "Read all", enabled=False): self._read,
            Action("stop", "Stop", enabled=False): self._stop,
        }
        if self._on_free is not None:
            buttons[Action("free", "What would be freed…", enabled=False)] = self._free
        self._ways = Toolbar("Storage", buttons)

    def _rows(self) -> list[Panels]:
        left = Panels([self._registries, self._some, self._parts], "ghostnb-column")
        right = Panels([self._summary, self._ways, self._picture], "ghostnb-column")
        above = Panels([left, right], "ghostnb-storage-head")
        return [above, Panels([self._largest, self._shared], "ghostnb-halves")]

    # Where somebody is

    @property
    def _path(self) -> tuple[str, ...]:
        return (self.registry, *self._inside) if self.registry else ()

    def _selected(self, change: dict[str, list[str]]) -> None:
        # What is not in the table cannot be selected there, and is looked at all the same.
        if change["new"] or self.registry in self._fleet:
            self.registry = change["new"][0] if change["new"] else ""

    def _chosen(self, _: object) -> None:
        self._inside = ()
        self._show()

    def _enter(self, name: str) -> None:
        # What is clicked in an older picture leads nowhere.
        if self._drawn != self._path or len(self._path) >= DEEPEST:
            return
        if not self.registry:
            self.registry = name
        else:
            self._inside = (*self._inside, name)
            self._show()

    def _leave(self) -> None:
        if self._readings.restore(self.registry):
            self._show()
        elif self._inside:
            self._inside = self._inside[:-1]
            self._show()
        else:
            self.registry = ""

    def _free(self) -> None:
        if self._on_free is not None and self.registry in self._fleet:
            self._on_free(self.registry, self._inside[0] if self._inside else "")

    # What is read

    def _read(self, only: tuple[str, ...] = ()) -> None:
        if self.registry in self._fleet:
            self._inside = ()
            self._readings.read(self.registry, only)
        self._show()

    def _stop(self) -> None:
        self._readings.stop(self.registry)
        self._show()

    def _retry(self) -> None:
        """Read what was not read to its end once more, or draw once more what was."""
        reading = self._readings.of(self.registry)
        if reading is None or reading.stored is not None:
            self.reload()
        else:
            self._read(reading.only)

    def _learn(self, name: str) -> None:
        reading = self._readings.of(name)
        if reading is not None and reading.goes_on:
            if name == self.registry:
                self._say_why(name, reading)
            return
        self._list()
        if name == self.registry or not self.registry:
            self._show()

    # What is shown

    def _list(self) -> None:
        stored = self._readings.stored
        rows = [
            stored[name].row if name in stored else pd.DataFrame({"name": [name]})
            for name in self._fleet
        ]
        if not rows:
            self._registries.clear("No registries yet.", "Add one in Registries.")
            return
        empty = pd.DataFrame(columns=["name", *_TYPES])
        self._registries.show(pd.concat([empty, *rows], ignore_index=True).astype(_TYPES))

    def _show(self) -> None:
        """Show what is so now of what is looked at."""
        self._tasks.cancel("show")
        name = self.registry
        self._registries.selected = [name] if name in self._fleet else []
        if name in self._fleet and self._readings.is_watched and self._readings.of(name) is None:
            self._readings.read(name, is_asked=False)
        reading = self._readings.of(name)
        self._offer(reading)
        if reading.stored if reading else (not name and self._readings.stored):
            self._tasks.spawn(self._work_out(self._path), key="show", on_error=self._picture.fail)
        else:
            self._show_nothing()
            self._say_why(name, reading)

    def _offer(self, reading: Reading | None) -> None:
        name = self.registry if self.registry in self._fleet else ""
        is_reading = reading is not None and reading.goes_on
        # Also what was read of this one before it was read anew.
        is_below = bool(self._inside or (name and self._readings.stored))
        self._some.enabled = bool(name)
        self._ways.change("back", enabled=is_below)
        self._ways.change("read", enabled=bool(name) and not is_reading)
        self._ways.change("stop", enabled=is_reading)
        if self._on_free is not None:
            self._ways.change("free", enabled=bool(name))

    def _say_why(self, name: str, reading: Reading | None) -> None:
        if name and name not in self._fleet:
            # A link may name one that is not here, or no longer.
            self._picture.tell("error", f"There is no registry {name} here.", _ADD_IT)
        elif reading is None:
            self._picture.tell("empty", _SELECT)
        elif reading.goes_on:
            self._picture.tell("loading", reading.text)
        elif reading.error is not None:
            self._picture.fail(reading.error)
        elif reading.is_counted:
            self._picture.tell("empty", f"{name} counts requests, and each tag takes some.", _PRESS)
        else:
            self._picture.tell("empty", f"{name} was not read to its end.", retry=True)

    def _show_nothing(self) -> None:
        self._drawn = self._listed = None
        self._summary.say(self.registry)
        for table in (self._parts, self._largest, self._shared):
            table.clear()

    async def _work_out(self, path: tuple[str, ...]) -> None:
        stored = dict(self._readings.stored)
        try:
            part = await finished(part_of, stored, path)
        except LookupError as e:
            text = f"{':'.join(path)} is not there any more."
            raise GhostnbError(text, hint="Go back, or read it anew.") from e
        if path != self._path:
            return
        self._drawn = path
        self._show_part(path, part)
        self._show_layers(stored[path[0]] if path else None)

    def _show_part(self, path: tuple[str, ...], part: Part) -> None:
        title = ":".join(path[1:]) or self.registry or "All registries that were read"
        self._summary.say(title, part.text, sizes=part.sizes, notes=part.notes)
        self._parts.show(part.inside)
        self._picture.is_entered = len(path) < DEEPEST
        self._picture.show(part.picture)

    def _show_layers(self, stored: Stored | None) -> None:
        if stored is None:
            self._listed = None
            for table in (self._largest, self._shared):
                table.clear("Enter a registry to see its layers.")
        elif stored is not self._listed:
            self._listed = stored
            layers = {self._largest: stored.largest, self._shared: stored.shared}
            for table, frame in layers.items():
                table.show(frame)
                if frame.empty:
                    table.clear("None.")
