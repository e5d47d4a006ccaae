"""Registries, their repositories, and the tags in these: three columns."""

from collections.abc import Callable, Iterable

import ipywidgets
import pandas as pd
import traitlets

from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError, UnsupportedError
from ghostnb.fleet import Fleet
from ghostnb.widgets.registry_form import RegistryForm
from ghostnb.widgets.table import Column, Table
from ghostnb.widgets.tasks import Tasks

__all__ = ["RegistryBrowser"]

_REGISTRIES = [
    Column("status", "", "dot", "30px"),
    Column("name", "Name"),
    Column("badges", "", "badges", "140px"),
    Column("url", "URL"),
]
_REPOSITORIES = [Column("repository", "Repository"), Column("tag_count", "Tags", "number", "60px")]
_TAGS = [
    Column("tag", "Tag", width="minmax(7em, 1fr)"),
    Column("size_bytes", "Size", "bytes", "80px"),
    Column("created", "Created", "time", "110px"),
    Column("platforms", "Platforms", width="minmax(6em, 1fr)"),
    Column("inspect", "Inspect", "action", "84px"),
]
# Rows whose details are asked for together, and shown as soon as they are there.
_BATCH = 8


class RegistryBrowser(ipywidgets.VBox):
    """What is in which registry.

    Parameters
    ----------
    fleet : Fleet
        Registries that are added or removed here are so there, too.
    on_inspect : callable, optional
        Told the registry, repository and tag that is to be looked at.

    Attributes
    ----------
    registry, repository : str
        What is selected; empty for nothing. Both can be observed and set.
    tags : tuple of str
        The selected tags.
    """

    registry = traitlets.Unicode()
    repository = traitlets.Unicode()
    tags = traitlets.List(traitlets.Unicode())

    def __init__(
        self, fleet: Fleet, *, on_inspect: Callable[[str, str, str], object] | None = None
    ) -> None:
        self.fleet = fleet
        self._on_inspect = on_inspect
        self._tasks = Tasks()
        self._detailed: set[str] = set()
        self._make_tables()
        self._add = ipywidgets.Button(description="Add registry", icon="plus")
        self._remove = ipywidgets.Button(description="Remove", icon="trash", disabled=True)
        self._by_name = ipywidgets.Text(
            placeholder="Repository by name, such as library/nginx", continuous_update=False
        )
        self._form = RegistryForm(fleet, on_added=self._added, on_closed=self._close_form)
        self._form.layout.display = "none"
        super().__init__([self._columns(), self._form])
        self.add_class("ghostnb-browser")
        self._listen()
        self.reload()

    def reload(self) -> None:
        """Show the fleet's registries, and ask each whether it is there."""
        self._registries.show(_registry_rows(self.fleet.registries()))
        for name in self.fleet:
            self._tasks.spawn(self._greet(name), key=f"ping {name}", on_error=_nothing)

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()

    # What it is made of

    def _make_tables(self) -> None:
        self._registries = Table(_REGISTRIES, key="name", label="Registries")
        self._repositories = Table(
            _REPOSITORIES, key="repository", label="Repositories", on_retry=self._list_repositories
        )
        self._tags = Table(
            _TAGS,
            key="tag",
            label="Tags",
            multiple=True,
            on_activate=self._inspect,
            on_action=lambda _, tag: self._inspect(tag),
            on_visible=self._see,
            on_retry=self._list_tags,
        )
        self._repositories.clear("Select a registry to view repositories.")
        self._tags.clear("Select a repository to view tags.")

    def _columns(self) -> ipywidgets.Widget:
        buttons = ipywidgets.HBox([self._add, self._remove])
        self._by_name.layout.width = "auto"
        parts = [
            ipywidgets.VBox([self._registries, buttons]),
            ipywidgets.VBox([self._repositories, self._by_name]),
            ipywidgets.VBox([self._tags]),
        ]
        columns = "minmax(0, 3fr) minmax(0, 3fr) minmax(0, 4fr)"
        return ipywidgets.GridBox(
            parts, layout={"grid_template_columns": columns, "grid_gap": "8px"}
        )

    def _listen(self) -> None:
        self._registries.observe(self._registry_selected, "selected")
        self._repositories.observe(self._repository_selected, "selected")
        self._tags.observe(lambda change: setattr(self, "tags", change["new"]), "selected")
        self._by_name.observe(self._named, "value")
        self._add.on_click(lambda _: self._open_form())
        self._remove.on_click(lambda _: self._remove_registry())
        self.observe(lambda _: self._list_repositories(), "registry")
        self.observe(lambda _: self._list_tags(), "repository")

    # What is selected

    def _registry_selected(self, change: dict[str, list[str]]) -> None:
        self.registry = _first(change["new"])

    def _repository_selected(self, change: dict[str, list[str]]) -> None:
        self.repository = _first(change["new"])

    def _named(self, change: dict[str, str]) -> None:
        name = change["new"].strip()
        if name and self.registry:
            self.repository = name

    def _inspect(self, tag: str) -> None:
        if self._on_inspect is not None and self.registry and self.repository:
            self._on_inspect(self.registry, self.repository, tag)

    # What is listed

    def _list_repositories(self) -> None:
        self.repository = ""
        self._tasks.cancel("repositories", "tags", "details")
        self._remove.disabled = not self.registry
        self._registries.selected = [self.registry] if self.registry else []
        if not self.registry:
            self._repositories.clear("Select a registry to view repositories.")
            return
        self._repositories.clear()
        self._repositories.tell("loading", f"Asking {self.registry} …")
        work = self._load_repositories(self.fleet[self.registry])
        self._tasks.spawn(work, key="repositories", on_error=self._repositories.fail)

    def _list_tags(self) -> None:
        self._tasks.cancel("tags", "details")
        self._detailed.clear()
        self._repositories.selected = [self.repository] if self.repository else []
        if not self.repository:
            self._tags.clear("Select a repository to view tags.")
            return
        self._tags.clear()
        self._tags.tell("loading", f"Asking for the tags of {self.repository} …")
        work = self._load_tags(self.fleet[self.registry], self.repository)
        self._tasks.spawn(work, key="tags", on_error=self._tags.fail)

    def _see(self, tags: list[str]) -> None:
        missing = [tag for tag in tags if tag not in self._detailed]
        if missing and self.repository:
            work = self._load_details(self.fleet[self.registry], self.repository, missing)
            self._tasks.spawn(work, key="details", on_error=self._tags.fail)

    async def _load_repositories(self, client: RegistryClient) -> None:
        try:
            found = await client.repositories()
        except UnsupportedError as e:
            self._repositories.clear(
                f"{client.name} offers no catalog: type a repository's name, or search.", e.message
            )
            return
        self._repositories.show(found)
        if found.empty:
            self._repositories.clear(f"{client.name} has no repositories yet.")

    async def _load_tags(self, client: RegistryClient, repository: str) -> None:
        found = await client.tags(repository)
        self._tags.show(found[["tag"]])
        if found.empty:
            self._tags.clear(f"{repository} has no tags.")

    async def _load_details(
        self, client: RegistryClient, repository: str, tags: Iterable[str]
    ) -> None:
        left = list(tags)
        while left:
            some, left = left[:_BATCH], left[_BATCH:]
            details = await client.tag_details(repository, some)
            self._tags.put(details)
            self._detailed.update(some)

    # Registries come and go

    async def _greet(self, name: str) -> None:
        client = self.fleet[name]
        try:
            await client.ping()
        except GhostnbError:
            state = "unreachable"
        else:
            state = "reachable"
        self._registries.put(pd.DataFrame({"name": [name], "status": [state]}))

    def _open_form(self) -> None:
        self._form.reset()
        self._form.layout.display = ""

    def _close_form(self) -> None:
        self._form.layout.display = "none"

    def _added(self, name: str) -> None:
        self._close_form()
        self.reload()
        self.registry = name

    def _remove_registry(self) -> None:
        name, self.registry = self.registry, ""
        if name in self.fleet:
            self._tasks.cancel(f"ping {name}")
            self.fleet.remove(name)
        self.reload()


def _registry_rows(registries: pd.DataFrame) -> pd.DataFrame:
    badges = [
        ["AUTH"] * bool(row.has_auth) + ["INSECURE"] * bool(row.insecure)
        for row in registries.itertuples()
    ]
    rows = registries[["name", "url"]].assign(badges=badges, status=pd.NA)
    return rows.assign(status=rows["status"].astype("string"))


def _first(keys: list[str]) -> str:
    return keys[0] if keys else ""


def _nothing(error: GhostnbError) -> None:
    """Say nothing more: the dot has said it."""
