"""Packages that an image has, by the files in which package managers say so."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

__all__ = ["Package", "package_reader"]

_MEBIBYTE = 2**20
_FIELD = re.compile(r"^([A-Za-z-]+): *(.*?) *$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Package:
    """A package.

    Attributes
    ----------
    manager : str
        ``dpkg``, ``apk``, ``python`` or ``npm``.
    name, version : str
    path : str
        Of the file that says that it is there.
    """

    manager: str
    name: str
    version: str
    path: str


def package_reader(path: str, size_bytes: int) -> Callable[[bytes], list[Package]] | None:
    """Give what reads a file of a package manager; None for any other file.

    Parameters
    ----------
    path : str
    size_bytes : int
        One that is larger than any real one is not read.

    Notes
    -----
    Sources: dpkg(1), ``/var/lib/dpkg/status``; distroless keeps a file a package in
    ``status.d``. Alpine's wiki, "Apk spec", installed database. Python packaging, "Core
    metadata" and "Recording installed projects". npm, "package.json".
    """
    for pattern, most, read in _SOURCES:
        if size_bytes <= most and pattern.fullmatch(path):
            return partial(_listed, read, path)
    return None


def _listed(
    read: Callable[[str], Iterator[tuple[str, str, str]]], path: str, content: bytes
) -> list[Package]:
    text = content.decode("utf-8", "replace")
    return [Package(manager, name, version, path) for manager, name, version in read(text)]


def _dpkg(text: str) -> Iterator[tuple[str, str, str]]:
    for fields in _paragraphs(text):
        # What was removed leaves its configuration. Distroless writes no status.
        if fields.get("Status", "installed").split()[-1:] == ["installed"]:
            yield from _named("dpkg", fields.get("Package"), fields.get("Version"))


def _apk(text: str) -> Iterator[tuple[str, str, str]]:
    for fields in _paragraphs(text):
        yield from _named("apk", fields.get("P"), fields.get("V"))


def _python(text: str) -> Iterator[tuple[str, str, str]]:
    # The description comes after the first empty line.
    fields = dict(_FIELD.findall(text.partition("\n\n")[0]))
    yield from _named("python", fields.get("Name"), fields.get("Version"))


def _npm(text: str) -> Iterator[tuple[str, str, str]]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        # Test suites are full of such files: they are no packages.
        return
    if isinstance(fields, dict):
        yield from _named("npm", fields.get("name"), fields.get("version"))


def _named(manager: str, name: object, version: object) -> Iterator[tuple[str, str, str]]:
    if isinstance(name, str) and isinstance(version, str) and name and version:
        yield manager, name, version


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    for paragraph in text.split("\n\n"):
        if fields := dict(_FIELD.findall(paragraph)):
            yield fields


_SOURCES = (
    (re.compile(r"/var/lib/dpkg/status"), 64 * _MEBIBYTE, _dpkg),
    (re.compile(r"/var/lib/dpkg/status\.d/(?!.*\.md5sums$)[^/]+"), _MEBIBYTE, _dpkg),
    (re.compile(r"(?:/usr)?/lib/apk/db/installed"), 64 * _MEBIBYTE, _apk),
    (re.compile(r".+\.dist-info/METADATA|.+\.egg-info(?:/PKG-INFO)?"), 4 * _MEBIBYTE, _python),
    (re.compile(r".*/node_modules/(?:@[^/]+/)?[^/]+/package\.json"), _MEBIBYTE, _npm),
)
