"""Where the files of a sample layer come from: this machine's own Python."""

import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, PackageNotFoundError, PackagePath
from pathlib import Path
from typing import Protocol, Self

__all__ = ["File", "Library", "Package", "Program", "Source", "Text", "distribution"]

_LIBRARY = "usr/local/lib/python3"
_SITE = f"{_LIBRARY}/site-packages"
# What an installer writes about the one installation.
_LEFT_OUT = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "tests", ".."})
_BINARIES = frozenset({".so", ".pyd", ".dylib", ".dll", ".exe"})


@dataclass(frozen=True, slots=True)
class File:
    """A file of a layer.

    Attributes
    ----------
    path : str
        In the image, without a leading slash.
    content : bytes
    mode : int
    """

    path: str
    content: bytes
    mode: int = 0o644


class Source(Protocol):
    """Something that gives files. Equal sources give equal files."""

    def files(self) -> Iterator[File]:
        """Iterate over the files; over none where this machine lacks them."""
        ...

    def on(self, architecture: str) -> Self:
        """Give the source as it is for a processor."""
        ...


@dataclass(frozen=True, slots=True)
class Text:
    """One file of text; ``{architecture}`` in it stands for the processor.

    Parameters
    ----------
    path, content : str
    mode : int, optional
    """

    path: str
    content: str
    mode: int = 0o644

    def files(self) -> Iterator[File]:
        """Give the one file."""
        yield File(self.path, self.content.encode(), self.mode)

    def on(self, architecture: str) -> Self:
        """Fill in the processor."""
        return replace(self, content=self.content.replace("{architecture}", architecture))


@dataclass(frozen=True, slots=True)
class Library:
    """Modules and packages of the standard library, as source.

    Parameters
    ----------
    names : tuple of str
        One that this Python lacks is passed over.
    folder : str, optional
        Where they stand in the image.
    """

    names: tuple[str, ...]
    folder: str = _LIBRARY

    def files(self) -> Iterator[File]:
        """Iterate over the modules' files."""
        library = Path(sysconfig.get_path("stdlib"))
        for name in self.names:
            folder = library / name
            found = folder.rglob("*.py") if folder.is_dir() else [library / f"{name}.py"]
            for file in found:
                if file.is_file() and not _LEFT_OUT & set(file.parts):
                    place = file.relative_to(library).as_posix()
                    yield File(f"{self.folder}/{place}", file.read_bytes())

    def on(self, architecture: str) -> Self:
        """Give the same: source runs on every processor."""
        return self


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package, without its tests.

    Parameters
    ----------
    name : str
    with_binaries : bool, optional
        Take its shared libraries along: then the layer is for this machine's
        processor alone.
    """

    name: str
    with_binaries: bool = False

    def files(self) -> Iterator[File]:
        """Iterate over the package's files."""
        found = distribution(self.name)
        for place in (found.files if found else None) or ():
            if _LEFT_OUT & set(place.parts) or place.suffix == ".pyc" or self._is_unwanted(place):
                continue
            file = Path(str(place.locate()))
            if file.is_file():
                yield File(f"{_SITE}/{place.as_posix()}", file.read_bytes())

    def on(self, architecture: str) -> Self:
        """Give the same."""
        return self

    def _is_unwanted(self, place: PackagePath) -> bool:
        # The libraries beside a wheel's own (numpy.libs) would make half of the registry.
        is_bundled = place.parts[0].endswith(".libs")
        return is_bundled or (place.suffix in _BINARIES and not self.with_binaries)


@dataclass(frozen=True, slots=True)
class Program:
    """A program of this machine.

    Parameters
    ----------
    path : str
        Where it stands in the image.
    file : Path
        Where it is here.
    """

    path: str
    file: Path

    def files(self) -> Iterator[File]:
        """Give the one file."""
        yield File(self.path, self.file.read_bytes(), 0o755)

    def on(self, architecture: str) -> Self:
        """Give the same: it runs on this machine's processor alone."""
        return self


def distribution(name: str) -> Distribution | None:
    """Find an installed package; None if there is no such."""
    try:
        return Distribution.from_name(name)
    except PackageNotFoundError:
        return None
