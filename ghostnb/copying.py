"""What goes from one registry to another: an image, or all that is selected."""

from collections.abc import Iterable

from ghostnb.arguments import checked_text, parsed_platforms
from ghostnb.client import RegistryClient
from ghostnb.errors import InvalidReferenceError
from ghostnb.loop import hop
from ghostnb.oci import Reference
from ghostnb.places import checked_client
from ghostnb.plans import Plan
from ghostnb.progress_bar import ProgressBar, ProgressOption, StepProgress, transfer_bar
from ghostnb.registries.patterns import Names
from ghostnb.registries.protocol import Registry, WritableRegistry
from ghostnb.registries.storing import writable
from ghostnb.registries.walk import Tally
from ghostnb.transfer import Copied, Copier, TransferTally
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.syncing.jobs import Rename
from ghostnb.transfer.syncing.sync import SyncPlan, draft_copy, draft_sync
from ghostnb.transfer.versions import VersionRange

__all__ = ["copy", "plan_copy", "plan_sync"]


async def copy(
    source: RegistryClient,
    target: RegistryClient,
    reference: str,
    *,
    to: str | None = None,
    platforms: str | Iterable[str] = (),
    referrers: bool = False,
    repair: bool = False,
    progress: StepProgress = None,
) -> Copied:
    """Copy an image from one registry to another, or give it another name within one.

    Blobs that the target's repository has are not sent. Those that are known to be in another
    repository there are mounted: within one registry those of the source, and what anything in
    this process has copied there. What is sent is held against its digest on the way. If it
    breaks off, calling it again sends only what is missing.

    Parameters
    ----------
    source, target : RegistryClient
        They may be the same: ``await copy(reg, reg, "team/app:1.0", to="team/app:stable")``.
    reference : str
        ``repository[:tag][@digest]`` in the source.
    to : str, optional
        Its name in the target; by default the same repository and tag.
    platforms : str or iterable of str, optional
        Only these of an index: one is the image itself, with its own digest; several are a
        smaller index. By default all, with the digest unchanged.
    referrers : bool, optional
        Also what is attached: signatures, SBOMs and other artifacts.
    repair : bool, optional
        If the target has it already, see that it also has each blob of it, with its size, and
        send what it lost. A directory (``oci:…``) is always looked at in that way; with
        ``repair=True`` each blob is also read there, and held against its digest.
    progress : bool or callable, optional
        By default a bar of bytes, where there is someone to see it, for what takes over a
        second; False for none; or a function that takes the `Progress` of each blob.

    Returns
    -------
    Copied
        ``digest`` (what the target has under the tag), ``bytes_moved`` (int: blobs and
        manifests that it did not have) and ``is_changed`` (False if it had all of it).

    Raises
    ------
    NotFoundError
        If it is not there, or not all of it; `PlatformNotFoundError` if it is for none of these
        platforms.
    IntegrityError
        If the source gave something else than its digest says; the target has no image then. Or
        if the target has a blob with another size, and keeps it: the error says what to do.
    UnsupportedError
        If the target is only read, or this is a Docker schema 1 image.

    Notes
    -----
    Source: OCI distribution-spec v1.1, "Pushing" and "Mounting a blob from another repository".
    """
    here, there = _clients(source, target)
    parsed, named = _names(here, there, reference, to)
    tally = TransferTally()
    with transfer_bar(tally, target.name, progress) as bar:
        copying = Copier(here, there, tally, repair=repair).copy(
            parsed,
            there.repository(named.repository),
            named.tag,
            platforms=parsed_platforms(platforms),
            referrers=referrers,
        )
        return await hop(tally.watch(copying), on_tick=bar.refresh)


async def plan_copy(
    source: RegistryClient,
    target: RegistryClient,
    reference: str,
    *,
    to: str | None = None,
    platforms: str | Iterable[str] = (),
    referrers: bool = False,
    repair: bool = False,
) -> Plan:
    """Find out what copying one image would do: `copy`, looked at first.

    Applied, it copies the digest that was planned, also if its tag has moved since. A tag of
    the target that leads elsewhere by then is left alone, and `Plan.results` says so.

    Parameters
    ----------
    source, target, reference, to, platforms, referrers, repair
        As for `copy`.

    Returns
    -------
    Plan
        As of `plan_sync`: one row, and one for each attached manifest.

    Raises
    ------
    NotFoundError
        If it is not there; `PlatformNotFoundError` if it is for none of these platforms.
    UnsupportedError
        If the target is only read, or this is a Docker schema 1 image.
    """
    here, there = _clients(source, target)
    parsed, named = _names(here, there, reference, to)
    drafting = draft_copy(
        here,
        there,
        parsed,
        there.repository(named.repository),
        named.tag,
        platforms=parsed_platforms(platforms),
        referrers=referrers,
        repair=repair,
    )
    return Plan(SyncPlan(await hop(drafting)))


