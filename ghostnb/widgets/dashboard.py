"""All of it in one: what a team opens, or a notebook shows."""

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import ipywidgets
import traitlets

from ghostnb.agent_feed import AgentFeed
from ghostnb.engine import Engine
from ghostnb.errors import ConfigError
from ghostnb.fleet import Fleet
from ghostnb.pull_commands import pull_name
from ghostnb.registries.agents import AGENT_VARIABLE
from ghostnb.registries.config import RegistryConfig
from ghostnb.widgets.activity.listening import EventFeed
from ghostnb.widgets.activity.own import job_event
from ghostnb.widgets.activity.panel import ActivityPanel
from ghostnb.widgets.base import Pages, Panels
from ghostnb.widgets.browser import RegistryBrowser
from ghostnb.widgets.container_form import ContainerForm
from ghostnb.widgets.containers import Containers
from ghostnb.widgets.engine_images import EngineImages
from ghostnb.widgets.image.details import ImageDetails
from ghostnb.widgets.plans.changes import Change, changed_registries, deleted
from ghostnb.widgets.plans.panel import PlanPanel
from ghostnb.widgets.pulls import PullQueue
from ghostnb.widgets.search import SearchPanel
from ghostnb.widgets.storage.panel import StoragePanel
from ghostnb.widgets.tasks import Tasks
from ghostnb.widgets.title_bar import TitleBar

__all__ = ["Dashboard"]

_TABS = ("Registries", "Images", "Storage", "Containers", "Activity")


