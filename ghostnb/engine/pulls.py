"""The lines that a daemon writes during a pull, as progress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ghostnb.engine.layers import Layer, Layers
from ghostnb.progress import Progress

__all__ = ["PullTally"]

_ARRIVED = frozenset({"Verifying Checksum", "Download complete", "Extracting", "Pull complete"})
_VERDICT = "Status: "


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
    _layers: Layers = field(default_factory=Layers)

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
            return self._layers.progress("", status)  # "Pulling from app" has the tag for an id
        layer = self._layers.find(self.last_id)
        detail = event["progressDetail"] or {}
        _count(layer, status, detail)
        current, done = detail.get("current", layer.current_bytes), self._is_done(status)
        return self._layers.progress(self.last_id, status, current, layer.total_bytes, done=done)

    def finish(self) -> Progress:
        """Tell that the whole is done."""
        return self._layers.finish(self.verdict or self._status)

    def _is_done(self, status: str) -> bool:
        last = {"Pull complete", "Already exists"}
        return status in last or (self.product == "podman" and status == "Download complete")


def _count(layer: Layer, status: str, detail: Mapping[str, Any]) -> None:
    if detail.get("total"):
        layer.total_bytes = detail["total"]  # compressed bytes, also while it unpacks
    if status in _ARRIVED:
        layer.current_bytes = layer.total_bytes
    elif "current" in detail:
        layer.current_bytes = detail["current"]
