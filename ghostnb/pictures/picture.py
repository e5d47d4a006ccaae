"""A picture as a value: shown by notebooks, and saved."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ghostnb.errors import PictureError
from ghostnb.new_file import TakenError, new_file
from ghostnb.pictures.colours import in_light

__all__ = ["Picture"]


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
        """SVG that stands alone, in the colours of the light theme."""
        return in_light(self.markup)

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
        ValueError
            If the ending is neither.
        """
        target = Path(path).absolute()
        if target.suffix not in (".svg", ".png"):
            raise ValueError(f"path: {target.name} ends in neither .svg nor .png.")
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
            hint = "May files be made there, and is there room?"
            raise PictureError(f"Cannot write {target} ({e.strerror or e}).", hint=hint) from e
        return target

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
