"""Pictures of what an analysis says: SVG, each with a text that says the same.

`figures` has the same ones for plotly.
"""

from ghostnb.pictures import figures
from ghostnb.pictures.growth import growth
from ghostnb.pictures.heatmap import heatmap
from ghostnb.pictures.picture import Picture
from ghostnb.pictures.treemap import treemap

__all__ = ["Picture", "figures", "growth", "heatmap", "treemap"]
