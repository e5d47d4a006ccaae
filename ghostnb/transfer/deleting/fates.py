"""What becomes of a repository's manifests and tags when some are to be deleted."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from ghostnb.oci import Digest
from ghostnb.transfer.holdings import Holdings, subject_of_tag

__all__ = ["Fate", "Request", "fate_of"]


@dataclass(slots=True)
class Request:
    """What is to be deleted from one repository, and what must stay.

    Attributes
    ----------
    tags, digests : set
        What was asked for.
    untagged : bool
        Also what no tag leads to.
    referrers : bool
        Also what is attached to what goes.
    rewrites_lists : bool
        The registry takes what is deleted out of the tag that lists it as attached.
    protects_tag : callable
        Says what protects a tag; empty if nothing does.
    protects_digest : callable
        The same of a manifest.
    """

    tags: set[str] = field(default_factory=set)
    digests: set[Digest] = field(default_factory=set)
    untagged: bool = False
    referrers: bool = True
    rewrites_lists: bool = False
    protects_tag: Callable[[str], str] = lambda tag: ""
    protects_digest: Callable[[Digest], str] = lambda digest: ""


@dataclass(slots=True)
class Fate:
    """What goes and what stays, each with the reason.

    Attributes
    ----------
    going : dict of Digest to str
        In an order in which they can be deleted: an index before what it holds, a manifest
        before what is attached to it.
    needs : dict of Digest to list of Digest
        What must have gone before each of them.
    untagged : dict of str to str
        Tags that are taken from manifests that stay.
    kept_tags : dict of str to str
        Tags that were asked for, and stay.
    kept : dict of Digest to str
        Manifests that stay against what was asked.
    """

    going: dict[Digest, str] = field(default_factory=dict)
    needs: dict[Digest, list[Digest]] = field(default_factory=dict)
    untagged: dict[str, str] = field(default_factory=dict)
    kept_tags: dict[str, str] = field(default_factory=dict)
    kept: dict[Digest, str] = field(default_factory=dict)


def fate_of(holdings: Holdings, request: Request) -> Fate:
    """Work out what goes.

    A manifest goes if it was asked for, or loses its last tag, the last index that held it, or
    what it was attached to; and if no tag, no index and no protection keeps it. What cannot be
    read may be an index, and holds everything in its repository.

    Parameters
    ----------
    holdings : Holdings
    request : Request
        Of what is there.
    """
    return _Judge(holdings, request).judge()


class _Judge:
    def __init__(self, holdings: Holdings, request: Request) -> None:
        self._holdings = holdings
        self._request = request
        self._fate = Fate()
        self._shield = self._shielded()
        self._yielding: set[Digest] = set()

    def judge(self) -> Fate:
        """Let go what can, until nothing more can; then say why the rest stays."""
        waiting = dict.fromkeys(self._candidates())
        self._let_go(waiting)
        self._yield_lists(waiting)
        self._let_go(waiting)
        for digest in waiting:
            self._keep(digest)
        for tag in sorted(self._request.tags):
            self._decide_tag(tag)
        return self._fate

    def _let_go(self, waiting: dict[Digest, None]) -> None:
        while fresh := [digest for digest in waiting if not self._keeper(digest)]:
            for digest in fresh:
                del waiting[digest]
                self._fate.needs[digest] = self._before(digest)
                self._fate.going[digest] = self._reason(digest)
            waiting |= dict.fromkeys(self._below(fresh))

    def _yield_lists(self, waiting: dict[Digest, None]) -> None:
        """Let lists of what is attached not keep what was asked for: one that is empty goes, too.

        Others are rewritten when what they list is deleted, where the registry's client does so.
        """
        asked = [digest for digest in waiting if digest in self._request.digests]
        self._yielding = {list_ for digest in asked for list_ in self._lists(digest)}
        free = {digest for digest in asked if not self._keeper(digest)}
        for list_ in sorted(self._yielding):
            if free.issuperset(self._staying(self._holdings.children_of(list_))):
                waiting.pop(list_, None)
                self._fate.needs[list_] = []
                self._fate.going[list_] = "all that it lists goes"
            elif not self._request.rewrites_lists:
                self._yielding.remove(list_)

    def _lists(self, digest: Digest) -> list[Digest]:
        """Give the indexes that stay, and only say that a manifest is attached."""
        parents = self._staying(self._holdings.parents_of(digest))
        return [
            one for one in parents if one not in self._shield and self._holdings.lists(one, digest)
        ]

    def _candidates(self) -> Iterable[Digest]:
        # In an order of their own, whatever the registry's is.
        yield from (self._holdings.tags[tag] for tag in sorted(self._request.tags))
        yield from sorted(self._request.digests)
        if self._request.untagged:
            known = sorted(self._holdings.manifests)
            yield from (digest for digest in known if not self._holdings.tags_of(digest))

    def _below(self, going: Iterable[Digest]) -> Iterable[Digest]:
        for digest in going:
            children = self._holdings.children_of(digest)
            attached = self._holdings.referrers_of(digest) if self._request.referrers else ()
            yield from (one for one in (*children, *attached) if one not in self._fate.going)

    def _keeper(self, digest: Digest) -> str:
        """Say what keeps a manifest; empty if it can go."""
        if name := self._shield.get(digest):
            return f"protected by {name}"
        if tags := [tag for tag in self._holdings.tags_of(digest) if not self._is_loose(tag)]:
            return f"its tags stay: {', '.join(tags)}"
        if parents := self._holders(digest):
            return f"the index {parents[0]} holds it"
        if unread := self._unread(digest):
            return f"{unread} could not be read, and may hold it"
        if not self._is_asked(digest) and (subjects := self._staying(self._subjects(digest))):
            return f"it is attached to {subjects[0]}"
        return ""

    def _before(self, digest: Digest) -> list[Digest]:
        """Give what must be gone before a manifest may go: else it would be missing there."""
        # A list that stays is rewritten afterwards.
        needed = [one for one in self._holdings.parents_of(digest) if one in self._fate.going]
        if not self._is_asked(digest):
            needed += self._subjects(digest)
        needed += self._holdings.unknown if digest not in self._holdings.unknown else ()
        return list(dict.fromkeys(needed))

    def _reason(self, digest: Digest) -> str:
        if digest in self._request.digests:
            lists = self._staying(self._holdings.parents_of(digest))
            tags = [tag for one in lists for tag in self._holdings.tags_of(one)]
            return f"asked for; {', '.join(tags)} will list it no more" if tags else "asked for"
        if self._is_asked(digest):
            return "its last tag was asked for"
        if parents := self._holdings.parents_of(digest):
            return f"only {parents[0]} held it"
        if subjects := self._subjects(digest):
            return f"attached to {subjects[0]}"
        return "no tag leads to it"

    def _keep(self, digest: Digest) -> None:
        """Note what was asked for by digest, or what is attached to what goes, and stays."""
        is_left_behind = self._holdings.tags_of(digest) and any(
            subject in self._fate.going for subject in self._subjects(digest)
        )
        if digest in self._request.digests or (is_left_behind and not self._is_asked(digest)):
            self._fate.kept[digest] = self._keeper(digest)
        for tag in self._holdings.tags_of(digest):
            if self._is_orphaned(tag) and not self._shield.get(digest):
                self._fate.untagged[tag] = f"attached to {subject_of_tag(tag)}"

    def _decide_tag(self, tag: str) -> None:
        digest = self._holdings.tags[tag]
        if digest in self._fate.going:
            return
        name = self._request.protects_tag(tag)
        tags = self._holdings.tags_of(digest)
        if name:
            self._fate.kept_tags[tag] = f"protected by {name}"
        elif any(not self._is_loose(one) for one in tags):
            self._fate.untagged[tag] = "other tags of its manifest stay"
        elif digest in self._shield and not self._staying(self._holdings.parents_of(digest)):
            self._fate.kept_tags[tag] = self._keeper(digest)
        else:
            self._fate.untagged[tag] = self._without_tag(digest)

    def _without_tag(self, digest: Digest) -> str:
        """Say what still leads to a manifest that loses its last tag."""
        if parents := self._staying(self._holdings.parents_of(digest)):
            return f"the index {parents[0]} holds its manifest"
        return self._keeper(digest)

    def _is_asked(self, digest: Digest) -> bool:
        if digest in self._request.digests:
            return True
        return any(tag in self._request.tags for tag in self._holdings.tags_of(digest))

    def _is_loose(self, tag: str) -> bool:
        """Tell whether a tag goes, or may go with its manifest."""
        if self._request.protects_tag(tag):
            return False
        if tag in self._request.tags or self._holdings.tags[tag] in self._request.digests:
            return True
        return self._is_orphaned(tag)

    def _is_orphaned(self, tag: str) -> bool:
        """Tell whether a tag was made of the digest of something that goes."""
        return self._request.referrers and subject_of_tag(tag) in self._fate.going

    def _subjects(self, digest: Digest) -> list[Digest]:
        return self._holdings.subjects_of(digest)

    def _staying(self, digests: Collection[Digest]) -> list[Digest]:
        return [digest for digest in digests if digest not in self._fate.going]

    def _holders(self, digest: Digest) -> list[Digest]:
        """Give the indexes that keep a manifest."""
        parents = self._staying(self._holdings.parents_of(digest))
        return [one for one in parents if one not in self._yielding]

    def _unread(self, digest: Digest) -> str:
        """Name what may hold a manifest, and cannot be read."""
        if self._holdings.unread:
            return f"the tag {next(iter(self._holdings.unread))}"
        unknown = self._holdings.unknown
        staying = self._staying(unknown) if digest not in unknown else []
        return staying[0] if staying else ""

    def _shielded(self) -> dict[Digest, str]:
        """Give what is protected, with all that it holds and that is attached to it."""
        found: dict[Digest, str] = {}
        waiting = [
            (digest, name)
            for tag, digest in self._holdings.tags.items()
            if (name := self._request.protects_tag(tag))
        ]
        waiting += [
            (digest, name)
            for digest in self._holdings.manifests
            if (name := self._request.protects_digest(digest))
        ]
        while waiting:
            digest, name = waiting.pop()
            if digest not in found:
                found[digest] = name
                below = (
                    *self._holdings.children_of(digest),
                    *self._holdings.referrers_of(digest),
                )
                waiting += [(one, name) for one in below]
        return found
