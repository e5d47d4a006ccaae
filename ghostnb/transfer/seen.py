"""Where in a registry this process has seen blobs: from there they can be mounted."""

from weakref import WeakKeyDictionary

from ghostnb.oci import Digest
from ghostnb.registries.protocol import Registry

__all__ = ["Seen", "seen_in"]

# Some ten thousand images; a few megabytes.
_MOST = 2**16


class Seen:
    """A repository of a registry for each blob. It may be gone from there by now."""

    def __init__(self) -> None:
        self._places: dict[Digest, str] = {}

    def note(self, digest: Digest, repository: str) -> None:
        """Note that a repository has a blob; of too many, the oldest are forgotten."""
        self._places.pop(digest, None)
        self._places[digest] = repository
        if len(self._places) > _MOST:
            del self._places[next(iter(self._places))]

    def elsewhere(self, digest: Digest, repository: str) -> str:
        """Name another repository that had a blob; empty if none is known."""
        place = self._places.get(digest, "")
        return "" if place == repository else place


_SEEN: WeakKeyDictionary[Registry, Seen] = WeakKeyDictionary()


def seen_in(registry: Registry) -> Seen:
    """Give what was seen in a registry, for as long as somebody holds that."""
    return _SEEN.setdefault(registry, Seen())
