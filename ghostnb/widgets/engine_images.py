"""The daemon's images: what they are called, how large they are, and who uses them."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import pandas as pd

from ghostnb.engine import Engine
from ghostnb.errors import InvalidReferenceError
from ghostnb.image_push import EngineImage
from ghostnb.oci import Reference
from ghostnb.registries.concurrency import both
from ghostnb.widgets.actions import Action
from ghostnb.widgets.base import Panels
from ghostnb.widgets.table import Column, Table
from ghostnb.widgets.tasks import Tasks
from ghostnb.widgets.toolbar import Toolbar

__all__ = ["EngineImages", "image_rows"]

_COLUMNS = [
    Column("name", "Image", width="minmax(12em, 3fr)"),
    Column("id", "ID", "digest", "160px"),
    Column("digest", "Digest", "digest", "160px", is_optional=True),
    Column("size_bytes", "Size", "bytes", "90px"),
    Column("created", "Created", "time", "130px"),
    Column("containers", "Containers", "number", "96px"),
]
_PUSH = Action("push", "Push to…")
# As many digits of an id as daemons show.
_SHORT_ID = 12
_NONE = "No images yet: pull one."
_UNNAMED = "(no name)"
OnPush = Callable[[list[EngineImage]], object]


class EngineImages(Panels):
    """Every image of a daemon, one row a name, of which some can be selected.

    Parameters
    ----------
    engine : Engine
    on_push : callable, optional
        Told the selected images, as `EngineImage`, that are to be pushed.
    """

    def __init__(self, engine: Engine, *, on_push: OnPush | None = None) -> None:
        self._engine, self._on_push = engine, on_push
        self._tasks = Tasks()
        self._images: dict[str, EngineImage] = {}
        self._table = Table(
            _COLUMNS,
            key="key",
            label="Images",
            multiple=True,
            height="clamp(240px, 34vh, 480px)",
            actions=[_PUSH] if on_push else [],
            on_press=self._press,
            on_retry=self.reload,
        )
        self._table.clear(_NONE)
        buttons = Toolbar("Images", {Action("refresh", "Refresh images"): self.reload})
        super().__init__([Panels([self._table, buttons], "ghostnb-column")])

    def reload(self) -> None:
        """Ask for the images anew."""
        self._tasks.spawn(self._load(), key="list", on_error=self._table.fail)

    def focus(self) -> None:
        """Let the keyboard go on at the images, unless it is outside of the dashboard."""
        self._table.focus()

    def close(self) -> None:
        """End what goes on, and the widgets."""
        self._tasks.cancel()
        super().close()

    async def _load(self) -> None:
        images, containers = await both(self._engine.images(), self._engine.containers())
        rows = image_rows(images, containers)
        self._images = {
            row.key: EngineImage(row.id, "" if row.name == _UNNAMED else row.name, row.size)
            for row in rows.assign(size=rows["size_bytes"].fillna(0)).itertuples()
        }
        self._table.show(rows)
        if rows.empty:
            self._table.clear(_NONE)

    def _press(self, action: str, keys: Iterable[str]) -> None:
        chosen = [self._images[key] for key in keys if key in self._images]
        if self._on_push is not None and action == _PUSH.name and chosen:
            self._on_push(chosen)


def image_rows(images: pd.DataFrame, containers: pd.DataFrame) -> pd.DataFrame:
    """Give the rows of the table: each image by its name, and how many containers use it.

    Parameters
    ----------
    images, containers : pandas.DataFrame
        Of an `Engine`.
    """
    has_name = images["repository"].notna() & images["tag"].notna()
    names = (images["repository"] + ":" + images["tag"]).where(has_name, _UNNAMED)
    ids = dict(zip(names[has_name], images["id"][has_name], strict=True))
    used = Counter(_image_id(name, ids, images["id"]) for name in containers["image"].dropna())
    return images[["id", "digest", "size_bytes", "created"]].assign(
        key=names.where(has_name, images["id"]),
        name=names,
        containers=images["id"].map(lambda one: used[one]).astype("Int64"),
    )


def _image_id(image: str, ids: Mapping[str, str], all_ids: Iterable[str]) -> str:
    """Find the id of what a container was made of: the daemon says a name, or else an id."""
    # A name may look like the beginning of an id: "db".
    with suppress(InvalidReferenceError):
        if by_name := ids.get(str(Reference.parse(image))):
            return by_name
    digits = image.removeprefix("sha256:")
    if len(digits) < _SHORT_ID:
        return ""
    return next((one for one in all_ids if one.startswith(f"sha256:{digits}")), "")
