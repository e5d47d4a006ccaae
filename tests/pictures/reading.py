"""SVG, read back."""

from __future__ import annotations

from xml.etree import ElementTree

from ghostnb.pictures import Picture

NAMESPACE = "{http://www.w3.org/2000/svg}"


def read(picture: Picture) -> ElementTree.Element:
    """Parse the SVG of a page."""
    return ElementTree.fromstring(picture.markup)


def all_of(picture: Picture, tag: str) -> list[ElementTree.Element]:
    return read(picture).findall(f".//{NAMESPACE}{tag}")


def texts(picture: Picture) -> list[str]:
    """Give what can be read in it."""
    return [one.text or "" for one in all_of(picture, "text")]


def titles(picture: Picture) -> list[str]:
    """Give what is said of its parts, the whole's first."""
    return [one.text or "" for one in all_of(picture, "title")]
