"""The lines that a daemon writes during a push, as progress."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ghostnb.engine.layers import Layer, Layers
from ghostnb.progress import Progress

__all__ = ["PushTally"]

_DONE = ("Pushed", "Layer already exists", "Mounted from ", "Skipped foreign layer")
_VERDICT = re.compile(r"\S+: digest: \S+ size: \d+")


@dataclass(slots=True)
class PushTally:
    """Count what has gone.

    Attributes
    ----------
    verdict : str
        The line that says that the push succeeded: the tag, its digest, and the manifest's size.
        Empty before.

    Notes
    -----
    Source: Docker Engine API v1.41, "ImagePush"; moby ``distribution/push_v2.go``; Podman
    ``pkg/api/handlers/compat/images_push.go``. Podman 4.3 writes a first and a last line only;
    later ones tell of layers too, and leave ``progressDetail`` out where it would be empty.
    """

    verdict: str = ""
    _layers: Layers = field(default_factory=Layers)

    def take(self, event: Mapping[str, Any]) -> Progress | None:
        """Count one line.

        Returns
        -------
        Progress or None
            None for the verdict: `finish` tells it.
        """
        status, item = event.get("status") or "", event.get("id") or ""
        verdict = _verdict(event, status)
        if verdict or not status:  # Docker says it once for people, once for programs
            self.verdict = verdict or self.verdict
            return None
        if not item:
            return self._layers.progress("", status)
        layer, done = self._layers.find(item), status.startswith(_DONE)
        _count(layer, event.get("progressDetail") or {}, done=done)
        return self._layers.progress(
            item, status, layer.current_bytes, layer.total_bytes, done=done
        )

    def finish(self) -> Progress:
        """Tell that the whole is done."""
        return self._layers.finish(self.verdict)


def _verdict(event: Mapping[str, Any], status: str) -> str:
    aux = event.get("aux") or {}
    if aux.get("Digest"):
        return f"{aux.get('Tag')}: digest: {aux['Digest']} size: {aux.get('Size')}"
    return status if not event.get("id") and _VERDICT.fullmatch(status) else ""


def _count(layer: Layer, detail: Mapping[str, Any], *, done: bool) -> None:
    if "current" in detail:
        layer.current_bytes = detail["current"]
    if detail.get("total"):
        # Docker's total is that of the files, and what goes is a tar: it has headers, too
        layer.total_bytes = max(detail["total"], detail.get("current", 0))
    if done and layer.total_bytes is not None:
        layer.current_bytes = layer.total_bytes
