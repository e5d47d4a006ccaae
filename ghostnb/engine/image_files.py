"""A file that an image is written to, piece by piece, and that is whole or not there."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ghostnb.errors import PathError

__all__ = ["written"]


def written(path: Path, pieces: Iterable[bytes]) -> Iterator[int]:
    """Write pieces to a new file, and tell after each how many bytes it has.

    Parameters
    ----------
    path : Path
    pieces : iterable of bytes

    Yields
    ------
    int

    Raises
    ------
    PathError
        If it is there already, or cannot be written.
    """
    try:
        file = path.open("xb")
    except FileExistsError as e:
        raise PathError(f"{path} is there already.", hint="Choose another name.") from e
    except OSError as e:
        raise _path_error(path, e) from e
    done, is_whole = 0, False
    try:
        with file:
            for piece in pieces:
                try:
                    file.write(piece)
                except OSError as e:
                    raise _path_error(path, e) from e
                done += len(piece)
                yield done
        is_whole = True
    finally:
        if not is_whole:
            path.unlink(missing_ok=True)


def _path_error(path: Path, error: OSError) -> PathError:
    return PathError(
        f"Cannot write {path} ({error.strerror or error}).",
        hint="Free some space there, or choose another directory.",
    )