async def plan_sync(
    source: RegistryClient,
    target: RegistryClient,
    *,
    repositories: Names | None = None,
    tags: Names | None = None,
    exclude_repositories: Names | None = None,
    exclude_tags: Names | None = None,
    versions: str | VersionRange | None = None,
    newest: int | None = None,
    platforms: str | Iterable[str] = (),
    rename: Rename = None,
    referrers: bool = False,
    prune: bool = False,
    repair: bool = False,
    progress: ProgressOption = None,
) -> Plan:
    """Find out what a registry lacks of another, tag by tag and byte by byte.

    Parameters
    ----------
    source, target : RegistryClient
        The target must take pushes, and deletions where it is to be pruned.
    repositories, tags, exclude_repositories, exclude_tags : str, re.Pattern, iterable, optional
        Names, patterns such as ``team/*``, or regular expressions; by default all.
    versions : str, optional
        Only tags in this range of versions: ``>=1.2,<2``.
    newest : int, optional
        Only so many of the newest versions of a repository, for each variant (``-alpine``).
    platforms : str or iterable of str, optional
        Only these of an index (``linux/arm64``): one is the image itself, with its own digest;
        several are a smaller index. By default all, with the digest unchanged. Images for none
        of them are left out, which a note says.
    rename : mapping of str to str, or callable, optional
        Beginnings of repositories, and what stands there in the target:
        ``{"library/": "mirror/"}``; or a function of a name.
    referrers : bool, optional
        Also what is attached: signatures, SBOMs and other artifacts.
    prune : bool, optional
        Delete tags of the target, in repositories that are synced, that the patterns name and
        that are not selected in the source; none in a repository to which something did not
        come. Their manifests stay, until the target collects what is untagged (`plan_delete`
        deletes both), but where it deletes images with their last tags; a note says which. Another
        names those that the source has: with ``newest``, ``latest`` is one.
    repair : bool, optional
        Look also for blobs that the target has lost of images that are as they should be, or has
        with another size, one question each. A directory (``oci:…``) is always looked at in that
        way; with ``repair=True`` each blob is also read there, and held against its digest.
    progress : bool or callable, optional
        By default a bar of tags that are looked at, where there is someone to see it, for what
        takes over a second; False for none; or a function that takes how many are done and how
        many there are, as far as known, some times a second.

    Returns
    -------
    Plan
        Its frame has one row a tag (or attached manifest) that is not as it should be:
        action : string, ``copy``, ``update`` (the tag points elsewhere now), ``repair`` (some
        of its content is lost there) or ``delete``
        registry, repository, tag, digest, media_type : string, the source's
        target_registry, target_repository, target_tag : string
        target_digest : string, what the tag points to now; <NA> if it is not there
        bytes_moved : Int64, after what the target has and what rows before bring
        reason : string; <NA> where the selection is all
        ``plan.bytes_moved`` is their sum, ``plan.notes`` says what else is to be known, and
        ``await plan.apply()`` does it.

    Raises
    ------
    UnsupportedError
        If the source does not list its repositories (name them), the target is only read, or
        deletes nothing and is to be pruned.
    ConfigError
        If two repositories would get one name.
    ValueError, TypeError
        If something of the selection cannot be meant.
    """
    here, there = _clients(source, target)
    wanted = Selection(repositories, tags, exclude_repositories, exclude_tags, versions, newest)
    tally = Tally()
    with ProgressBar(tally, source.name, progress) as bar:
        drafting = draft_sync(
            here,
            there,
            wanted,
            platforms=parsed_platforms(platforms),
            rename=rename,
            referrers=referrers,
            prune=prune,
            repair=repair,
            tally=tally,
        )
        return Plan(SyncPlan(await hop(drafting, on_tick=bar.refresh)))


def _clients(source: RegistryClient, target: RegistryClient) -> tuple[Registry, WritableRegistry]:
    return checked_client(source).registry, writable(checked_client(target).registry)


def _names(
    source: Registry, target: Registry, reference: str, to: str | None
) -> tuple[Reference, Reference]:
    """Read what an image is called, and what it is to be called."""
    parsed = source.reference(checked_text(reference, "A reference", "team/app:1.0"))
    if to is None:
        return parsed, parsed
    named = target.reference(checked_text(to, "to", "mirror/app:1.0"))
    if named.digest is not None:
        raise InvalidReferenceError(
            f"to={to!r} names a digest, which is what comes of a copy.",
            hint=f"Copy to a tag: to='{named.repository}:{named.tag or 'latest'}'.",
        )
    return parsed, named
