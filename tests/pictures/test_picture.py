"""Pictures as notebooks show them, and as files."""

from __future__ import annotations

import struct
import sys
import zlib
from xml.etree import ElementTree

import pandas as pd
import pytest

from ghostnb.errors import PictureError
from ghostnb.pictures import treemap
from tests.parts.disks import fill_up, small_disk

PICTURE = treemap(pd.Series({"team/app": 3000, "team/web": 1000}), width=200, height=100)


def pixels(path):
    """Read a PNG's size, and its bytes of colour."""
    content = path.read_bytes()
    width, height = struct.unpack(">II", content[16:24])
    data, at = b"", 8
    while at < len(content):
        length, kind = struct.unpack(">I4s", content[at : at + 8])
        data += content[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    return width, height, zlib.decompress(data)


def test_a_notebook_shows_it_and_reads_it():
    bundle = PICTURE._repr_mimebundle_()
    assert bundle["image/svg+xml"] == PICTURE.svg
    assert bundle["text/plain"].startswith("Storage. 2 areas, 4.00 kB in all")
    assert repr(PICTURE) == f"Picture(title='Storage', alt={PICTURE.alt!r})"


def test_it_has_the_themes_colours_on_a_page_and_its_own_alone():
    assert "var(--ghostnb-ground, #ffffff)" in PICTURE.markup
    assert "var(" not in PICTURE.svg
    assert 'fill="#ffffff"' in PICTURE.svg


def test_as_svg(tmp_path):
    path = PICTURE.save(tmp_path / "a.svg")
    assert path.read_text() == PICTURE.svg


@pytest.mark.parametrize("scale", [1, 2.5])
def test_as_png(tmp_path, scale):
    width, height, content = pixels(PICTURE.save(tmp_path / "a.png", scale=scale))
    # The title stands above.
    assert (width, height) == (200 * scale, 128 * scale)
    assert len(set(content)) > 5


def test_a_file_that_is_there_is_kept_unless_asked(tmp_path):
    path = tmp_path / "a.svg"
    path.write_text("mine")
    with pytest.raises(PictureError, match=r"is there already. .* overwrite=True"):
        PICTURE.save(path)
    assert path.read_text() == "mine"
    PICTURE.save(path, overwrite=True)
    assert path.read_text() == PICTURE.svg


def test_a_full_disk_takes_nothing_away(tmp_path):
    with small_disk(tmp_path / "disk", 1) as disk:
        path = disk / "a.svg"
        path.write_text("mine")
        fill_up(disk / "ballast")
        with pytest.raises(PictureError, match="No space left on device"):
            PICTURE.save(path, overwrite=True)
        assert sorted(one.name for one in disk.iterdir()) == ["a.svg", "ballast"]
        assert path.read_text() == "mine"


def test_places_where_nothing_can_be_written(tmp_path):
    with pytest.raises(PictureError, match=r"Cannot write .*none/a.svg \(No such file"):
        PICTURE.save(tmp_path / "none/a.svg")
    with pytest.raises(ValueError, match=r"path: .*a.jpeg' ends in neither .svg nor .png"):
        PICTURE.save(tmp_path / "a.jpeg")


def test_without_resvg_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(PictureError, match=r"pip install 'ghostnb\[charts\]'; or save it as SVG"):
        PICTURE.save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scale", [0, -1, 1e-9, 1000, float("nan"), float("inf"), "2", None, True])
def test_a_scale_that_no_picture_can_have_is_refused(scale, tmp_path):
    """resvg gives up the whole process where it gets no memory."""
    with pytest.raises((TypeError, ValueError), match="scale: "):
        PICTURE.save(tmp_path / "a.png", scale=scale)
    assert list(tmp_path.iterdir()) == []


def test_where_it_stands_alone_its_title_stands_above():
    picture = treemap(pd.Series({"a": 1}), "Bytes of <a> & b")
    root = ElementTree.fromstring(picture.svg)
    assert root.get("viewBox") == "0 -28 960 448"
    assert [one.text for one in root.iter() if one.get("y") == "-10"] == ["Bytes of <a> & b"]
    assert "font-weight" not in picture.markup
