"""What is different between another image and the one that is shown."""

from functools import partial

import pandas as pd

from ghostnb.analysis import ImageDiff
from ghostnb.errors import GhostnbError, PlatformNotFoundError
from ghostnb.fleet import Fleet
from ghostnb.progress import Progress
from ghostnb.widgets.base import Panels
from ghostnb.widgets.form import Field, Form, SaidKind, Values
from ghostnb.widgets.image.sheet import Inspected
from ghostnb.widgets.states import reading
from ghostnb.widgets.summary import Summary
from ghostnb.widgets.table import Column, Table
from ghostnb.widgets.tasks import Tasks

__all__ = ["ImageComparison"]

_CHANGE = Column("change", "Change", width="84px")
_PACKAGES = [
    _CHANGE,
    Column("manager", "Manager", width="76px"),
    Column("name", "Package", width="minmax(8em, 1fr)"),
    Column("version_before", "Before", width="minmax(6em, 1fr)"),
    Column("version_after", "After", width="minmax(6em, 1fr)"),
]
_SETTINGS = [
    Column("field", "Setting", width="minmax(10em, 1fr)"),
    Column("before", "Before", width="minmax(8em, 1fr)"),
    Column("after", "After", width="minmax(8em, 1fr)"),
]
_LAYERS = [
    _CHANGE,
    Column("size_before", "Before", "bytes", "80px"),
    Column("size_after", "After", "bytes", "80px"),
    Column("created_by", "Made by", width="minmax(10em, 1fr)"),
]
_FILES = [
    _CHANGE,
    Column("path", "Path", width="minmax(12em, 1fr)"),
    Column("delta_bytes", "Difference", "bytes", "96px"),
    Column("size_after", "After", "bytes", "80px"),
]
_KINDS = {
    "packages": ("Packages", _PACKAGES),
    "config": ("Settings", _SETTINGS),
    "layers": ("Layers, from the base up", _LAYERS),
    "files": ("Files, the largest differences first", _FILES),
}


class ImageComparison(Panels):
    """Asks with which image the one that is shown is to be compared, and shows the result.

    Parameters
    ----------
    fleet : Fleet
        Where the other one may be.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._tasks = Tasks()
        self._inspected: Inspected | None = None
        self._form: Form | None = None
        self._choices: tuple[str, ...] = ()
        self._summary = Summary()
        self._tables = {
            kind: Table(columns, key="row", label=label, height="300px")
            for kind, (label, columns) in _KINDS.items()
        }
        grid = Panels([*self._tables.values()], "ghostnb-halves")
        self._result = Panels([self._summary, Panels([grid], "ghostnb-room")])
        super().__init__([self._result])
        self._result.layout.display = "none"

    def show(self, inspected: Inspected | None) -> None:
        """Ask for another image to be compared with; None for none."""
        self._tasks.cancel()
        self._inspected, self._choices = inspected, ()
        self._result.layout.display = "none"
        self.offer()

    def offer(self) -> None:
        """Offer the registries that the fleet has now."""
        inspected, choices = self._inspected, tuple(self._fleet)
        if self._form is not None and inspected is not None and choices == self._choices:
            return
        before, self._form, self._choices = self._form, None, choices
        if inspected is not None:
            self._form = self._asked(inspected)
        self.children = [*filter(None, [self._form]), self._result]
        if before is not None:
            before.close()

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()

    def _asked(self, inspected: Inspected) -> Form:
        here = inspected.client.name
        choices = tuple(sorted(self._fleet, key=lambda name: name != here))
        first = choices[0] if choices else ""
        return Form(
            f"Compare {inspected.image.name} with",
            [
                Field("registry", "In registry", "choice", value=first, choices=choices),
                Field(
                    "reference",
                    "Image",
                    value=f"{inspected.image.repository}:",
                    placeholder="team/app:1.0",
                    help="Before; this one is after. For the same platform, if it has that.",
                ),
            ],
            {"Compare": partial(self._ask, inspected), "Stop": lambda _: self._stop()},
        )

    def _ask(self, inspected: Inspected, values: Values) -> None:
        problems = {}
        name, reference = str(values["registry"]), str(values["reference"]).strip()
        if name not in self._fleet:
            problems["registry"] = f"{name} is not among the registries any more."
        else:
            try:
                self._fleet[name].registry.reference(reference)
            except GhostnbError as e:
                problems["reference"] = str(e)
        self._say(problems=problems)
        if not problems:
            # What is there is of another comparison.
            self._result.layout.display = "none"
            self._say("Reading the layers …", "working")
            work = self._load(inspected, name, reference)
            self._tasks.spawn(work, key="compare", on_error=self._fail)

    def _stop(self) -> None:
        # Where it was told how far it is, so that nothing is told after this.
        self._tasks.spawn(self._stopped(), key="compare", on_error=self._fail)

    async def _stopped(self) -> None:
        self._say()

    def _say(
        self, text: str = "", kind: SaidKind = "", problems: dict[str, str] | None = None
    ) -> None:
        if self._form is not None:
            self._form.tell(text, kind, problems)

    def _fail(self, error: GhostnbError) -> None:
        self._say(str(error), "error")

    async def _load(self, inspected: Inspected, registry: str, reference: str) -> None:
        diff = partial(
            self._fleet[registry].diff,
            reference,
            inspected.reference,
            registry=inspected.client,
            progress=self._tell,
        )
        try:
            found = await diff(platform=inspected.image.platform)
        except PlatformNotFoundError:
            # Then with what it has; the title says so.
            found = await diff()
        self._say()
        await self._show_difference(_title(reference, inspected.image.name, found), found)

    def _tell(self, step: Progress) -> None:
        self._say(reading(step), "working")

    async def _show_difference(self, title: str, found: ImageDiff) -> None:
        errors = [one["message"] for one in found.files.attrs["errors"]]
        sizes = {"Before": found.before.size_bytes, "After": found.after.size_bytes}
        self._summary.say(title, found.changes, sizes=sizes, notes=errors)
        files = found.files.sort_values("delta_bytes", key=abs, ascending=False, kind="stable")
        frames = {
            "packages": found.packages,
            "config": found.config,
            "layers": found.layers,
            "files": files,
        }
        for kind, frame in frames.items():
            await _fill(self._tables[kind], frame)
        self._result.layout.display = ""


def _title(before: str, after: str, found: ImageDiff) -> str:
    first, second = found.before.platform, found.after.platform
    if first == second:
        return f"From {before} to {after}" + (f", {first}" if first else "")
    return f"From {before} ({first or 'no platform'}) to {after} ({second or 'no platform'})"


async def _fill(table: Table, frame: pd.DataFrame) -> None:
    if frame.empty:
        table.clear("No difference.")
    else:
        await table.load(frame.assign(row=[str(number) for number in range(len(frame))]))
