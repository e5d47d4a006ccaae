"""One image: what it is, its files, and what another has instead."""

from ghostnb.widgets.image.details import ImageDetails

__all__ = ["ImageDetails"]
