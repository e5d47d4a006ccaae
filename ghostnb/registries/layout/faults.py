"""What can be wrong with an image layout, in words."""

import errno
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RegistryError,
    ServerError,
)

__all__ = ["Faults", "check_writable"]

_READ_ONLY = "Its disk is mounted read-only: mount it for writing, or choose another place."


def check_writable(directory: str) -> None:
    """Raise the system's own error if nothing can be made in a directory; leave no trace.

    To root, a disk that is read only looks as if it could be written to.
    """
    if os.statvfs(directory).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if not os.access(directory, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


class Faults:
    """Turns what the system says about one directory into errors of ours.

    Parameters
    ----------
    root : str
        Absolute.
    registry : str
        The registry's name, for messages.

    Attributes
    ----------
    is_served : bool
        Whether others are shown what is there: then a layout that is not there
        any more is a failure, and nothing that they may take for an empty registry.
    """

    def __init__(self, root: str, registry: str) -> None:
        self.root = root
        self.registry = registry
        self.is_served = False

    @contextmanager
    def guard(self, what: str, *, absent_is_known: bool = False) -> Iterator[None]:
        """Turn the system's errors into ours.

        Parameters
        ----------
        what : str
            What is read or written.
        absent_is_known : bool
            Let `FileNotFoundError` pass, for a caller that knows what it means.
        """
        try:
            yield
        except RegistryError:
            # Translated already: a timeout of ours is an OSError too.
            raise
        except OSError as e:
            if absent_is_known and isinstance(e, FileNotFoundError):
                raise
            raise self._failed(what, e) from e

    def check_writable(self, what: str) -> None:
        """See that the directory can be written to, or be made, without a trace.

        Parameters
        ----------
        what : str
            What would be written.

        Raises
        ------
        ForbiddenError
        NotFoundError, ProtocolError
            If a file is in the way.
        """
        nearest = _nearest(self.root)
        if not os.path.isdir(nearest):
            raise self.no_layout()
        with self.guard(what):
            check_writable(nearest)

    def no_layout(self, reason: str = "") -> RegistryError:
        """Say what is at the root where no layout is, and perhaps why none can be there."""
        if self.is_served:
            return ServerError(
                f"There is no OCI image layout at {self.root} any more.",
                hint="See whether its volume is mounted; nothing is made anew in its place.",
                registry=self.registry,
                status=503,
            )
        if os.path.isfile(self.root):
            return ProtocolError(
                f"{self.root} is a file, not an OCI image layout.",
                hint="If it is an archive of one, open oci:PATH (again) to read it, "
                "or unpack it into a directory.",
                registry=self.registry,
            )
        if not os.path.isdir(self.root) or _is_begun(os.listdir(self.root)):
            why = _obstacle(self.root) or reason
            return NotFoundError(
                f"There is no OCI image layout at {self.root}"
                + (f", and none can be made: {why}." if why else "."),
                hint="Check the path, or name another."
                if why
                else "Check the path; a push or backup makes one.",
                registry=self.registry,
            )
        return self.broken("it has no oci-layout file")

    def broken(self, problem: str) -> ProtocolError:
        """Say what is wrong with the layout."""
        return ProtocolError(
            f"{self.root} is not a valid OCI image layout: {problem}.",
            hint="Check the path, or copy the layout again.",
            registry=self.registry,
        )

    def _failed(self, what: str, error: OSError) -> RegistryError:
        where = "" if what == self.root else f"{self.root}: "
        reason = error.strerror or str(error)
        problem = f"{where}{what} cannot be used ({reason})."
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            there = _nearest(self.root)
            whose = "it" if there == self.root else there
            is_read_only = error.errno == errno.EROFS
            hint = _READ_ONLY if is_read_only else f"See who owns {whose} and what its mode is."
            # To somebody else's client it is no matter of rights: a server that may not read
            # its files has failed, and one whose disk is read only takes no pushes.
            code = 405 if is_read_only else 500
            return ForbiddenError(problem, hint=hint, registry=self.registry, status=code)
        if os.path.isfile(self.root) or not os.path.isdir(self.root):
            # What is not there is no obstacle, but for who makes it.
            is_absent = isinstance(error, FileNotFoundError) and what != self.root
            return self.no_layout("" if is_absent else reason)
        if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.ELOOP):
            return self.broken(f"{what} cannot be used ({error.strerror})")
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "Free some space; nothing that was complete is lost." if is_full else ""
        status = 507 if is_full else None
        return ServerError(problem, hint=hint, registry=self.registry, status=status)


def _nearest(path: str) -> str:
    """Give a path itself, or what is there of the way to it."""
    while not os.path.lexists(path):
        path = os.path.dirname(path)
    return path


def _obstacle(path: str) -> str:
    """Say what stands where a directory would have to be made; empty if nothing does."""
    nearest = _nearest(path)
    if os.path.isdir(nearest):
        return ""
    is_dangling = os.path.islink(nearest) and not os.path.exists(nearest)
    return f"{nearest} is {'a link that leads nowhere' if is_dangling else 'no directory'}"


def _is_begun(names: Collection[str]) -> bool:
    """Tell whether nothing is there but what comes before a layout's marker, or that by now."""
    others = [name for name in names if not name.startswith(".") and name != "index.json"]
    return not others or "oci-layout" in others
