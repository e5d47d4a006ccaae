"""A registry's content held against its digests: every manifest and every blob is read once."""

from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from ghostnb.errors import GhostnbError, IntegrityError, NotFoundError
from ghostnb.oci import AnyManifest, Descriptor, Digest, Index, SchemaOneManifest
from ghostnb.registries.abilities import RereadsManifests
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.content import blob_pieces
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.protocol import ListsManifests, Registry, RegistryStore
from ghostnb.registries.verify import check_length
from ghostnb.registries.walk import Tally
from ghostnb.transfer.contents import MAX_NESTING, blobs_of, too_deep
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.signatures import signature_tags
from ghostnb.transfer.syncing.jobs import SyncJobs
from ghostnb.transfer.tally import TransferTally

__all__ = ["Problem", "Verification", "verify"]

# More would only share the same line or disk.
_BLOBS_AT_ONCE = 6
# Indexes within indexes, and what is attached to what is attached.
_MAX_DEPTH = 2 * MAX_NESTING
_CURE = (
    "What is damaged or missing here comes again with plan_backup(…, repair=True), "
    "or image by image with copy(…, repair=True), from a registry that has it."
)


@dataclass(frozen=True, slots=True)
class Problem:
    """Content that is damaged, missing, or could not be read, and a tag that needs it.

    Attributes
    ----------
    registry, repository : str
    tag : str or None
        None for what no tag leads to, and for a repository that could not be listed.
    digest, media_type : str or None
    size_bytes : int or None
        That it should have.
    problem : str
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    media_type: str | None
    size_bytes: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found.

    Attributes
    ----------
    problems : tuple of Problem
        None when all is well; one for each tag that needs what is damaged.
    notes : tuple of str
        What is no problem, and worth knowing.
    manifests, blobs : int
        That were read.
    size_bytes : int
        Of these blobs.
    """

    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    manifests: int
    blobs: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class _Place:
    """Where something is asked for: a manifest by tag or digest, or a blob."""

    repository: str
    locator: str
    entry: Descriptor | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.repository, self.locator


@dataclass(slots=True)
class _Node:
    """What was read there, and where it leads."""

    place: _Place
    digest: Digest | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    problem: str = ""
    blobs: list[Descriptor] = field(default_factory=list)
    following: list[_Place] = field(default_factory=list)
    is_schema_one: bool = False


async def verify(
    registry: Registry, selection: Selection, tally: TransferTally | None = None
) -> Verification:
    """Read all that is selected of a registry, and hold it against digest and size.

    Whatever is wrong is gathered; nothing of it ends the rest.

    Parameters
    ----------
    registry : Registry
    selection : Selection
        With all that belongs to it: children of indexes, what is attached and, where
        repositories are selected as a whole and the registry lists it, what no tag leads to.
    tally : TransferTally, optional
        Kept up to date, by blob.

    Returns
    -------
    Verification

    Raises
    ------
    UnsupportedError
        If the registry does not list its repositories.
    NotFoundError
        If there is no layout or archive at all.
    """
    await registry.ping()
    listed = Tally()
    jobs = SyncJobs(registry, registry, selection, None, listed)
    tags = [_Place(job.repository, job.tag) async for job in jobs.of_tags()]
    untagged = [_Place(job.repository, job.locator) for job in await jobs.of_untagged()]
    verifier = _Verifier(registry, selection, tally or TransferTally())
    await verifier.read_manifests([*tags, *untagged])
    await verifier.read_blobs()
    unlisted = [
        Problem(registry.name, one.repository, None, None, None, None, f"not listed: {one.error}")
        for one in listed.failures
    ]
    return Verification(
        (*unlisted, *verifier.problems([*tags, *untagged])),
        tuple(await verifier.notes()),
        len({node.digest for node in verifier.nodes.values() if not node.problem}),
        len(verifier.sizes),
        sum(verifier.sizes.values()),
    )


