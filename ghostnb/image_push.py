"""Images of a daemon pushed to a registry: looked at, shown, and then done."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ghostnb.client import RegistryClient
from ghostnb.engine import Engine
from ghostnb.errors import (
    GhostnbError,
    IncompleteError,
    InvalidReferenceError,
    NotFoundError,
    PathError,
)
from ghostnb.frames.schema import COUNT, TEXT
from ghostnb.oci import Manifest, Reference
from ghostnb.progress import Progress
from ghostnb.registries.concurrency import for_each
from ghostnb.transfer import Pushed

__all__ = ["EngineImage", "ImagePush"]

_COLUMNS = {
    "action": TEXT,
    "image": TEXT,
    "id": TEXT,
    "size_bytes": COUNT,
    "target_registry": TEXT,
    "target_repository": TEXT,
    "target_tag": TEXT,
    "target_digest": TEXT,
}
_KEY = ("action", "target_repository", "target_tag")
_LOOKS_AT_ONCE = 8
_MOVED = "The tag there has changed since: plan it again."


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An image that a daemon has.

    Attributes
    ----------
    id : str
    name : str
        ``repository:tag``, in Docker's familiar form; empty if it has none.
    size_bytes : int
        Unpacked.
    """

    id: str
    name: str
    size_bytes: int

    @property
    def title(self) -> str:
        """What it is called."""
        return self.name or self.id.removeprefix("sha256:")[:12]

    @property
    def own_name(self) -> str:
        """The name without the registry's host; empty if it has none that a registry takes."""
        try:
            reference = Reference.parse(self.name)
        except InvalidReferenceError:
            return ""
        repository = reference.repository
        if reference.registry == "docker.io":
            repository = repository.removeprefix("library/")
        return f"{repository}:{reference.tag}"


@dataclass(slots=True)
class _Row:
    """An image, where it goes, and what became of it."""

    image: EngineImage
    there: Reference
    digest: str | None = None
    is_same: bool = False
    outcome: str = "waiting"
    error: str = ""
    failure: GhostnbError | None = None
    pushed: Pushed | None = None

    @property
    def action(self) -> str:
        if self.is_same:
            return "keep"
        return "update" if self.digest else "push"

    @property
    def size_bytes(self) -> int:
        return max(self.image.size_bytes, 1)