class Dashboard(Panels):
    """Browse, inspect, search, pull, push, copy, delete, clean up, create.

    Parameters
    ----------
    fleet : Fleet, optional
        By default the registries of the agent that the variable ``GHOSTNB_AGENT`` names, or
        else the configured ones; what cannot be had is shown as an error, with another attempt.
    engine : Engine, optional
        By default the daemon that `Engine` finds.
    downloads : str or path, optional
        Where images are saved, as for `PullQueue`.
    feed : EventFeed, optional
        Who tells what others do; by default the agent that the registries are reached through.
        Without one, the Activity tab has what this page does.

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
        feed: EventFeed | None = None,
    ) -> None:
        self._is_configured = fleet is None
        self._tasks = Tasks()
        self._configured: dict[str, RegistryConfig] = {}
        self.fleet = Fleet() if fleet is None else fleet
        self.engine = Engine() if engine is None else engine
        self._bar = TitleBar(_TABS, on_first_view=self._seen)
        self.activity = ActivityPanel(feed or _feed(fleet), self.fleet, on_show=self._go)
        self._make_panels(downloads)
        self._stack = Pages(self._pages(), selected_index=0)
        super().__init__([self._bar, self._stack], "ghostnb-dashboard")
        self._link()
        if self._is_configured:
            self._configure()

    def close(self) -> None:
        """End it, and what it was waiting for."""
        self._tasks.cancel()
        super().close()

    def _make_panels(self, downloads: str | os.PathLike[str] | None) -> None:
        self.pulls = PullQueue(
            self.fleet,
            self.engine,
            directory=downloads,
            on_applied=self._applied,
            on_ended=lambda job, error: self.activity.add(job_event(job, error)),
        )
        self.plans = PlanPanel(self.fleet, on_apply=self._apply)
        self.containers = Containers(
            self.engine, on_reload=lambda: self.images.reload(), on_event=self.activity.add
        )
        self.storage = StoragePanel(self.fleet, on_free=self._clean_up)
        self.clean_ups = PlanPanel(self.fleet, on_apply=self._apply)
        self.pushes = PlanPanel(self.fleet, on_apply=self._apply, engine=self.engine)
        self.images = EngineImages(
            self.engine,
            on_push=lambda images: self.pushes.push(images, on_closed=self.images.focus),
        )
        self.form = ContainerForm(
            self.engine,
            on_created=self._created,
            on_closed=self._closed,
            on_event=self.activity.add,
        )
        self.details = ImageDetails(
            self.fleet,
            on_pull=self._pull,
            on_create=self._create,
            on_copy=lambda *what: self._plan_one(self.plans.copy, *what),
            on_delete=lambda *what: self._plan_one(self.plans.delete, *what),
        )
        self.browser = RegistryBrowser(
            self.fleet,
            on_inspect=self._inspect,
            on_select=self._selected,
            on_retry=self._configure,
            on_pull=self._pull_all,
            on_save=self._save_all,
            on_copy=partial(self.plans.copy, on_closed=self._browse),
            on_delete=partial(self.plans.delete, on_closed=self._browse),
            on_event=self.activity.add,
        )
        self.search = SearchPanel(
            self.fleet, on_inspect=self._open, on_pull=self._pull, on_create=self._create
        )
        self._show_form(False)

    def _pages(self) -> list[ipywidgets.Widget]:
        pages = [
            [self.browser, self.plans, self.details],
            [self.search, self.pulls],
            [self.clean_ups, self.storage],
            [self.form, self.containers, self.images, self.pushes],
            [self.activity],
        ]
        return [Panels(page) for page in pages]

    def _link(self) -> None:
        self._bar.observe(self._turned, "tab")
        traitlets.link((self._bar, "registry"), (self.browser, "registry"))
        traitlets.link((self._bar, "repository"), (self.browser, "repository"))
        self._bar.observe(self._named, "tag")
        self._bar.observe(self._tell_storage, "registry")
        self.storage.observe(self._follow_storage, "registry")

    def _seen(self) -> None:
        # Voilà runs cells before anybody comes: by now the configuration may be another.
        if self._is_configured:
            self._configure()

    def _configure(self) -> None:
        """Take the agent's registries, or those of the configuration, as they are now."""
        if agent := os.environ.get(AGENT_VARIABLE):
            work = self._configure_by_agent(agent)
            self._tasks.spawn(work, key="configure", on_error=self.browser.fail)
            return
        try:
            self._take(Fleet.from_config())
        except ConfigError as e:
            self.browser.fail(e)

    async def _configure_by_agent(self, url: str) -> None:
        self._take(await Fleet.from_agent(url))

    def _take(self, configured: Fleet) -> None:
        now = {name: configured[name].config for name in configured}
        _follow(self.fleet, self._configured, now)
        self._configured = now
        self.browser.reload()
        # The page's address may have led there before.
        if self._bar.tab == "Storage":
            self.storage.reload()

    def _turned(self, change: dict[str, str]) -> None:
        if change["new"] not in _TABS:
            # A link may say anything.
            self._bar.tab = _TABS[self._stack.selected_index or 0]
            return
        self._stack.selected_index = _TABS.index(change["new"])
        self.storage.leave()
        if change["new"] == "Containers":
            self.containers.reload()
        elif change["new"] == "Images":
            self.search.reload()
        elif change["new"] == "Storage":
            self._tell_storage()
            self.storage.reload()
        elif change["new"] == "Activity":
            self.activity.reload()

    def _named(self, change: dict[str, str]) -> None:
        if not change["new"]:
            self.details.clear()
        elif self._bar.registry and self._bar.repository:
            self.details.show(self._bar.registry, f"{self._bar.repository}:{change['new']}")

    def _inspect(self, registry: str, repository: str, tag: str) -> None:
        if tag == self._bar.tag:
            self.details.show(registry, f"{repository}:{tag}")
        else:
            self._bar.tag = tag
        self.details.reveal()

    def _selected(self) -> None:
        self.details.clear()
        self._bar.tag = ""

    def _open(self, registry: str, reference: str) -> None:
        repository, _, tag = reference.partition(":")
        self._go(registry, repository if tag else "", tag)
        if not tag:
            self.details.show(registry, reference)
            self.details.focus()

    def _go(self, registry: str, repository: str, tag: str) -> None:
        """Show a place in the registries, as far as it is known."""
        if (registry, repository) != (self._bar.registry, self._bar.repository):
            self._selected()
        self._bar.tab, self._bar.registry = "Registries", registry
        if repository:
            self._bar.repository = repository
        if tag:
            self._inspect(registry, repository, tag)
            self.details.focus()
        else:
            self.browser.focus()

    def _pull(self, registry: str, reference: str, platform: str | None = None) -> None:
        self.pulls.pull(registry, reference, platform=platform)
        self._bar.tab = "Images"

    def _pull_all(self, registry: str, references: list[str]) -> None:
        self.pulls.pull_all(registry, references)
        self._bar.tab = "Images"

    def _save_all(self, registry: str, references: list[str]) -> None:
        self.pulls.save_all(registry, references)
        self._bar.tab = "Images"

    def _browse(self) -> None:
        self.browser.focus()

    def _plan_one(self, plan: Callable[..., object], registry: str, reference: str) -> None:
        plan(registry, [reference], on_closed=self.details.focus)

    def _apply(self, registry: str, title: str, plan: Change) -> None:
        self.pulls.apply(registry, title, plan)
        self._bar.tab = "Images"

    def _applied(self, plan: Change) -> None:
        """Show what is so now."""
        if self.details.shown in deleted(plan):
            self._selected()
        for registry in changed_registries(plan):
            self.browser.refresh(registry)
            self.storage.forget(registry)
        if self._bar.tab == "Storage":
            self.storage.reload()

    def _tell_storage(self, _: object = None) -> None:
        if self._bar.tab == "Storage":
            self.storage.registry = self._bar.registry

    def _follow_storage(self, change: dict[str, str]) -> None:
        # Looking at all registries, none is selected anew.
        if change["new"] and change["new"] != self._bar.registry:
            self._selected()
            self._bar.registry = change["new"]

    def _clean_up(self, registry: str, repository: str) -> None:
        self.clean_ups.retain(registry, repository, on_closed=self.storage.focus)

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


def _follow(
    fleet: Fleet, before: Mapping[str, RegistryConfig], now: Mapping[str, RegistryConfig]
) -> None:
    """Change in a fleet what has changed; what else was added or removed there stays so."""
    for name, config in before.items():
        if name in fleet and fleet[name].config == config != now.get(name):
            fleet.remove(name)
    for name, config in now.items():
        if name not in fleet and before.get(name) != config:
            fleet.add(config)


def _feed(fleet: Fleet | None) -> EventFeed | None:
    """Find the agent's events: of a fleet, or of the agent that the variable names."""
    if fleet is not None:
        return fleet.feed
    agent = os.environ.get(AGENT_VARIABLE)
    # What is wrong with the address, the registries say.
    with suppress(ConfigError):
        return AgentFeed(agent) if agent else None
    return None