class _Verifier:
    """Reads manifests level by level, and then the blobs that they name."""

    def __init__(self, registry: Registry, selection: Selection, tally: TransferTally) -> None:
        self.nodes: dict[tuple[str, str], _Node] = {}
        # Of blobs that are as they should be.
        self.sizes: dict[Digest, int] = {}
        self._registry, self._selection, self._tally = registry, selection, tally
        # By repository, digest and stated size: two manifests may differ in the last.
        self._damaged: dict[tuple[str, Digest, int], str] = {}
        # What is there, and is not what it should be.
        self._spoilt: set[Digest] = set()
        self._is_curable = False

    async def read_manifests(self, level: Iterable[_Place]) -> None:
        """Read manifests, all that they lead to, and what is attached."""
        for _ in range(_MAX_DEPTH):
            level = await self._read_level(self._unread(level))
        for place in self._unread(level):
            problem = _said(too_deep(self._registry, place.repository))
            self.nodes[place.key] = _Node(place, problem=problem)

    def _unread(self, level: Iterable[_Place]) -> list[_Place]:
        return list({one.key: one for one in level if one.key not in self.nodes}.values())

    async def _read_level(self, level: Iterable[_Place]) -> list[_Place]:
        workers = max(2, self._registry.concurrency)
        following: list[_Place] = []
        async with aclosing(ordered_map(self._read_manifest, level, workers=workers)) as nodes:
            async for node in nodes:
                self.nodes[node.place.key] = node
                following += node.following
        return following

    async def read_blobs(self) -> None:
        """Read each blob once; where else it is named, see that it is there."""
        wanted: dict[tuple[Digest, int], tuple[Descriptor, dict[str, None]]] = {}
        for node in self.nodes.values():
            for blob in node.blobs:
                key = blob.digest, blob.size_bytes
                wanted.setdefault(key, (blob, {}))[1][node.place.repository] = None
        for blob, _ in wanted.values():
            self._tally.expect(_item(blob), blob.size_bytes)
        checks = ordered_map(self._check_blob, wanted.values(), workers=_BLOBS_AT_ONCE)
        async with aclosing(checks) as done:
            async for _ in done:
                pass

    def problems(self, roots: Iterable[_Place]) -> list[Problem]:
        """Give what is wrong, tag by tag."""
        if not self._damaged and not any(node.problem for node in self.nodes.values()):
            return []
        found = dict.fromkeys(one for root in roots for one in self._problems_of(root))
        # What is attached has no tag of its own, and is led to by that of its subject.
        tagged = {(one.repository, one.digest) for one in found if one.tag}
        return [one for one in found if one.tag or (one.repository, one.digest) not in tagged]

    async def notes(self) -> list[str]:
        """Say what helps, what was not read, and what nothing needs."""
        said = []
        if self._is_curable and isinstance(self._registry, LayoutRegistry):
            said.append(_CURE)
        old = sum(node.is_schema_one for node in self.nodes.values())
        if old:
            said.append(f"{old:,} of the images are Docker schema 1, whose layers were not read.")
        if self._is_whole() and isinstance(self._registry, RegistryStore):
            whole = {node.digest for node in self.nodes.values() if not node.problem}
            named = whole | set(self.sizes) | self._spoilt
            extra = (await self._registry.usage())[0] - len(named)
            if extra > 0:
                said.append(
                    f"{extra:,} of the blobs are named by nothing: "
                    "a garbage collection would remove them."
                )
        return said

    async def _read_manifest(self, place: _Place) -> _Node:
        node = _Node(place)
        if place.entry is not None:
            node.media_type, node.size_bytes = place.entry.media_type, place.entry.size_bytes
        if ":" in place.locator:
            node.digest = Digest(place.locator)
        try:
            manifest = await self._manifest(place)
            if place.entry is not None:
                source = f"{place.repository} in {self._registry.name}"
                check_length(manifest.raw, place.entry, source=source)
            node.digest, node.media_type = manifest.digest, manifest.media_type
            node.size_bytes = len(manifest.raw)
            await self._follow(node, manifest)
        except GhostnbError as e:
            node.problem = _said(e)
            node.digest = node.digest or await self._known_digest(place)
            self._note(node.digest, e)
        return node

    async def _manifest(self, place: _Place) -> AnyManifest:
        if isinstance(self._registry, RereadsManifests):
            return await self._registry.stored_manifest(place.repository, place.locator)
        return await self._registry.manifest(place.repository, place.locator)

    async def _follow(self, node: _Node, manifest: AnyManifest) -> None:
        if isinstance(manifest, SchemaOneManifest):
            node.is_schema_one = True
            return
        name = node.place.repository
        node.blobs = blobs_of(manifest)
        # What it holds is read even if what is attached is not told.
        if isinstance(manifest, Index):
            node.following = [_Place(name, entry.digest, entry) for entry in manifest.manifests]
        attached = await self._registry.referrers(name, manifest.digest)
        node.following += [_Place(name, entry.digest, entry) for entry in attached]
        if not self._selection.has_all_tags:
            tags = await signature_tags(self._registry, name, manifest.digest)
            node.following += [_Place(name, tag) for tag in tags]

    async def _check_blob(self, wanted: tuple[Descriptor, dict[str, None]]) -> None:
        blob, repositories = wanted
        first, *others = repositories
        problem = await self._read_blob(first, blob)
        if problem:
            self._damaged[first, blob.digest, blob.size_bytes] = problem
        else:
            self.sizes[blob.digest] = blob.size_bytes
        for repository in others:
            if said := problem or await self._absence(repository, blob):
                self._damaged[repository, blob.digest, blob.size_bytes] = said
        self._tally.finish(_item(blob), "Damaged" if problem else "Verified")

    async def _read_blob(self, repository: str, blob: Descriptor) -> str:
        done = 0
        try:
            async with aclosing(blob_pieces(self._registry, repository, blob)) as pieces:
                async for piece in pieces:
                    done += len(piece)
                    self._tally.reach(_item(blob), done)
        except GhostnbError as e:
            self._note(blob.digest, e)
            return _said(e)
        return ""

    def _note(self, digest: Digest | None, error: GhostnbError) -> None:
        self._is_curable |= isinstance(error, (IntegrityError, NotFoundError))
        if digest is not None and not isinstance(error, NotFoundError):
            self._spoilt.add(digest)

    async def _absence(self, repository: str, blob: Descriptor) -> str:
        try:
            await self._registry.blob_size(repository, blob.digest)
        except GhostnbError as e:
            return _said(e)
        return ""

    def _problems_of(self, root: _Place) -> Iterable[Problem]:
        tag = root.locator if ":" not in root.locator else None
        waiting, seen = [root], {root.key}
        while waiting:
            node = self.nodes[waiting.pop().key]
            yield from self._own_problems(node, tag)
            fresh = [one for one in node.following if one.key not in seen]
            seen.update(one.key for one in fresh)
            waiting += fresh

    def _own_problems(self, node: _Node, tag: str | None) -> Iterable[Problem]:
        name = node.place.repository
        whole = Problem(
            self._registry.name, name, tag, node.digest, node.media_type, node.size_bytes, ""
        )
        if node.problem:
            yield replace(whole, problem=node.problem)
        for blob in node.blobs:
            if said := self._damaged.get((name, blob.digest, blob.size_bytes)):
                yield replace(
                    whole,
                    digest=blob.digest,
                    media_type=blob.media_type,
                    size_bytes=blob.size_bytes,
                    problem=said,
                )

    async def _known_digest(self, place: _Place) -> Digest | None:
        """Say what a tag should lead to, though it leads nowhere; None if nobody knows."""
        name = place.repository
        try:
            if isinstance(self._registry, ListsManifests):
                listed = [one async for one in self._registry.manifests(name)]
                return next((one.digest for one in listed if place.locator in one.tags), None)
            return (await self._registry.resolve(name, place.locator)).digest
        except GhostnbError:
            # The problem itself is told; this was only to name it better.
            return None

    def _is_whole(self) -> bool:
        chosen = (self._selection.repositories, self._selection.exclude_repositories)
        return self._selection.has_all_tags and all(one is None for one in chosen)


def _item(blob: Descriptor) -> str:
    return str(blob.digest)


def _said(error: GhostnbError) -> str:
    if isinstance(error, NotFoundError):
        return f"missing: {error.message}"
    if isinstance(error, IntegrityError):
        return f"damaged: {error.message}"
    return f"could not be read: {error.message}"
