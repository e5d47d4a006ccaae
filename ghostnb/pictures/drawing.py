"""SVG, element by element."""

import re
from collections.abc import Iterable
from xml.etree import ElementTree

from ghostnb.pictures.colours import GROUND
from ghostnb.pictures.picture import Picture

__all__ = ["Element", "drawn", "element"]

Element = ElementTree.Element
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


def _said(value: object) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    return _UNSPEAKABLE.sub("\ufffd", text)
