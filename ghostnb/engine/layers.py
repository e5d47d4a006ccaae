"""How far the layers of an image have come, summed up."""

from dataclasses import dataclass, field

from ghostnb.progress import Progress

__all__ = ["Layer", "Layers"]


@dataclass(slots=True)
class Layer:
    """Bytes that have moved, and that there are (None: not said)."""

    current_bytes: int | None = None
    total_bytes: int | None = None


@dataclass(slots=True)
class Layers:
    """The layers of one pull or push, by their ids."""

    _by_id: dict[str, Layer] = field(default_factory=dict)

    def find(self, layer_id: str) -> Layer:
        """Give the layer of that id, a new one the first time."""
        return self._by_id.setdefault(layer_id, Layer())

    def progress(
        self,
        item: str,
        status: str,
        current_bytes: int | None = None,
        total_bytes: int | None = None,
        *,
        done: bool = False,
    ) -> Progress:
        """Tell of one layer, or of a line that is about none, and where the whole stands."""
        sized = self._sized()
        return Progress(
            item=item,
            status=status,
            current_bytes=current_bytes,
            total_bytes=total_bytes,
            overall_current_bytes=sum(layer.current_bytes or 0 for layer in sized),
            overall_total_bytes=sum(layer.total_bytes or 0 for layer in sized),
            done=done,
        )

    def finish(self, status: str) -> Progress:
        """Tell that the whole is done; its bytes are unknown if no layer's are known."""
        sized = self._sized()
        current = sum(layer.current_bytes or 0 for layer in sized) if sized else None
        total = sum(layer.total_bytes or 0 for layer in sized) if sized else None
        return self.progress("", status, current, total, done=True)

    def _sized(self) -> list[Layer]:
        return [layer for layer in self._by_id.values() if layer.total_bytes is not None]
