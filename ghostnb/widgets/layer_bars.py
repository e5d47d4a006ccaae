"""An image's layers, as bars in proportion to their sizes."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import traitlets

from ghostnb.widgets.base import View
from ghostnb.widgets.sources import javascript, stylesheet

__all__ = ["LayerBars"]


class LayerBars(View):
    """One strip of all layers, and a line for each, with what made it.

    Parameters
    ----------
    layers : pandas.DataFrame, optional
        As `ghostnb.RegistryClient.layers` gives it, of one platform.
    shared : mapping of str to int, optional
        Digests of layers to how many other tags have them.
    """

    _esm = javascript("format", "layer_lines", "layers")
    _css = stylesheet("layers")

    layers: traitlets.List[Any] = traitlets.List().tag(sync=True)

    def __init__(
        self, layers: pd.DataFrame | None = None, *, shared: Mapping[str, int] | None = None
    ) -> None:
        super().__init__()
        if layers is not None:
            self.show(layers, shared=shared)

    def show(self, layers: pd.DataFrame, *, shared: Mapping[str, int] | None = None) -> None:
        """Show other layers; parameters as for the class."""
        known = shared or {}
        columns = ["position", "digest", "size_bytes", "media_type", "created_by"]
        self.layers = [
            {**row, "shared_with": known.get(row["digest"], 0)}
            for row in layers[columns]
            .astype(object)
            .where(layers[columns].notna(), None)
            .to_dict("records")
        ]
