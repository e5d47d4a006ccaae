"""The daemon's containers: their state, what they say, and what can be done with them."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pandas as pd

from ghostnb.engine import Engine
from ghostnb.errors import GhostnbError
from ghostnb.widgets.actions import Action
from ghostnb.widgets.activity.own import OnEvent, failed_event, own_event
from ghostnb.widgets.base import Panels
from ghostnb.widgets.log import Log
from ghostnb.widgets.table import Column, Table
from ghostnb.widgets.tasks import Tasks
from ghostnb.widgets.toolbar import Toolbar

__all__ = ["Containers"]

_COLUMNS = [
    Column("name", "Name"),
    Column("id", "ID", "digest", "118px"),
    Column("image", "Image"),
    Column("state", "State", width="80px"),
    Column("status", "Status", width="150px"),
    Column("ports", "Ports"),
    Column("start", "Start", "action", "66px"),
    Column("stop", "Stop", "action", "64px"),
    Column("remove", "Remove", "action", "92px"),
]
_DONE = {"start": "was started", "stop": "was stopped", "remove": "was removed"}
_NONE = "No containers yet: create one from an image."
_SELECT = "Select a container to read its log."
# A log may end a moment before the daemon calls its container exited.
_UNTIL_EXITED_SECONDS = (0.1, 0.4, 1.5, 6.0)


class Containers(Panels):
    """Every container of a daemon, and the log of the one that is selected.

    Parameters
    ----------
    engine : Engine
    on_reload : callable, optional
        Called whenever the containers are asked for: what is said of them elsewhere may be
        another by now.
    on_event : callable, optional
        Told the event of a container that was started, stopped or removed here, or could not be.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        on_reload: Callable[[], object] = lambda: None,
        on_event: OnEvent = lambda _: None,
    ) -> None:
        self._engine, self._on_reload, self._on_event = engine, on_reload, on_event
        self._names: dict[str, str] = {}
        self._tasks = Tasks()
        self._questions, self._answered = itertools.count(1), 0
        self._table = Table(
            _COLUMNS,
            key="id",
            label="Containers",
            height="clamp(280px, 40vh, 560px)",
            on_action=self._act,
            on_retry=self.reload,
        )
        self._table.clear(_NONE)
        self._log = Log("Log", placeholder=_SELECT)
        self._buttons = Toolbar("Containers", {Action("refresh", "Refresh"): self.reload})
        super().__init__([Panels([self._table, self._buttons], "ghostnb-column"), self._log])
        self._table.observe(self._selected, "selected")

    def reload(self) -> None:
        """Ask for the containers anew."""
        self._tasks.spawn(self._load(), key="list", on_error=self._table.fail)

    def show(self, container: str) -> None:
        """Show a container's log."""
        self.reload()
        self._table.selected = [container]
        self.focus()

    def focus(self) -> None:
        """Let the keyboard go on at the containers, unless it is outside of the dashboard."""
        self._table.focus()

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()

    def _selected(self, change: dict[str, list[str]]) -> None:
        self._tasks.cancel("log")
        self._log.clear()
        self._log.placeholder = "It has said nothing yet." if change["new"] else _SELECT
        if change["new"]:
            work = self._follow(change["new"][0])
            self._tasks.spawn(work, key="log", on_error=lambda e: self._log.add([str(e)]))

    def _act(self, action: str, container: str) -> None:
        acts: dict[str, Callable[[str], Awaitable[None]]] = {
            "start": self._engine.start,
            "stop": self._engine.stop,
            "remove": self._engine.remove,
        }

        name = self._names.get(container, container[:12])

        async def work() -> None:
            try:
                await acts[action](container)
            except GhostnbError as e:
                self._on_event(failed_event(f"container-{action}", e))
                raise
            self._on_event(own_event(f"container-{action}", f"{name} {_DONE[action]}."))
            self._table.tell("ready")
            await self._load()
            if action != "remove" and container in self._table.selected:
                self._selected({"new": [container]})

        def fail(error: GhostnbError) -> None:
            self._table.tell("error", error.message, error.hint)

        self._tasks.spawn(work(), key=f"act {container}", on_error=fail)

    async def _load(self) -> pd.DataFrame:
        self._on_reload()
        question = next(self._questions)
        found: pd.DataFrame = await self._engine.containers()
        # Of two that are asked at once, the earlier may be answered last.
        if question > self._answered:
            self._answered = question
            self._names = dict(zip(found["id"], found["name"], strict=True))
            self._table.show(found)
            if found.empty:
                self._table.clear(_NONE)
        return found

    async def _follow(self, container: str) -> None:
        async with aclosing(self._engine.logs(container, follow=True)) as log:
            async for line in log:
                self._log.add([line])
        for pause in (0.0, *_UNTIL_EXITED_SECONDS):
            await asyncio.sleep(pause)
            found = await self._load()
            if "running" not in set(found["state"][found["id"] == container]):
                break
