"""What registries store, and where it could be less."""

from collections.abc import Callable
from functools import partial

import pandas as pd
import traitlets

from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.registries.threads import finished
from ghostnb.widgets.actions import Action
from ghostnb.widgets.base import Panels
from ghostnb.widgets.entry import Entry
from ghostnb.widgets.picture_view import PictureView
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
_PRESS = "Read it by the button, or some of its repositories."
_READ_ALL = Action("read", "Read anew", enabled=False)


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
        was not read yet is read, unless its pulls are counted.

    Notes
    -----
    Nothing is read before somebody sees the panel, which `reload` says.
    """

    registry = traitlets.Unicode()

    def __init__(
        self, fleet: Fleet, *, on_free: Callable[[str, str], object] | None = None
    ) -> None:
        self._fleet, self._on_free = fleet, on_free
        self._tasks = Tasks()
        self._known: dict[str, Stored] = {}
        # Whom each was asked of: by now another may have its name.
        self._asked: dict[str, RegistryClient] = {}
        # How far the reading of each registry is, in words; and which repositories are wanted.
        self._reading: dict[str, str] = {}
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._inside: tuple[str, ...] = ()
        # What the picture shows: what is clicked in an older one leads nowhere.
        self._drawn: tuple[str, ...] | None = None
        self._is_seen = False
        self._make_tables()
        self._make_bars()
        self._summary = Summary()
        self._picture = PictureView(on_activate=self._enter, on_retry=self._read)
        super().__init__(self._rows(), "ghostnb-storage")
        self._registries.observe(self._selected, "selected")
        self.observe(self._chosen, "registry")
        self._show_nothing()

    def reload(self) -> None:
        """Show the fleet's registries, and what is known of the one that is looked at."""
        self._is_seen = True
        for name, client in [*self._asked.items()]:
            if name not in self._fleet or self._fleet[name] is not client:
                self.forget(name)
        self._list()
        self._turn()

    def forget(self, registry: str) -> None:
        """Forget what was read of a registry: something has changed there."""
        self._tasks.cancel(f"read {registry}")
        for known in (self._known, self._reading, self._asked):
            known.pop(registry, None)
        if self._drawn == () or (self._drawn and self._drawn[0] == registry):
            self._drawn = None

    def focus(self) -> None:
        """Let the keyboard go on here, unless it is outside of the dashboard."""
        self._ways.focus()

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()

    # What it is made of

    def _make_tables(self) -> None:
        self._registries = Table(_REGISTRIES, key="name", label="Registries")
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
            _READ_ALL: lambda: self._read(()),
            Action("stop", "Stop", enabled=False): self._stop,
        }
        if self._on_free is not None:
            buttons[Action("free", "What would be freed…", enabled=False)] = self._free
        self._ways = Toolbar("Storage", buttons)

    def _rows(self) -> list[Panels]:
        left = Panels([self._registries, self._some], "ghostnb-column")
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

    def _enter(self, name: str) -> None:
        if self._drawn != self._path:
            return
        if not self.registry:
            self.registry = name
        elif len(self._path) < DEEPEST:
            self._inside = (*self._inside, name)
            self._show()

    def _leave(self) -> None:
        if self._inside:
            self._inside = self._inside[:-1]
            self._show()
        else:
            self.registry = ""

    def _chosen(self, _: object) -> None:
        self._inside = ()
        self._turn()

    def _turn(self) -> None:
        """Show the registry that is looked at now, or read it."""
        name = self.registry
        self._registries.selected = [name] if name in self._fleet else []
        self._some.enabled = name in self._fleet
        if not name or name in self._known or name in self._reading:
            self._show()
        elif name not in self._fleet:
            # A link may name one that is not here, or no longer.
            self._show_nothing()
            self._picture.tell("error", f"There is no registry {name} here.", _ADD_IT)
        elif self._is_seen:
            self._read_if_free(self._fleet[name])

    def _offer(self) -> None:
        name = self.registry if self.registry in self._fleet else ""
        is_reading = name in self._reading
        self._ways.change("back", enabled=bool(self._inside or (name and self._known)))
        self._ways.change("read", enabled=bool(name) and not is_reading)
        self._ways.change("stop", enabled=is_reading)
        if self._on_free is not None:
            self._ways.change("free", enabled=bool(name))

    def _free(self) -> None:
        if self._on_free is not None and self.registry in self._fleet:
            self._on_free(self.registry, self._inside[0] if self._inside else "")

    # What is read

    def _read_if_free(self, client: RegistryClient) -> None:
        # Where pulls are counted, nobody's are spent on what was not asked for.
        if client.rate_limit is None:
            self._read()
            return
        self._show_nothing()
        text = f"{client.name} counts requests, and each tag takes some."
        self._picture.tell("empty", text, _PRESS)

    def _read(self, only: tuple[str, ...] | None = None) -> None:
        """Read the registry, or some of its repositories; by default what was read before."""
        name = self.registry
        if name not in self._fleet:
            self.reload()
            return
        if only is not None:
            self._wanted[name] = only
        self.forget(name)
        self._inside = ()
        client = self._asked[name] = self._fleet[name]
        self._reading[name] = f"Asking {name} …"
        self._show()
        work = self._load(client, self._wanted.get(name, ()))
        self._tasks.spawn(work, key=f"read {name}", on_error=partial(self._fail, name))

    def _stop(self) -> None:
        name = self.registry
        self.forget(name)
        self._show_nothing()
        self._picture.tell("empty", f"{name} was not read to its end.", retry=True)

    async def _load(self, client: RegistryClient, only: tuple[str, ...]) -> None:
        name = client.name
        found = await client.inventory(only or None, progress=partial(self._count, name))
        self._known[name] = await finished(Stored.of, name, found, only)
        self._reading.pop(name, None)
        self._list()
        if name == self.registry:
            self._show()

    def _count(self, name: str, done: int, total: int) -> None:
        if name in self._reading:
            self._reading[name] = f"Reading {name}: {done:,} of {total:,} tags …"
            self._tell_reading()

    def _fail(self, name: str, error: GhostnbError) -> None:
        self.forget(name)
        if name == self.registry:
            self._show_nothing()
            self._picture.fail(error)

    # What is shown

    def _list(self) -> None:
        rows = [
            self._known[name].row if name in self._known else pd.DataFrame({"name": [name]})
            for name in self._fleet
        ]
        if not rows:
            self._registries.clear("No registries yet.", "Add one in Registries.")
            return
        kinds = {"physical_bytes": "Int64", "saved_bytes": "Int64", "tags": "Int64"}
        empty = pd.DataFrame(columns=["name", *kinds])
        self._registries.show(pd.concat([empty, *rows], ignore_index=True).astype(kinds))
        self._registries.selected = [self.registry] if self.registry in self._fleet else []

    def _show_nothing(self) -> None:
        self._drawn = None
        self._summary.say(self.registry)
        for table in (self._largest, self._shared):
            table.clear("Nothing was read.")
        self._picture.tell("empty", _SELECT)
        self._offer()

    def _tell_reading(self) -> None:
        if self.registry in self._reading:
            self._picture.tell("loading", self._reading[self.registry])

    def _show(self) -> None:
        """Show what is entered; a registry that is being read says how far that is."""
        self._tasks.cancel("show")
        if self.registry in self._reading or not self._known:
            self._show_nothing()
            self._tell_reading()
            return
        self._offer()
        self._tasks.spawn(self._work_out(self._path), key="show", on_error=self._picture.fail)

    async def _work_out(self, path: tuple[str, ...]) -> None:
        known = dict(self._known)
        self._show_part(path, await finished(part_of, known, path))
        for table, kind in ((self._largest, "largest"), (self._shared, "shared")):
            layers = getattr(known[path[0]], kind) if path else pd.DataFrame()
            if layers.empty:
                table.clear("None." if path else "Enter a registry to see its layers.")
            else:
                table.show(layers)

    def _show_part(self, path: tuple[str, ...], part: Part) -> None:
        title = ":".join(path[1:]) or self.registry or "All registries that were read"
        notes = self._known[path[0]].notes if path else []
        self._summary.say(title, part.text, sizes=part.sizes, notes=notes)
        self._drawn = path
        self._picture.is_entered = len(path) < DEEPEST
        self._picture.show(part.picture)
