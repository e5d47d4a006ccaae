"""What can be wrong with an archive, in words."""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    ServerError,
    UnsupportedError,
)

__all__ = ["Faults"]

# How compressed files begin, and what makes a tar of them.
_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"\xfd7zXZ\x00": ("xz", "unxz"),
    b"BZh": ("bzip2", "bunzip2"),
}


class Faults:
    """Turns what is wrong with one file into errors of ours.

    Parameters
    ----------
    path : str
        Absolute.
    registry : str
        The registry's name, for messages.
    """

    def __init__(self, path: str, registry: str) -> None:
        self.path = path
        self.registry = registry

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Turn the system's errors into ours."""
        try:
            yield
        except RegistryError:
            # Translated already: a timeout of ours is an OSError too.
            raise
        except OSError as e:
            raise self._failed(e) from e

    def broken(self, problem: str, hint: str = "Copy or save it again.") -> ProtocolError:
        """Say what is wrong with the archive."""
        return ProtocolError(
            f"{self.path} is not a valid archive of images: {problem}.",
            hint=hint,
            registry=self.registry,
        )

    def irregular(self) -> ProtocolError:
        """Say that there is something else than a file."""
        return self.broken("it is no ordinary file", "Check the path.")

    def truncated(self, where: str) -> ProtocolError:
        """Say that the file ends too early."""
        return self.broken(
            f"it is cut off {where}",
            "If another program is writing it, try again when that has ended; else copy it again.",
        )

    def unknown(self) -> ProtocolError:
        """Say that a tar holds no images."""
        return self.broken(
            "it has neither an oci-layout nor a manifest.json at its root",
            "Save it again with docker save, podman save or skopeo copy; "
            "of an image layout's directory make one with: tar -C DIR -cf FILE.tar .",
        )

    def refuse_compressed(self, start: bytes) -> None:
        """Raise if the first bytes are a compressed file's.

        Raises
        ------
        UnsupportedError
            Naming the command that helps.
        """
        for magic, (name, program) in _COMPRESSED.items():
            if start.startswith(magic):
                raise UnsupportedError(
                    f"{self.path} is compressed with {name} as a whole, "
                    "so that nothing in it can be found without reading all before it.",
                    hint=f"Decompress it: {program} -c {shlex.quote(self.path)} "
                    f"> {shlex.quote(_plain(self.path))}",
                    registry=self.registry,
                )

    def _failed(self, error: OSError) -> RegistryError:
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return NotFoundError(
                f"There is no archive at {self.path} any more.",
                hint="Check the path; what was moved there since is found by itself.",
                registry=self.registry,
            )
        problem = f"{self.path} cannot be read ({error.strerror or error})."
        if isinstance(error, PermissionError):
            hint = "See who owns it and what its mode is."
            return ForbiddenError(problem, hint=hint, registry=self.registry)
        if not os.path.isfile(self.path):
            return self.irregular()
        return ServerError(problem, hint="See whether its disk is well.", registry=self.registry)


def _plain(path: str) -> str:
    """Name a file that what is in a compressed one can be written to."""
    stem, suffix = os.path.splitext(path)
    if suffix in (".gz", ".tgz", ".zst", ".xz", ".bz2"):
        path = stem
    return path if suffix != ".tar" and path.endswith(".tar") else f"{path}.tar"