class ImagePush:
    """Images that are exported from a daemon and pushed to a registry, one after the other.

    Made by `look`. The registry's credentials stay here: the daemon is not told them, and so
    need not reach the registry, either.

    Parameters
    ----------
    engine : Engine
    target : RegistryClient
    rows : sequence
    """

    bytes_freed = bytes_moved = 0
    what_if = False

    def __init__(self, engine: Engine, target: RegistryClient, rows: Sequence[_Row]) -> None:
        self._engine, self._target, self._rows = engine, target, rows
        self._turn = asyncio.Lock()

    @classmethod
    async def look(
        cls,
        engine: Engine,
        target: RegistryClient,
        images: Iterable[EngineImage],
        names: Iterable[str],
    ) -> "ImagePush":
        """See what has the names now.

        Parameters
        ----------
        engine : Engine
        target : RegistryClient
        images : iterable of EngineImage
        names : iterable of str
            ``repository:tag`` for each, in the target.

        Raises
        ------
        EngineUnreachableError
            If no daemon answers.
        RegistryError
        """
        await engine.ping()
        references = [target.registry.reference(name) for name in names]
        rows = [_Row(*pair) for pair in zip(images, references, strict=True)]

        async def find(row: _Row) -> None:
            row.digest, row.is_same = await _found(target, row)

        await for_each(find, rows, workers=_LOOKS_AT_ONCE)
        return cls(engine, target, rows)

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences to be read before."""
        count = sum(row.action == "update" for row in self._rows)
        which = "1 tag there is" if count == 1 else f"{count:,} tags there are"
        return (f"{which} another image now, and will be overwritten.",) if count else ()

    @property
    def frame(self) -> pd.DataFrame:
        """What would happen: one row an image; ``keep`` for what the registry has already."""
        rows = [
            (
                row.action,
                row.image.title,
                row.image.id,
                row.image.size_bytes,
                self._target.name,
                row.there.repository,
                row.there.tag,
                row.digest,
            )
            for row in self._rows
        ]
        return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(_COLUMNS)

    @property
    def results(self) -> pd.DataFrame:
        """What became of those that go."""
        rows = [
            (row.action, row.there.repository, row.there.tag, row.outcome, row.error or None)
            for row in self._going()
        ]
        columns = [*_KEY, "outcome", "error"]
        return pd.DataFrame(rows, columns=columns).astype(TEXT)

    @property
    def pushed(self) -> list[Pushed]:
        """What was sent so far, in its order; what the registry had already is not in it."""
        return [row.pushed for row in self._rows if row.pushed is not None]

    async def apply(self, *, progress: Callable[[Progress], None]) -> pd.DataFrame:
        """Push what is not pushed yet. One that fails stops no other.

        Raises
        ------
        IncompleteError
            At the end, if one failed; its cause is what the first failed with.
        """
        async with self._turn:
            left = [row for row in self._going() if row.outcome in ("waiting", "failed")]
            told = _Told(progress, sum(row.size_bytes for row in left))
            for row in left:
                row.outcome, row.error = "waiting", ""
                await self._try(row, told)
                told.end_image(row)
            if failed := [row for row in left if row.outcome == "failed"]:
                said = f"{len(failed)} of {len(left)} failed: {failed[0].error}"
                raise IncompleteError(said) from failed[0].failure
            return self.results

    def _going(self) -> list[_Row]:
        return [row for row in self._rows if row.action != "keep"]

    async def _try(self, row: _Row, told: "_Told") -> None:
        try:
            row.outcome, row.error = await self._push(row, told)
        except GhostnbError as e:
            row.outcome, row.error, row.failure = "failed", str(e), e

    async def _push(self, row: _Row, told: "_Told") -> tuple[str, str]:
        digest, is_same = await _found(self._target, row)
        if is_same:
            return "done", ""  # it arrived, and only the answer did not
        if digest != row.digest:
            return "skipped", _MOVED
        async with _directory() as directory:
            path = directory / "image.tar"
            async with aclosing(self._engine.save(row.image.id, path)) as steps:
                async for step in steps:
                    told.exported(row, step.overall_current_bytes)
            told.exported(row, row.size_bytes, is_done=True)
            # That took its time.
            if (await _found(self._target, row))[0] != row.digest:
                return "skipped", _MOVED
            name = f"{row.there.repository}:{row.there.tag}"
            row.pushed = await self._target.push(path, name, progress=told.pushed)
        return "done", ""


class _Told:
    """Steps of each image, as steps of the whole.

    How many bytes a layer has when it is compressed, is known when it is: so the whole counts
    the images' own sizes, one half of each for its export and one for its push.
    """

    def __init__(self, progress: Callable[[Progress], None], total: int) -> None:
        self._progress, self._total = progress, total
        self._before = self._half = self._size = self._current = 0

    def exported(self, row: _Row, size_bytes: int, *, is_done: bool = False) -> None:
        """Tell how much of an image is exported."""
        size = self._size = row.size_bytes
        self._half = min(size_bytes, size) // 2
        status = "Exported" if is_done else "Exporting"
        self._tell(Progress(row.image.id, status, min(size_bytes, size), size, done=is_done), 0)

    def pushed(self, step: Progress) -> None:
        """Tell how much of what was exported has been pushed."""
        part = step.overall_current_bytes / max(step.overall_total_bytes, 1)
        self._tell(step, part)

    def end_image(self, row: _Row) -> None:
        """Note that the next image's turn comes."""
        self._before += row.size_bytes
        self._half = self._size = 0

    def _tell(self, step: Progress, part: float) -> None:
        current = self._before + self._half + int(self._size / 2 * part)
        # What is compressed becomes more to be sent: the bar stays where it was.
        self._current = max(self._current, current)
        self._progress(
            Progress(
                step.item,
                step.status,
                step.current_bytes,
                step.total_bytes,
                self._current,
                self._total,
                step.done,
            )
        )


async def _found(target: RegistryClient, row: _Row) -> tuple[str | None, bool]:
    """Give the digest of what has the name now, and whether that is the image.

    Notes
    -----
    An image's id is the digest of its config, or of its manifest where the daemon keeps images
    in containerd.
    """
    repository, tag = row.there.repository, row.there.tag
    try:
        digest = (await target.registry.resolve(repository, tag)).digest
    except NotFoundError:
        return None, False
    if str(digest) == row.image.id:
        return str(digest), True
    manifest = await target.registry.manifest(repository, str(digest))
    is_same = isinstance(manifest, Manifest) and str(manifest.config.digest) == row.image.id
    return str(digest), is_same


@asynccontextmanager
async def _directory() -> AsyncIterator[Path]:
    """Make a directory that only we read, for as long as it is needed."""
    try:
        made = tempfile.TemporaryDirectory(prefix="ghostnb-push-", ignore_cleanup_errors=True)
    except OSError as e:
        raise PathError(
            f"Cannot write below {tempfile.gettempdir()} ({e.strerror or e}).",
            hint="TMPDIR names another directory for what is on its way.",
        ) from e
    with made as directory:
        yield Path(directory)
