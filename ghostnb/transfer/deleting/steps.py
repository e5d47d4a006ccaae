"""The steps of a deletion, and the rows that show them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from ghostnb.analysis import freed_bytes
from ghostnb.oci import Digest
from ghostnb.transfer.deleting.census import Census
from ghostnb.transfer.deleting.fates import Fate, Request, fate_of
from ghostnb.transfer.deleting.picks import Pick, Protection
from ghostnb.transfer.holdings import Holdings

__all__ = ["Deletion", "DeletionRow", "Planner"]

DELETE, UNTAG, KEEP = "delete", "untag", "keep"


@dataclass(frozen=True, slots=True)
class DeletionRow:
    """One row of a deletion's frame; see `DeletionPlan`."""

    action: str
    registry: str
    repository: str
    tag: str | None
    digest: Digest | None
    media_type: str | None
    reason: str
    siblings: str | None
    parents: str | None
    referrers: str | None
    bytes_freed: int = 0


@dataclass(frozen=True, slots=True)
class Deletion:
    """One step: a tag that is taken away, or a manifest that goes with its tags.

    Attributes
    ----------
    repository : str
    tags : tuple of str
        As they were when the plan was made.
    digest : Digest
    is_whole : bool
        True if the manifest goes.
    rows : tuple of DeletionRow
    needs : tuple of int
        The positions of the steps that must be done before it.
    """

    repository: str
    tags: tuple[str, ...]
    digest: Digest
    is_whole: bool
    rows: tuple[DeletionRow, ...]
    needs: tuple[int, ...] = ()


