"""The lines that a daemon writes during a pull, as progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ghostnb.progress import Progress

__all__ = ["PullTally"]

_ARRIVED = frozenset({"Verifying Checksum", "Download complete", "Extracting", "Pull complete"})
_VERDICT = "Status: "


@dataclass(slots=True)
class _Item:
    """A layer: compressed bytes that have come, and that there are (None: not said)."""

    current_bytes: int | None = None
    total_bytes: int | None = None


@dataclass(slots=True)
class PullTally:
    """Count what has come.

    Parameters
    ----------
    product : str
        ``docker`` or ``podman``: for Docker a downloaded layer is not done before it is
        unpacked; Podman writes no line when it unpacks.

    Attributes
    ----------
    verdict : str
        Docker's last line, which says that the pull succeeded; empty before, and with Podman.
    last_id : str
        The id on the last line. Podman ends with the id of the image, shortened.

    Notes
    -----
    Source: Docker Engine API v1.41, "ImageCreate"; moby ``pkg/jsonmessage``; Podman 4.3
    ``pkg/api/handlers/compat/images.go``.
    """

    product: str
    verdict: str = ""
    last_id: str = ""
    _status: str = ""
    _items: dict[str, _Item] = field(default_factory=dict)

    def take(self, event: Mapping[str, Any]) -> Progress | None:
        """Count one line.

        Returns
        -------
        Progress or None
            None for the verdict: `finish` tells it.
        """
        self._status = status = event.get("status") or ""
        self.last_id = event.get("id") or ""
        if status.startswith(_VERDICT):
            self.verdict = status.removeprefix(_VERDICT)
            return None
        if not self.last_id or "progressDetail" not in event:
            return self._progress("", status)  # "Pulling from app" has the tag for an id
        item = self._items.setdefault(self.last_id, _Item())
        detail = event["progressDetail"] or {}
        _count(item, status, detail)
        current = detail.get("current", item.current_bytes)
        return self._progress(self.last_id, status, current, item.total_bytes)

    def finish(self) -> Progress:
        """Tell that the whole is done."""
        return self._progress("", self.verdict or self._status, whole=True)

    def _progress(
        self,
        item: str,
        status: str,
        current_bytes: int | None = None,
        total_bytes: int | None = None,
        *,
        whole: bool = False,
    ) -> Progress:
        sized = [layer for layer in self._items.values() if layer.total_bytes is not None]
        current, total = (
            sum(layer.current_bytes or 0 for layer in sized),
            sum(layer.total_bytes or 0 for layer in sized),
        )
        return Progress(
            item=item,
            status=status,
            current_bytes=(current if sized else None) if whole else current_bytes,
            total_bytes=(total if sized else None) if whole else total_bytes,
            overall_current_bytes=current,
            overall_total_bytes=total,
            done=whole or self._is_done(status),
        )

    def _is_done(self, status: str) -> bool:
        last = {"Pull complete", "Already exists"}
        return status in last or (self.product == "podman" and status == "Download complete")


def _count(item: _Item, status: str, detail: Mapping[str, Any]) -> None:
    if detail.get("total"):
        item.total_bytes = detail["total"]  # compressed bytes, also while it unpacks
    if status in _ARRIVED:
        item.current_bytes = item.total_bytes
    elif "current" in detail:
        item.current_bytes = detail["current"]
