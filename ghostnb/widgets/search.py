"""Search across registries, each with its own answer."""

from collections.abc import Callable
from typing import Any

import traitlets

from ghostnb.errors import GhostnbError
from ghostnb.fleet import Fleet
from ghostnb.pull_commands import no_pull_reason
from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet
from ghostnb.widgets.states import StateKind, state
from ghostnb.widgets.table import plain
from ghostnb.widgets.tasks import Tasks

__all__ = ["SearchPanel"]

OnImage = Callable[[str, str], object]
_KINDS = {
    "registry": "text",
    "repository": "text",
    "tag": "text",
    "digest": "digest",
    "size_bytes": "bytes",
    "created": "time",
    "description": "text",
    "pull_count": "number",
    "official": "text",
}


class SearchPanel(View):
    """A query, asked of all registries at once.

    What is found shows registry by registry. One that fails says so in its own
    line, and hides none of the others; searching again drops what comes late.

    Parameters
    ----------
    fleet : Fleet
    on_inspect, on_pull, on_create : callable, optional
        Told the registry's name and the reference that is to be looked at,
        pulled, or made a container of.
    limit : int, optional
        At most so many results from each registry.

    Attributes
    ----------
    query : str
        What was searched for last.
    """

    _esm = javascript("format", "search")
    _css = stylesheet("search")

    _registries: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _answers: traitlets.List[Any] = traitlets.List().tag(sync=True)
    _found: traitlets.List[Any] = traitlets.List().tag(sync=True)
    query = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        fleet: Fleet,
        *,
        on_inspect: OnImage | None = None,
        on_pull: OnImage | None = None,
        on_create: OnImage | None = None,
        limit: int = 25,
    ) -> None:
        super().__init__(_registries=list(fleet))
        self._fleet, self._limit = fleet, limit
        self._tasks = Tasks()
        self._by_registry: dict[str, list[dict[str, Any]]] = {}
        self._presses = {"inspect": on_inspect, "pull": on_pull, "create": on_create}
        self.on_msg(self._answer)

    def search(self, query: str, registry: str = "") -> None:
        """Search, in place of what was searched before.

        Parameters
        ----------
        query : str
        registry : str, optional
            Only this one.
        """
        names = [registry] if registry else list(self._fleet)
        self._tasks.cancel()
        self.query = query
        self._by_registry = {name: [] for name in names}
        self._found = []
        self._answers = [_line(name, "loading", "searching …") for name in names]
        for name in names:
            self._ask(name)

    def reload(self) -> None:
        """Offer the registries that the fleet has now."""
        self._registries = list(self._fleet)

    def close(self) -> None:
        """End what goes on, and the widget."""
        self._tasks.cancel()
        super().close()

    def _ask(self, name: str) -> None:
        def fail(error: GhostnbError) -> None:
            self._tell(_line(name, "error", error.message, error.hint, retry=True))

        self._tasks.spawn(self._load(name, self.query), key=name, on_error=fail)

    async def _load(self, name: str, query: str) -> None:
        found = await self._fleet[name].search(query, limit=self._limit)
        columns = {column: plain(found[column], kind) for column, kind in _KINDS.items()}
        rows = zip(*columns.values(), strict=True)
        no_pull = no_pull_reason(self._fleet[name].config)
        self._by_registry[name] = [
            {**dict(zip(columns, row, strict=True)), "no_pull": no_pull} for row in rows
        ]
        self._found = [image for images in self._by_registry.values() for image in images]
        count = f"{len(found)} found" if len(found) else "nothing found"
        missed = found.attrs.get("errors", [])
        if missed:
            self._tell(_line(name, "partial", f"{count}; {len(missed)} could not be read"))
        else:
            self._tell(_line(name, "ready", count))

    def _tell(self, line: dict[str, Any]) -> None:
        self._answers = [
            line if known["registry"] == line["registry"] else known for known in self._answers
        ]

    def _answer(self, widget: object, message: dict[str, Any], buffers: object) -> None:
        kind = message.get("kind", "")
        if kind == "search":
            self.search(message["query"], message["registry"])
        elif kind == "retry" and message["registry"] in self._by_registry:
            self._tell(_line(message["registry"], "loading", "searching …"))
            self._ask(message["registry"])
        elif press := self._presses.get(kind):
            press(message["registry"], _reference(message["repository"], message["tag"]))


def _line(
    name: str, kind: StateKind, text: str, hint: str = "", *, retry: bool = False
) -> dict[str, Any]:
    return {"registry": name, **state(kind, text, hint, retry=retry)}


def _reference(repository: str, tag: str | None) -> str:
    return repository if tag is None else f"{repository}:{tag}"
