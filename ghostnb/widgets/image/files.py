"""The files of an image: what each layer changes, what folders take, and what is wasted."""

import humanize

from ghostnb.errors import GhostnbError
from ghostnb.progress import Progress
from ghostnb.registries.threads import finished
from ghostnb.widgets.actions import Action
from ghostnb.widgets.base import Panels
from ghostnb.widgets.image.contents import Contents
from ghostnb.widgets.image.sheet import Inspected
from ghostnb.widgets.picture_view import PictureView
from ghostnb.widgets.states import reading
from ghostnb.widgets.summary import Summary
from ghostnb.widgets.table import Column, Table
from ghostnb.widgets.tasks import Tasks
from ghostnb.widgets.toolbar import Toolbar
from ghostnb.widgets.words import counted

__all__ = ["ImageFiles"]

_FILES = [
    Column("path", "Path", width="minmax(14em, 4fr)"),
    Column("size_bytes", "Size", "bytes", "80px"),
    Column("change", "Change", width="84px"),
    Column("layer", "Layer", "number", "64px"),
    Column("mode", "Mode", width="100px"),
    Column("link", "Leads to", width="minmax(8em, 2fr)", is_optional=True),
]
_WASTED = [
    Column("path", "Path", width="minmax(12em, 1fr)"),
    Column("times", "Written", "number", "76px"),
    Column("cumulative_bytes", "Bytes", "bytes", "80px"),
]


class ImageFiles(Panels):
    """Reads the files of an image when it is asked to, and shows them."""

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._inspected: Inspected | None = None
        self._contents: Contents | None = None
        # What is entered, and what the picture shows: an older one leads nowhere.
        self._folder = self._drawn = "/"
        self._summary = Summary()
        self._table = Table(
            _FILES, key="key", label="Files by layer", height="380px", on_retry=self._read
        )
        self._wasted = Table(_WASTED, key="path", label="Written more than once")
        self._picture = PictureView(on_activate=self._enter, on_retry=self._draw)
        self._buttons = Toolbar(
            "Files",
            {
                Action("read", "Read the files"): self._read,
                Action("stop", "Stop", enabled=False): self._stop,
                Action("up", "Up", enabled=False): self._leave,
            },
        )
        self._result = Panels([self._picture, self._wasted], "ghostnb-halves")
        halves = Panels([self._result], "ghostnb-room")
        head = Panels([self._summary, self._buttons], "ghostnb-column")
        super().__init__([head, halves, self._table])
        self.show(None)

    def show(self, inspected: Inspected | None) -> None:
        """Show another image, whose files are not read yet; None for none."""
        self._tasks.cancel()
        self._inspected, self._contents = inspected, None
        self._folder = self._drawn = "/"
        self._wait()

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()

    def _wait(self) -> None:
        """Say what reading the files costs."""
        self._result.layout.display = "none"
        for table in (self._table, self._wasted):
            table.clear()
        self._offer()
        if self._inspected is None:
            return
        image = self._inspected.image
        count = counted(len(image.layers), "layer")
        self._summary.say(f"Files of {image.name}")
        size = humanize.naturalsize(sum(one.size_bytes for one in image.layers))
        self._table.clear(f"Not read yet: {count}, {size}.")

    def _offer(self, *, is_reading: bool = False) -> None:
        is_read = self._contents is not None
        self._buttons.change("read", enabled=not (is_reading or is_read))
        self._buttons.change("stop", enabled=is_reading)
        self._buttons.change("up", enabled=is_read and self._folder != "/")

    def _read(self) -> None:
        if self._inspected is None:
            return
        self._offer(is_reading=True)
        self._table.clear()
        self._table.tell("loading", "Reading the layers …")
        self._tasks.spawn(self._load(self._inspected), key="read", on_error=self._fail)

    def _stop(self) -> None:
        # Where it was told how far it is, so that nothing is told after this.
        self._tasks.spawn(self._stopped(), key="read", on_error=self._fail)

    async def _stopped(self) -> None:
        self._wait()

    def _fail(self, error: GhostnbError) -> None:
        self._offer()
        self._table.fail(error)

    async def _load(self, inspected: Inspected) -> None:
        files = await inspected.client.files(inspected.reference, progress=self._tell)
        contents = await finished(Contents.of, inspected.image.name, files)
        picture = await finished(contents.picture)
        self._contents = contents
        errors = [one["message"] for one in files.attrs["errors"]]
        title = f"Files of {inspected.image.name}"
        self._summary.say(title, contents.text, sizes=contents.sizes, notes=errors)
        self._picture.show(picture)
        await self._wasted.load(contents.wasted)
        if contents.wasted.empty:
            self._wasted.clear("Nothing: each file is written once.")
        await self._table.load(contents.files)
        if files.empty:
            self._table.clear("There are no files in it.")
        self._result.layout.display = ""
        self._offer()

    def _tell(self, step: Progress) -> None:
        self._table.tell("loading", reading(step))

    # Folders

    def _enter(self, name: str) -> None:
        if self._contents is None or self._drawn != self._folder:
            return
        if name.endswith("/"):
            self._folder = f"{self._folder}{name}"
            self._draw()
        else:
            key = self._contents.key_of(f"{self._folder}{name}")
            self._table.selected = [key] if key else []
            self._table.focus()

    def _leave(self) -> None:
        self._folder = f"{self._folder.rstrip('/').rpartition('/')[0]}/"
        self._draw()

    def _draw(self) -> None:
        if self._contents is not None:
            self._offer()
            work = self._redraw(self._contents, self._folder)
            self._tasks.spawn(work, key="folder", on_error=self._picture.fail)

    async def _redraw(self, contents: Contents, folder: str) -> None:
        picture = await finished(contents.picture, folder)
        self._drawn = folder
        self._picture.show(picture)