class Planner:
    """Makes steps and rows of what becomes of each repository.

    Parameters
    ----------
    census : Census
    protection : Protection
    untagged, referrers : bool
        Whether what no tag leads to goes, and what is attached to what goes.
    rewrites_lists : bool
        Whether the registry takes what goes out of the tags that list it.
    """

    def __init__(
        self,
        census: Census,
        protection: Protection,
        *,
        untagged: bool,
        referrers: bool,
        rewrites_lists: bool,
    ) -> None:
        self._census = census
        self._rewrites_lists = rewrites_lists
        self._protection = protection
        self._untagged = untagged
        self._referrers = referrers
        self._requests: dict[str, Request] = {}
        self._kept: list[DeletionRow] = []
        self._steps: list[Deletion] = []

    def add(self, picks: Iterable[Pick], whole: Iterable[str]) -> None:
        """Note what was asked for; it is there.

        Parameters
        ----------
        picks : iterable of Pick
        whole : iterable of str
            Repositories of which all goes.
        """
        if self._untagged:
            for name in self._census.repositories:
                self._request(name)
        for pick in picks:
            self._add_pick(pick)
        for name in whole:
            holdings = self._census.repositories[name]
            bare = (one for one in holdings.manifests if not holdings.tags_of(one))
            self._request(name).digests.update(bare)
            self._request(name).tags.update(holdings.tags)
            for tag in holdings.unread:
                self._add_pick(Pick(name, tag))

    def decide(self) -> bool:
        """Work out what becomes of each repository.

        Returns
        -------
        bool
            Whether manifests go: then the whole registry must be known, to count their bytes.
        """
        for name, request in sorted(self._requests.items()):
            holdings = self._census.repositories[name]
            self._decide(holdings, fate_of(holdings, request))
        return any(step.is_whole for step in self._steps)

    def plan(self) -> tuple[list[Deletion], list[DeletionRow]]:
        """Give the steps with the bytes that they free, and the rows of what is kept.

        Returns
        -------
        list of Deletion
            In an order in which they can be done.
        list of DeletionRow
        """
        return self._counted(), self._kept

    def _request(self, repository: str) -> Request:
        if repository not in self._requests:
            self._requests[repository] = Request(
                untagged=self._untagged,
                referrers=self._referrers,
                rewrites_lists=self._rewrites_lists,
                protects_tag=lambda tag: self._protection.of_tag(repository, tag),
                protects_digest=lambda digest: self._protection.of_digest(repository, digest),
            )
        return self._requests[repository]

    def _add_pick(self, pick: Pick) -> None:
        holdings, request = self._census.repositories[pick.repository], self._request
        if not pick.tag and pick.digest:
            request(pick.repository).digests.add(pick.digest)
            return
        now = holdings.tags.get(pick.tag)
        if now is None:
            reason = f"it could not be read: {holdings.unread[pick.tag].message}"
            self._kept.append(self._row(KEEP, holdings, pick.tag, None, reason))
        elif pick.digest not in (None, now):
            reason = f"it does not point to {pick.digest} any more"
            self._kept.append(self._row(KEEP, holdings, pick.tag, now, reason))
        else:
            request(pick.repository).tags.add(pick.tag)

    def _decide(self, holdings: Holdings, fate: Fate) -> None:
        self._add_manifests(holdings, fate)
        for tag, reason in fate.untagged.items():
            self._add_tag(holdings, tag, reason)
        for tag, reason in fate.kept_tags.items():
            row = self._row(KEEP, holdings, tag, holdings.tags[tag], reason)
            self._kept.append(row)
        decided = fate.untagged.keys() | fate.kept_tags.keys()
        for digest, reason in fate.kept.items():
            left = [tag for tag in holdings.tags_of(digest) if tag not in decided]
            names: Sequence[str | None] = left or (None,)
            self._kept += [self._row(KEEP, holdings, tag, digest, reason) for tag in names]

    def _add_manifests(self, holdings: Holdings, fate: Fate) -> None:
        first = len(self._steps)
        places = {digest: first + number for number, digest in enumerate(fate.going)}
        for digest, reason in fate.going.items():
            tags = tuple(holdings.tags_of(digest))
            names: Sequence[str | None] = tags or (None,)
            rows = tuple(self._row(DELETE, holdings, tag, digest, reason) for tag in names)
            needs = tuple(places[one] for one in fate.needs[digest])
            self._steps.append(Deletion(holdings.repository, tags, digest, True, rows, needs))

    def _add_tag(self, holdings: Holdings, tag: str, reason: str) -> None:
        digest = holdings.tags[tag]
        row = self._row(UNTAG, holdings, tag, digest, reason)
        self._steps.append(Deletion(holdings.repository, (tag,), digest, False, (row,)))

    def _counted(self) -> list[Deletion]:
        whole = [step for step in self._steps if step.is_whole]
        if not whole:
            return self._steps
        going = pd.DataFrame(
            {
                "repository": [step.repository for step in whole],
                "manifest": [str(step.digest) for step in whole],
            }
        )
        freed = iter(freed_bytes(self._census.contents, going).tolist())
        return [_with_bytes(step, next(freed)) if step.is_whole else step for step in self._steps]

    def _row(
        self,
        action: str,
        holdings: Holdings,
        tag: str | None,
        digest: Digest | None,
        reason: str,
    ) -> DeletionRow:
        known = holdings.manifests.get(digest) if digest else None
        name = (action, self._census.registry, holdings.repository, tag, digest)
        if known is None or digest is None:
            return DeletionRow(*name, None, reason, None, None, None)
        others = [one for one in holdings.tags_of(digest) if one != tag]
        return DeletionRow(
            *name,
            known.media_type or None,
            reason,
            _joined(others),
            _joined(holdings.parents_of(digest)),
            _joined(holdings.referrers_of(digest)),
        )


def _with_bytes(step: Deletion, size_bytes: int) -> Deletion:
    """Count a manifest's bytes at its first tag: they are free once."""
    first, *others = step.rows
    return replace(step, rows=(replace(first, bytes_freed=size_bytes), *others))


def _joined(texts: Sequence[str]) -> str | None:
    return ", ".join(texts) or None
