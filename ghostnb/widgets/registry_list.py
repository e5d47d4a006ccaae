"""The registries: a list of them, what each is, and the buttons that add and remove."""

import asyncio
from collections.abc import Callable

import traitlets

from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.registries.vendors import title_of
from ghostnb.widgets.actions import Action
from ghostnb.widgets.activity.own import OnEvent, own_event
from ghostnb.widgets.base import Panels
from ghostnb.widgets.browser_tables import REGISTRIES, greeting, registry_rows, status_row
from ghostnb.widgets.registry_form import RegistryForm
from ghostnb.widgets.summary import Summary
from ghostnb.widgets.table import Table
from ghostnb.widgets.tasks import Tasks
from ghostnb.widgets.toolbar import Toolbar

__all__ = ["RegistryList"]

_NO_REGISTRIES = "No registries yet."
_ADD_ONE = "Add one with the button below."


class RegistryList(Panels):
    """Which registries there are.

    Parameters
    ----------
    fleet : Fleet
        Registries that are added or removed here are so there, too.
    on_select : callable
        Called before another registry is selected, or none.
    on_retry : callable, optional
        Called for another attempt after `fail`; by default `reload`.
    on_event : callable
        Told the event of a registry that was added or removed here.

    Attributes
    ----------
    registry : str
        What is selected; empty for nothing. It can be observed and set.
    form : RegistryForm
        Adds a registry; not shown until its button is pressed.
    """

    registry = traitlets.Unicode()

    def __init__(
        self,
        fleet: Fleet,
        *,
        on_select: Callable[[], object],
        on_retry: Callable[[], object] | None = None,
        on_event: OnEvent = lambda _: None,
    ) -> None:
        self.fleet, self._on_select, self._on_event = fleet, on_select, on_event
        self._tasks = Tasks()
        self._is_seen = False
        # What it was told of the rights that it is used with.
        self._rights: dict[str, str] = {}
        self._table = Table(
            REGISTRIES,
            key="name",
            label="Registries",
            on_retry=on_retry or self.reload,
            on_open=self._seen,
        )
        self._buttons = Toolbar(
            "Registries",
            {
                Action("add", "Add registry"): self._open_form,
                Action("remove", "Remove", enabled=False): self._remove_registry,
                Action(
                    "forget", "Remove and forget", enabled=False, asked_with="remove"
                ): self._forget_registry,
            },
        )
        self._about = Summary()
        self.form = RegistryForm(fleet, on_added=self._added, on_closed=self._close_form)
        self.form.layout.display = "none"
        super().__init__([self._table, self._about, self._buttons], "ghostnb-column")
        self._table.observe(self._row_selected, "selected")
        self.observe(lambda _: self._selected(), "registry")

    def reload(self) -> None:
        """Show the fleet's registries, and, if somebody sees it, ask each whether it is there."""
        self._table.tell("ready")
        self._table.show(registry_rows(self.fleet.registries()))
        if not len(self.fleet):
            self._table.clear(_NO_REGISTRIES, _ADD_ONE)
        # A kernel that waits for its page asks nobody yet.
        if self._is_seen:
            self._greet_all()

    def fail(self, error: GhostnbError) -> None:
        """Say that the registries are not known, and offer another attempt."""
        self._table.fail(error)

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()

    def _row_selected(self, change: dict[str, list[str]]) -> None:
        name = change["new"][0] if change["new"] else ""
        if name != self.registry:
            self._on_select()
            self.registry = name

    def _selected(self) -> None:
        self._table.selected = [self.registry] if self.registry else []
        self._describe()
        self._offer()

    def _describe(self) -> None:
        """Say what the selected registry is, and with which rights it is used."""
        # Read once: on another thread, another one may be selected meanwhile.
        name = self.registry
        if name not in self.fleet:
            self._about.say("")
            return
        client = self.fleet[name]
        offers = ", ".join(client.offers)
        rights = self._rights.get(name, "")
        told = [f"Rights: {rights.rstrip('.')}."] if rights else []
        if offers:
            told.append(f"Its own API offers {offers}.")
        self._about.say(title_of(client.kind), " ".join(told))

    def _offer(self) -> None:
        """Offer what can be done with the registry that is selected now."""
        name = self.registry if self.registry in self.fleet else ""
        question = f"Remove {name}?" if name else ""
        self._buttons.change("remove", enabled=bool(name), confirm=question)
        self._buttons.change("forget", enabled=False)
        # A file that cannot be read says why when it is to be changed.
        self._tasks.spawn(
            self._offer_to_forget(name),
            key="remembered",
            on_error=lambda _: self._buttons.change("forget", enabled=True),
        )

    async def _offer_to_forget(self, name: str) -> None:
        is_remembered = name in await asyncio.to_thread(self.fleet.remembered)
        self._buttons.change("forget", enabled=is_remembered)

    # Whether they are there

    def _seen(self) -> None:
        self._is_seen = True
        self._greet_all()

    def _greet_all(self) -> None:
        for name in self.fleet:
            self._tasks.spawn(self._greet(name), key=f"ping {name}", on_error=_nothing)

    async def _greet(self, name: str) -> None:
        client = self.fleet[name]
        status, self._rights[name] = await greeting(client)
        self._table.put(status_row(client, status))
        if name == self.registry:
            self._describe()

    # They come and go

    def _open_form(self) -> None:
        self.form.reset()
        self.form.layout.display = ""
        self.form.focus()

    def _close_form(self) -> None:
        self.form.layout.display = "none"
        self._buttons.focus()

    def _added(self, name: str) -> None:
        self._on_event(own_event("registry-add", registry=name))
        self._close_form()
        self.reload()
        self.registry = name

    def _forget_registry(self) -> None:
        def fail(error: GhostnbError) -> None:
            self._table.tell("error", error.message, error.hint)

        self._tasks.spawn(self._forget(self.registry), key="forget", on_error=fail)

    async def _forget(self, name: str) -> None:
        await self.fleet.forget(name)
        self._drop(name)

    def _remove_registry(self) -> None:
        self._drop(self.registry)

    def _drop(self, name: str) -> None:
        if name == self.registry:
            self._on_select()
            self.registry = ""
        if name in self.fleet:
            self._tasks.cancel(f"ping {name}")
            self._rights.pop(name, None)
            self.fleet.remove(name)
            self._on_event(own_event("registry-remove", registry=name))
        self.reload()


def _nothing(error: GhostnbError) -> None:
    """Say nothing more: the dot has said it."""
