"""What is wrong with the description of a container, all of it at once."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from ghostnb.errors import InvalidContainerError

__all__ = ["first_of", "invalid", "numbered_lines", "read_lines", "shown"]

T = TypeVar("T")

_MAX_SHOWN = 60
_MAX_PROBLEMS = 5


def invalid(problems: Mapping[str, str]) -> InvalidContainerError:
    """Make the error that tells every problem.

    Parameters
    ----------
    problems : mapping of str to str
        A field's name to what is wrong in it.
    """
    said = " ".join(f"{field}: {problem}" for field, problem in problems.items())
    return InvalidContainerError(f"This is no container. {said}", problems=problems)


def shown(value: object) -> str:
    """Quote a value for a message, shortened."""
    text = value if isinstance(value, str) else repr(value)
    return repr(text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…")


def first_of(problems: Sequence[str]) -> str:
    """Join the first few: ten thousand wrong lines are told in as many words as ten."""
    rest = len(problems) - _MAX_PROBLEMS
    more = [f"And {rest} more."] if rest > 0 else []
    return " ".join([*problems[:_MAX_PROBLEMS], *more])


def numbered_lines(text: str) -> Iterable[tuple[int, str]]:
    """Give the lines that say something: no empty ones, none that begins with ``#``.

    Only a newline ends a line: a value may hold what else Unicode counts as an end.
    """
    lines = (line.removesuffix("\r") for line in text.split("\n"))
    return (
        (number, line)
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    )


def read_lines(text: str, read: Callable[[str], T]) -> tuple[tuple[T, ...], str]:
    """Read one value a line.

    Returns
    -------
    tuple of (tuple, str)
        The values, and what is wrong with the other lines; empty if nothing is.
    """
    values, problems = [], []
    for number, line in numbered_lines(text):
        try:
            values.append(read(line))
        except InvalidContainerError as error:
            problems += [f"Line {number}: {problem}" for problem in error.problems.values()]
    return tuple(values), first_of(problems)
