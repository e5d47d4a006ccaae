"""All of it in one: what a team opens, or a notebook shows."""

import os

import ipywidgets
import traitlets

from ghostnb.engine import Engine
from ghostnb.fleet import Fleet
from ghostnb.widgets.base import Pages, Panels
from ghostnb.widgets.browser import RegistryBrowser
from ghostnb.widgets.container_form import ContainerForm
from ghostnb.widgets.containers import Containers
from ghostnb.widgets.details import ImageDetails
from ghostnb.widgets.pull_commands import pull_name
from ghostnb.widgets.pulls import PullQueue
from ghostnb.widgets.search import SearchPanel
from ghostnb.widgets.title_bar import TitleBar

__all__ = ["Dashboard"]

_TABS = ("Registries", "Images", "Containers")


class Dashboard(Panels):
    """Browse, inspect, search, pull, create.

    Parameters
    ----------
    fleet : Fleet, optional
        By default the configured registries.
    engine : Engine, optional
        By default the daemon that `Engine` finds.
    downloads : str or path, optional
        Where images are saved, as for `PullQueue`.

    Notes
    -----
    On a page that Voilà serves, what is selected stands in the address, and
    the theme can be switched; elsewhere both are not the dashboard's.

    Examples
    --------
    >>> Dashboard(Fleet.from_config())  # doctest: +SKIP
    """

    def __init__(
        self,
        fleet: Fleet | None = None,
        engine: Engine | None = None,
        *,
        downloads: str | os.PathLike[str] | None = None,
    ) -> None:
        self._is_configured = fleet is None
        self.fleet = Fleet.from_config() if fleet is None else fleet
        self.engine = Engine() if engine is None else engine
        self._bar = TitleBar(_TABS, on_first_view=self._seen)
        self._make_panels(downloads)
        self._stack = Pages(self._pages(), selected_index=0)
        super().__init__([self._bar, self._stack], "ghostnb-dashboard")
        self._link()

    def _make_panels(self, downloads: str | os.PathLike[str] | None) -> None:
        self.pulls = PullQueue(self.fleet, self.engine, directory=downloads)
        self.containers = Containers(self.engine)
        self.form = ContainerForm(self.engine, on_created=self._created, on_closed=self._closed)
        self.details = ImageDetails(self.fleet, on_pull=self._pull, on_create=self._create)
        self.browser = RegistryBrowser(
            self.fleet,
            on_inspect=self._inspect,
            on_pull=self._pull_all,
            on_removed=self._removed,
        )
        self.search = SearchPanel(
            self.fleet, on_inspect=self._open, on_pull=self._pull, on_create=self._create
        )
        self._show_form(False)

    def _pages(self) -> list[ipywidgets.Widget]:
        pages = [
            [self.browser, self.details],
            [self.search, self.pulls],
            [self.form, self.containers],
        ]
        return [Panels(page) for page in pages]

    def _link(self) -> None:
        self._bar.observe(self._turned, "tab")
        traitlets.link((self._bar, "registry"), (self.browser, "registry"))
        traitlets.link((self._bar, "repository"), (self.browser, "repository"))
        self._bar.observe(self._named, "tag")

    def _seen(self) -> None:
        # Voilà runs cells before anybody comes: by now the configuration may be another.
        if self._is_configured:
            _follow(self.fleet, Fleet.from_config())
        self.browser.reload()

    def _turned(self, change: dict[str, str]) -> None:
        if change["new"] not in _TABS:
            return
        self._stack.selected_index = _TABS.index(change["new"])
        if change["new"] == "Containers":
            self.containers.reload()
        elif change["new"] == "Images":
            self.search.reload()

    def _named(self, change: dict[str, str]) -> None:
        if change["new"] and self._bar.registry and self._bar.repository:
            self.details.show(self._bar.registry, f"{self._bar.repository}:{change['new']}")

    def _inspect(self, registry: str, repository: str, tag: str) -> None:
        self._bar.tag = ""
        self._bar.tag = tag

    def _open(self, registry: str, reference: str) -> None:
        self._bar.tab = "Registries"
        self._bar.registry = registry
        self.details.show(registry, reference)
        self.details.focus()

    def _pull(self, registry: str, reference: str) -> None:
        self.pulls.pull(registry, reference)
        self._bar.tab = "Images"

    def _pull_all(self, registry: str, references: list[str]) -> None:
        for reference in references:
            self._pull(registry, reference)

    def _removed(self, registry: str) -> None:
        self.details.forget(registry)
        self._bar.tag = ""

    def _create(self, registry: str, reference: str) -> None:
        self.form.ask(pull_name(self.fleet[registry].config, reference))
        self._show_form(True)
        self._bar.tab = "Containers"
        self.form.focus()

    def _created(self, container: str) -> None:
        self._show_form(False)
        self.containers.show(container)

    def _closed(self) -> None:
        self._show_form(False)
        self.containers.focus()

    def _show_form(self, is_shown: bool) -> None:
        self.form.layout.display = "" if is_shown else "none"


def _follow(fleet: Fleet, other: Fleet) -> None:
    """Make one fleet's registries those of another, leaving alone what is the same."""
    for name in list(fleet):
        if name not in other or fleet[name].config != other[name].config:
            fleet.remove(name)
    for name in other:
        if name not in fleet:
            fleet.add(other[name].config)
