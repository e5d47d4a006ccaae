"""Where the demo is kept: its registry, the configuration that names it, the notebooks."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import platformdirs
import tomli_w

from ghostnb.demo.filling import fill_demo
from ghostnb.errors import ConfigError
from ghostnb.loop import hop
from ghostnb.registries.layout import LayoutRegistry

try:
    import fcntl
except ImportError:  # not a POSIX system: writing an image layout says so
    fcntl = None  # type: ignore[assignment]

__all__ = ["DemoRoot", "default_root", "prepare_demo"]

# To be raised when the sample content changes: older roots are then filled up.
_CONTENT = "2\n"


def default_root() -> Path:
    """Say where the demo is kept unless told: in the user's cache."""
    return platformdirs.user_cache_path("ghostnb") / "demo"


async def prepare_demo(root: Path | str) -> Path:
    """Make the sample registry in a directory, unless it is there.

    Parameters
    ----------
    root : path
        May be absent. Of a filling that was ended halfway, the rest is made.

    Returns
    -------
    Path
        The registry: an OCI image layout.

    Raises
    ------
    ConfigError
        If the directory cannot be written to.
    """
    place = DemoRoot.of(root)
    await place.fill()
    return place.layout


@dataclass(frozen=True, slots=True)
class DemoRoot:
    """The demo's directory.

    Attributes
    ----------
    path : Path
        Absolute.
    """

    path: Path

    @classmethod
    def of(cls, path: Path | str) -> Self:
        """Take a directory as the user writes it."""
        return cls(Path(path).expanduser().absolute())

    @property
    def layout(self) -> Path:
        """The registry's own directory, an OCI image layout."""
        return self.path / "registry"

    @property
    def config(self) -> Path:
        """The ``registries.toml``."""
        return self.path / "registries.toml"

    @property
    def notebooks(self) -> Path:
        """Where the user's copies of the notebooks are."""
        return self.path / "notebooks"

    @property
    def is_filled(self) -> bool:
        """Whether all of the sample content is there."""
        return self._marker.is_file() and self._marker.read_text() == _CONTENT

    @property
    def _marker(self) -> Path:
        return self.path / "content-version"

    async def fill(self) -> None:
        """Make the sample content, unless it is there."""
        if self.is_filled:
            return
        self.make()
        await hop(fill_demo(LayoutRegistry(self.layout, name="drift")))
        # Last, so that it is there only when all the rest is.
        self._replace(self._marker, _CONTENT)

    def make(self) -> None:
        """Make the directory.

        Raises
        ------
        ConfigError
            If that cannot be.
        """
        with self._writing():
            self.path.mkdir(parents=True, exist_ok=True)

    def write_config(self, url: str) -> None:
        """Name the registry where it is served now, and Docker Hub."""
        registries = [
            {"name": "local-drift", "url": url},
            {"name": "docker-hub", "url": "https://registry-1.docker.io"},
        ]
        self._replace(self.config, tomli_w.dumps({"registries": registries}))

    def copy_notebook(self, source: Path) -> Path:
        """Give the user a copy of a notebook; one that is there may hold their work, and stays."""
        copy = self.notebooks / source.name
        if not copy.exists():
            with self._writing():
                self.notebooks.mkdir(parents=True, exist_ok=True)
            self._replace(copy, _unrun(source.read_text(encoding="utf-8")))
        return copy

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other demos out: they would name another port in the same configuration.

        Raises
        ------
        ConfigError
            If one runs here.
        """
        self.make()
        with self._writing():
            lock = open(self.path / ".lock", "a")  # noqa: SIM115 (closed below)
        with lock:
            try:
                if fcntl is not None:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(
                    f"A demo runs in {self.path} already.",
                    hint=f"Use it by GHOSTNB_CONFIG={self.config}, or choose another --root.",
                ) from None
            yield

    def _replace(self, file: Path, text: str) -> None:
        """Write a file whole, in place of what was there."""
        with self._writing():
            partial = file.with_name(f".{file.name}.partial")
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, file)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as e:
            raise ConfigError(
                f"The demo cannot be kept in {self.path} ({e.strerror or e}).",
                hint="Choose a directory that you may write to with --root.",
            ) from e


def _unrun(notebook: str) -> str:
    """Take out of a notebook what running it elsewhere has shown, and what tests read in it."""
    document = json.loads(notebook)
    for cell in document["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
            cell["source"] = [line for line in cell["source"] if not line.startswith("# NBVAL_")]
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
