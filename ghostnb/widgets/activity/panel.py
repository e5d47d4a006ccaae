"""What happened: a table that grows while it is looked at."""

import asyncio
from collections.abc import Callable, Mapping

from ghostnb.errors import GhostnbError
from ghostnb.loop import schedule
from ghostnb.widgets.actions import Action
from ghostnb.widgets.activity.listening import EventFeed, Listening
from ghostnb.widgets.activity.rows import COLUMNS, event_rows, milliseconds, sentence, what
from ghostnb.widgets.base import Panels
from ghostnb.widgets.states import state
from ghostnb.widgets.summary import Summary
from ghostnb.widgets.table import Table
from ghostnb.widgets.tasks import Tasks
from ghostnb.widgets.toolbar import Toolbar
from ghostnb.wire.events import Event

__all__ = ["ActivityPanel"]

OnShow = Callable[[str, str, str], object]

_MOST_EVENTS = 1_000
# So many more are shown before the oldest go: the rows are sent anew then.
_SPARE_EVENTS = 200
# A page that opens later is sent as many messages.
_MOST_BATCHES = 100
# A registry may tell a thousand events at once: a message each would fill the connection.
_COLLECT_SECONDS = 0.2
_NOTHING = "Nothing has happened yet."
_WHAT_WOULD_BE = (
    "Pulls, saves, pushes, copies and deletions, registries that are added or removed, and what "
    "becomes of containers stand here as they happen."
)
_ALONE = (
    "Only what this page does. To see what others do, too, start an agent (ghostnb agent), and "
    "a dashboard over it: ghostnb dashboard --agent URL, in a notebook Fleet.from_agent."
)
_SELECT = "Select something that happened."
_NOWHERE = "It does not say where that is."


class ActivityPanel(Panels):
    """What this page did, and what an agent tells: the last thousand events, the newest first.

    Parameters
    ----------
    feed : EventFeed or None
        Who tells what others do.
    registries : mapping
        By name, those that can be gone to.
    on_show : callable, optional
        Told the registry, the repository and the tag that somebody wants to see; the last two
        may be empty.

    Notes
    -----
    The feed is listened to from when somebody sees the panel, which `reload` says; it tells what
    has happened before, too. Events travel as messages, so that no notebook saves them.
    """

    def __init__(
        self,
        feed: EventFeed | None,
        registries: Mapping[str, object],
        *,
        on_show: OnShow | None = None,
    ) -> None:
        self._registries, self._on_show = registries, on_show
        self._tasks = Tasks()
        self._events: dict[str, Event] = {}
        self._fresh: dict[str, Event] = {}
        self._is_due = self._is_listening = False
        self._batches = 0
        self._error: GhostnbError | None = None
        self._url = feed.url if feed else ""
        self._listening = (
            Listening(feed, on_event=self._take, on_change=self._show_state) if feed else None
        )
        self._make()
        super().__init__([Panels([self._table, self._buttons], "ghostnb-column"), self._summary])
        self._table.observe(lambda _: self._describe(), "selected")
        self._show_state()
        self._describe()

    def add(self, event: Event) -> None:
        """Show an event, with what else comes in the next moment."""
        schedule(self._add(event))

    def reload(self) -> None:
        """Begin to listen, for somebody sees the panel now."""
        self._tasks.spawn(self._reload(), key="reload", on_error=self._fail)

    def focus(self) -> None:
        """Let the keyboard go on at the events, unless it is outside of the dashboard."""
        self._table.focus()

    def close(self) -> None:
        """Listen no more, and end the widgets."""
        self._tasks.cancel()
        super().close()

    def _make(self) -> None:
        self._table = Table(
            COLUMNS,
            key="id",
            label="Activity",
            newest="time",
            height="clamp(320px, 60vh, 720px)",
            on_activate=lambda _: self._show(),
            on_retry=self._retry,
        )
        self._buttons = Toolbar("Activity", {Action("show", "Show it", enabled=False): self._show})
        self._summary = Summary()

    # What is heard

    async def _reload(self) -> None:
        self._describe()
        if self._listening is not None and self._is_listening and self._error is None:
            self._listening.forget_missing()
        else:
            await self._listen()

    def _retry(self) -> None:
        self._tasks.spawn(self._listen(), key="reload", on_error=self._fail)

    async def _listen(self) -> None:
        """Listen anew, from the I/O loop: there `Listening.run` changes the same state."""
        if self._listening is None:
            return
        self._is_listening, self._error = True, None
        self._tasks.spawn(self._listening.run(), key="listen", on_error=self._fail)
        self._show_state()

    def _fail(self, error: GhostnbError) -> None:
        self._error = error
        self._show_state()

    async def _add(self, event: Event) -> None:
        self._take(event)

    def _take(self, event: Event) -> None:
        """Take an event on the I/O loop; one that is known already is no other."""
        if event.id in self._events:
            return
        self._events[event.id] = self._fresh[event.id] = event
        if not self._is_due:
            self._is_due = True
            schedule(self._show_soon())

    async def _show_soon(self) -> None:
        await asyncio.sleep(_COLLECT_SECONDS)
        self._is_due = False
        fresh, self._fresh = self._fresh, {}
        # The state changes once, however it comes about.
        with self._table.hold_sync():
            self._batches += 1
            if len(self._events) > _MOST_EVENTS + _SPARE_EVENTS or self._batches > _MOST_BATCHES:
                self._batches = 0
                self._table.show(event_rows(self._newest()))
            else:
                self._table.put(event_rows([*fresh.values()]))
            self._show_state()

    def _newest(self) -> list[Event]:
        """Forget the oldest, and give what is left."""
        events = sorted(self._events.values(), key=milliseconds)[-_MOST_EVENTS:]
        self._events = {event.id: event for event in events}
        return events

    # What is shown

    def _show_state(self) -> None:
        now = self._listening.state if self._listening else state("ready")
        if self._error is not None:
            self._table.fail(self._error)
        elif now["kind"] == "ready" and not self._events:
            self._table.tell("empty", _NOTHING, _WHAT_WOULD_BE)
        else:
            self._table.tell(now["kind"], now["text"], now["hint"], retry=now["retry"])

    @property
    def _selected(self) -> Event | None:
        return self._events.get(self._table.selected[0]) if self._table.selected else None

    def _describe(self) -> None:
        event = self._selected
        place = self._place(event)
        reason = "" if place else self._why_nowhere(event)
        self._buttons.change("show", enabled=place is not None, reason=reason)
        if event is None:
            text = f"Told by the agent at {self._url}, and by this page." if self._url else _ALONE
            self._summary.say("What happened", text)
            return
        title = " ".join(filter(None, (event.action, what(event) or event.registry)))
        sizes = {} if event.size_bytes is None else {"Size": event.size_bytes}
        self._summary.say(title, sentence(event), sizes=sizes)

    def _place(self, event: Event | None) -> tuple[str, str, str] | None:
        """Say where an event's registry, repository and tag are, if that is here."""
        if event is None or not event.registry or event.registry not in self._registries:
            return None
        is_gone = event.action == "delete" and event.outcome == "success"
        tag = "" if is_gone or not event.repository else event.tag or ""
        return event.registry, event.repository or "", tag

    def _why_nowhere(self, event: Event | None) -> str:
        if event is None:
            return _SELECT
        if not event.registry:
            return _NOWHERE
        return f"There is no registry {event.registry} here."

    def _show(self) -> None:
        place = self._place(self._selected)
        if place is not None and self._on_show is not None:
            self._on_show(*place)
