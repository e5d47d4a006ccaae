"""SVG, element by element."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree

import pandas as pd

from ghostnb.pictures.picture import Picture

__all__ = [
    "GROUND",
    "HUES",
    "LINE",
    "MUTED",
    "TEXT",
    "Element",
    "bytes_text",
    "checked_sizes",
    "drawn",
    "element",
    "shortened",
]

Element = ElementTree.Element
# Each can be read with white upon it.
HUES = ("#1f5fa8", "#6a45a3", "#1c6b58", "#8f4a15", "#9c2f5b", "#4c5a6b")
GROUND = "var(--ghostnb-ground, #ffffff)"
TEXT = "var(--ghostnb-text, #1d2129)"
MUTED = "var(--ghostnb-muted, #59616d)"
LINE = "var(--ghostnb-line, #d5d9df)"
_FONT = "system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif"
# What XML cannot say; names in registries' answers may hold anything.
_UNSPEAKABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(tag: str, text: str = "", /, *children: Element, **attributes: object) -> Element:
    """Make an element; underscores in attributes' names are dashes."""
    names = {name.strip("_").replace("_", "-"): _said(value) for name, value in attributes.items()}
    made = ElementTree.Element(tag, names)
    if text:
        made.text = _UNSPEAKABLE.sub("\ufffd", text)
    made.extend(children)
    return made


def checked_sizes(sizes: "pd.Series[int]") -> "pd.Series[int]":
    """Give known sizes as whole numbers; what is no Series of them is the caller's mistake."""
    wanted = (
        "A Series of bytes is wanted, such as storage.set_index('repository')['physical_bytes']"
    )
    if not isinstance(sizes, pd.Series):
        raise TypeError(f"{wanted}, not {type(sizes).__name__}.")
    if not pd.api.types.is_numeric_dtype(sizes.dtype):
        raise ValueError(f"{wanted}: this one is of {sizes.dtype}.")
    known = sizes.dropna()
    if (known < 0).any():
        raise ValueError(f"{wanted}: some are below 0.")
    return known.astype("int64")


def drawn(
    title: str, alt: str, width: int, height: int, parts: Iterable[Element], *, role: str = "img"
) -> Picture:
    """Make a picture of its parts, on the theme's ground."""
    whole = element(
        "svg",
        "",
        element("title", title),
        element("desc", alt),
        element("rect", "", width=width, height=height, fill=GROUND),
        *parts,
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {width} {height}",
        width=width,
        height=height,
        role=role,
        aria_label=f"{title}. {alt}",
        font_family=_FONT,
        font_size=12,
    )
    return Picture(title, alt, ElementTree.tostring(whole, "unicode"), width, height)


def bytes_text(size_bytes: float) -> str:
    """Write a size as the widgets do: with three digits."""
    units = ("B", "kB", "MB", "GB", "TB", "PB")
    unit = 0
    while abs(size_bytes) >= 999.5 and unit < len(units) - 1:
        size_bytes, unit = size_bytes / 1000, unit + 1
    return (
        f"{size_bytes:.0f} B" if unit == 0 else f"{size_bytes:#.3g}".rstrip(".") + f" {units[unit]}"
    )


def shortened(text: str, letters: int) -> str:
    """Give a text that has room for so many letters."""
    return text if len(text) <= letters else f"{text[: max(letters - 1, 0)]}…"


def _said(value: object) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return _UNSPEAKABLE.sub("\ufffd", text)
