"""Pictures of what an analysis says: SVG, each with a text that says the same."""

from ghostnb.pictures.growth import growth
from ghostnb.pictures.heatmap import heatmap
from ghostnb.pictures.picture import Picture
from ghostnb.pictures.treemap import treemap

__all__ = ["Picture", "growth", "heatmap", "treemap"]
