"""A picture as a value: shown by notebooks, and saved."""

import re
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from ghostnb.errors import PictureError
from ghostnb.new_file import TakenError, new_file
from ghostnb.pictures.colours import GROUND, TEXT, in_light

__all__ = ["Picture"]

_MOST_PIXELS = 16_384
# Where a picture stands alone, its title stands above it.
_HEAD = 28
_TITLE = re.compile("<title>([^<]*)</title>")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a notebook shows, and a file can keep.

    Attributes
    ----------
    title : str
    alt : str
        What it shows, in words, for who cannot see it.
    markup : str
        SVG, whose colours follow the theme where it is part of a page.
    width, height : int
        In pixels.
    """

    title: str
    alt: str
    markup: str = field(repr=False)
    width: int = field(repr=False)
    height: int = field(repr=False)

    @property
    def svg(self) -> str:
        """SVG that stands alone: with its title, in the colours of the light theme."""
        width, height = self.width, self.height
        low = f'viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
        whole = height + _HEAD
        high = f'viewBox="0 {-_HEAD} {width} {whole}" width="{width}" height="{whole}"'
        title = _TITLE.search(self.markup)
        head = (
            f'<rect y="{-_HEAD}" width="{width}" height="{_HEAD}" fill="{GROUND}" />'
            f'<text x="2" y="-10" font-size="14" font-weight="600" fill="{TEXT}">'
            f"{title[1] if title else ''}</text></svg>"
        )
        return in_light(self.markup.replace(low, high, 1).removesuffix("</svg>") + head)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.svg, "text/plain": f"{self.title}. {self.alt}"}

    def save(self, path: str | Path, *, overwrite: bool = False, scale: float = 2) -> Path:
        """Save it as SVG or PNG, by the name's ending.

        Parameters
        ----------
        path : str or path
            ``….svg`` or ``….png``.
        overwrite : bool, optional
            Replace a file that is there.
        scale : float, optional
            Of a PNG: how many of its pixels are one of the picture's.

        Returns
        -------
        pathlib.Path
            Of the file, absolute.

        Raises
        ------
        PictureError
            If the file is there already, or cannot be written; if a PNG is wanted, and resvg is
            not installed.
        TypeError, ValueError
            If the ending is neither, or the scale none: no side has more than 16,384 pixels.
        """
        target = Path(path).absolute()
        if target.suffix not in (".svg", ".png"):
            raise ValueError(f"path: {str(path)!r} ends in neither .svg nor .png.")
        self._check(scale)
        content = self.svg.encode() if target.suffix == ".svg" else self._png(scale)
        try:
            with new_file(target, overwrite=overwrite) as file:
                file.write(content)
        except TakenError as e:
            raise PictureError(
                f"{target} is there already.",
                hint="Choose another name, or replace it: overwrite=True.",
            ) from e
        except OSError as e:
            hint = "Is there such a directory, may files be made there, and is there room?"
            raise PictureError(f"Cannot write {target} ({e.strerror or e}).", hint=hint) from e
        return target

    def _check(self, scale: float) -> None:
        """Refuse a scale that no picture can have: what draws them gives up the whole process."""
        if not isinstance(scale, int | float) or isinstance(scale, bool):
            raise TypeError(f"scale: a number such as 2 is wanted, not {scale!r}.")
        most = _MOST_PIXELS / max(self.width, self.height)
        if not (isfinite(scale) and round(self.width * scale) >= 1 and scale <= most):
            raise ValueError(f"scale: {scale} is not within {1 / self.width:.4f} and {most:.1f}.")

    def _png(self, scale: float) -> bytes:
        try:
            import resvg_py
        except ImportError as e:
            raise PictureError(
                "A PNG needs resvg.",
                hint="Install it: pip install 'ghostnb[charts]'; or save it as SVG.",
            ) from e
        width = round(self.width * scale)
        return bytes(resvg_py.svg_to_bytes(svg_string=self.svg, width=width))
