"""Registries, their repositories, and the tags in these: three columns."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Sequence

import traitlets

from ghostnb.arguments import first
from ghostnb.client import RegistryClient
from ghostnb.errors import GhostnbError, NotFoundError, UnsupportedError
from ghostnb.fleet import Fleet
from ghostnb.frames import tags_frame
from ghostnb.pull_commands import no_pull_reason, pull_pieces
from ghostnb.registries.abilities import ListsDetails
from ghostnb.registries.records import TagRecord
from ghostnb.widgets.actions import Action
from ghostnb.widgets.activity.own import OnEvent
from ghostnb.widgets.base import Panels
from ghostnb.widgets.browser_tables import REPOSITORIES, TAGS
from ghostnb.widgets.entry import Entry
from ghostnb.widgets.registry_list import RegistryList
from ghostnb.widgets.table import Table
from ghostnb.widgets.tasks import Tasks

__all__ = ["RegistryBrowser"]

OnTags = Callable[[str, list[str]], object]

# What is done with selected tags, in their bar.
_PULL = Action("pull", "Pull", confirm="Pull all of them?", confirm_from=20)
_SAVE = Action("save", "Save", confirm="Save all of them?", confirm_from=20, is_lesser=True)
_COMMAND = Action("command", "Copy pull command", enabled=False, is_lesser=True)
_COPY = Action("copy", "Copy to…")
_DELETE = Action("delete", "Delete…")
_NO_COMMAND = "No tool pulls these by a name."
_ADD_IT = "Select another, or add it."
_TYPE_A_NAME = "Type a repository's name below, such as library/nginx, or search."
_SELECT_REGISTRY = "Select a registry to view repositories."
_SELECT_REPOSITORY = "Select a repository to view tags."
# Rows whose details are asked for together, and shown as soon as they are there.
_BATCH = 8
# Of what a vendor lists: so many tags at most, which are ten of its pages. Others are read as
# they come in sight.
_LISTED_BATCH = 100
_MAX_LISTED = 1000


class RegistryBrowser(Panels):
    """What is in which registry.

    Parameters
    ----------
    fleet : Fleet
        Registries that are added or removed here are so there, too.
    on_inspect : callable, optional
        Told the registry, repository and tag that is to be looked at.
    on_select : callable, optional
        Called when somebody selects another registry or repository, or removes
        what is selected: what was looked at before is no longer selected.
    on_retry : callable, optional
        Called for another attempt after `fail`; by default `reload`.
    on_pull, on_save, on_copy, on_delete : callable, optional
        Told the registry, and the references of all that is to be pulled, saved, copied
        elsewhere or deleted.
    on_event : callable, optional
        Told the event of a registry that was added or removed here.

    Attributes
    ----------
    registry, repository : str
        What is selected; empty for nothing. Both can be observed and set.
    tags : list of str
        The selected tags.
    """

    registry = traitlets.Unicode()
    repository = traitlets.Unicode()
    tags = traitlets.List(traitlets.Unicode())

    def __init__(
        self,
        fleet: Fleet,
        *,
        on_inspect: Callable[[str, str, str], object] | None = None,
        on_select: Callable[[], object] = lambda: None,
        on_retry: Callable[[], object] | None = None,
        on_pull: OnTags | None = None,
        on_save: OnTags | None = None,
        on_copy: OnTags | None = None,
        on_delete: OnTags | None = None,
        on_event: OnEvent = lambda _: None,
    ) -> None:
        self.fleet = fleet
        self._on_inspect, self._on_select = on_inspect, on_select
        acts = {_PULL: on_pull, _SAVE: on_save, _COPY: on_copy, _DELETE: on_delete}
        self._acts = {action: act for action, act in acts.items() if act is not None}
        self._tasks = Tasks()
        self._detailed: set[str] = set()
        self._in_sight: list[str] = []
        self._is_listing = self._is_filling = False
        self._registries = RegistryList(
            fleet, on_select=on_select, on_retry=on_retry, on_event=on_event
        )
        self._make_parts()
        super().__init__([self._columns(), self._registries.form], "ghostnb-browser")
        self._listen()
        self.reload()

    def reload(self) -> None:
        """Show the fleet's registries, and, if somebody sees it, ask each whether it is there."""
        self._registries.reload()

    def refresh(self, registry: str) -> None:
        """List a registry's repositories and tags anew, if they are shown: something changed."""
        if registry == self.registry and registry in self.fleet:
            work = self._relist(self.fleet[registry])
            self._tasks.spawn(work, key="repositories", on_error=self._repositories.fail)

    def focus(self) -> None:
        """Let the keyboard go on at the tags, unless it is outside of the dashboard."""
        self._tags.focus()

    def fail(self, error: GhostnbError) -> None:
        """Say that the registries are not known, and offer another attempt."""
        self._registries.fail(error)

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()

    # What it is made of

    def _make_parts(self) -> None:
        self._repositories = Table(
            REPOSITORIES, key="repository", label="Repositories", on_retry=self._list_repositories
        )
        self._tags = Table(
            TAGS,
            key="tag",
            label="Tags",
            multiple=True,
            actions=self._tag_actions(),
            on_activate=self._inspect,
            on_action=lambda _, tag: self._inspect(tag),
            on_press=self._act,
            on_visible=self._see,
            on_retry=self._list_tags,
        )
        self._by_name = Entry(
            "Repository by name",
            "Show tags",
            on_enter=self._named,
            placeholder="Repository by name",
            enabled=False,
        )
        self._repositories.clear(_SELECT_REGISTRY)
        self._tags.clear(_SELECT_REPOSITORY)

    def _tag_actions(self) -> list[Action]:
        # Copying a command needs nobody; what deletes comes last.
        actions = [*self._acts, _COMMAND]
        return sorted(actions, key=lambda action: action is _DELETE)

    def _columns(self) -> Panels:
        others = [[self._repositories, self._by_name], [self._tags]]
        columns = [Panels(column, "ghostnb-column") for column in others]
        return Panels([self._registries, *columns], "ghostnb-columns-box")

    def _listen(self) -> None:
        traitlets.link((self._registries, "registry"), (self, "registry"))
        self._repositories.observe(self._repository_selected, "selected")
        self._tags.observe(lambda change: setattr(self, "tags", change["new"]), "selected")
        self.observe(lambda _: self._list_repositories(), "registry")
        self.observe(lambda _: self._list_tags(), "repository")

    # What is selected

    def _repository_selected(self, change: dict[str, list[str]]) -> None:
        if not self._is_filling:
            self._select_repository(_first(change["new"]))

    def _named(self, name: str) -> None:
        if self.registry in self.fleet:
            self._select_repository(name)

    def _select_repository(self, name: str) -> None:
        if name != self.repository:
            self._on_select()
            self.repository = name

    def _act(self, action: str, tags: Sequence[str]) -> None:
        act = {known.name: act for known, act in self._acts.items()}.get(action)
        if act is not None and self.registry and self.repository and tags:
            act(self.registry, [f"{self.repository}:{tag}" for tag in tags])

    def _inspect(self, tag: str) -> None:
        if self._on_inspect is not None and self.registry and self.repository:
            self._on_inspect(self.registry, self.repository, tag)

    # What is listed

    def _list_repositories(self) -> None:
        # First, so that nobody selects a row of the registry before.
        self._repositories.clear()
        self.repository = ""
        self._tasks.cancel("repositories", "tags", "details")
        self._offer()
        if self.registry not in self.fleet:
            why = self._why_no_repositories()
            self._tasks.show(lambda: self._repositories.clear(*why), key="repositories")
            return
        self._repositories.tell("loading", f"Asking {self.registry} …")
        work = self._load_repositories(self.fleet[self.registry])
        self._tasks.spawn(work, key="repositories", on_error=self._repositories.fail)

    def _offer(self) -> None:
        """Offer what can be done with the registry that is selected now."""
        name = self.registry if self.registry in self.fleet else ""
        self._by_name.enabled = bool(name)
        reason = no_pull_reason(self.fleet[name].config) if name else ""
        self._tags.change(_PULL.name, enabled=not reason, reason=reason)

    def _why_no_repositories(self) -> tuple[str, str]:
        # A link may name a registry that is not here, or no longer.
        if self.registry:
            return f"There is no registry {self.registry} here.", _ADD_IT
        return _SELECT_REGISTRY, ""

    def _list_tags(self) -> None:
        self._tasks.cancel("tags", "details")
        self._detailed.clear()
        self._in_sight, self._is_listing = [], False
        self._repositories.selected = [self.repository] if self.repository else []
        if not self.repository or self.registry not in self.fleet:
            self._tasks.show(lambda: self._tags.clear(_SELECT_REPOSITORY), key="tags")
            return
        self._tags.clear()
        self._tags.tell("loading", f"Asking for the tags of {self.repository} …")
        work = self._load_tags(self.fleet[self.registry], self.repository)
        self._tasks.spawn(work, key="tags", on_error=self._tags.fail)

    def _see(self, tags: list[str]) -> None:
        self._in_sight = tags
        missing = [tag for tag in tags if tag not in self._detailed]
        if missing and not self._is_listing and self.repository and self.registry in self.fleet:
            work = self._load_details(self.fleet[self.registry], self.repository, missing)
            self._tasks.spawn(work, key="details", on_error=self._tags.fail)

    async def _load_repositories(self, client: RegistryClient) -> None:
        try:
            found = await client.repositories()
        except UnsupportedError:
            # The error's own hint is for who calls Python.
            text = f"{client.name} offers no catalog."
            self._fill(lambda: self._repositories.clear(text, _TYPE_A_NAME))
            return
        except NotFoundError as e:
            self._repositories.tell("error", e.message, _TYPE_A_NAME, retry=True)
            return
        self._fill(lambda: self._repositories.show(found))
        if found.empty:
            text = f"{client.name} has no repositories yet."
            self._fill(lambda: self._repositories.clear(text))

    def _fill(self, change: Callable[[], object]) -> None:
        """Show the repositories; one that was named meanwhile stays, though it is none of them."""
        self._is_filling = True
        try:
            change()
        finally:
            self._is_filling = False

    async def _relist(self, client: RegistryClient) -> None:
        # Where repositories are not listed, what is selected was named.
        with contextlib.suppress(UnsupportedError, NotFoundError):
            self._repositories.show(await client.repositories())
        if self.repository:
            self._list_tags()

    async def _load_tags(self, client: RegistryClient, repository: str) -> None:
        found = await client.tags(repository)
        # A layout's names are read from the disk.
        pieces = await asyncio.to_thread(pull_pieces, client.config, repository, found["tag"])
        reason = "" if pieces else _NO_COMMAND
        self._tags.change(_COMMAND.name, enabled=bool(pieces), reason=reason, copies=pieces)
        listed = _listed_details(client, repository)
        self._is_listing = listed is not None
        self._tags.show(found[["tag"]])
        if found.empty:
            self._tags.clear(f"{repository} has no tags.")
        elif listed is not None:
            await self._load_listed(listed)

    async def _load_listed(self, listed: AsyncIterator[TagRecord]) -> None:
        """Show what a vendor's API tells of many tags at once, and ask only for the rest."""
        records: list[TagRecord] = []
        try:
            async for record in first(listed, _MAX_LISTED):
                records.append(record)
                if len(records) == _LISTED_BATCH:
                    self._show_listed(records)
                    records = []
        except GhostnbError:
            # Not where it was cancelled: by then another list may go on.
            self._is_listing = False
            raise
        self._show_listed(records)
        self._is_listing = False
        self._see(self._in_sight)

    def _show_listed(self, records: list[TagRecord]) -> None:
        if records:
            self._tags.put(tags_frame(records))
        # Not every vendor tells how large an index is: that is read when it comes in sight.
        self._detailed.update(one.tag for one in records if one.size_bytes is not None)

    async def _load_details(
        self, client: RegistryClient, repository: str, tags: Iterable[str]
    ) -> None:
        left = list(tags)
        while left:
            some, left = left[:_BATCH], left[_BATCH:]
            details = await client.tag_details(repository, some)
            self._tags.put(details)
            self._detailed.update(some)


def _listed_details(client: RegistryClient, repository: str) -> AsyncIterator[TagRecord] | None:
    registry = client.registry
    if not isinstance(registry, ListsDetails):
        return None
    return registry.listed_details(registry.repository(repository))


def _first(keys: list[str]) -> str:
    return keys[0] if keys else ""
