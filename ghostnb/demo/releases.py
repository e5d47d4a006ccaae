"""What is released in the sample registry, and when."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ghostnb.demo.build import Build
from ghostnb.demo.sources import Library, Source, Text

__all__ = ["BOTH", "Release", "app", "moment"]

BOTH = ("amd64", "arm64")
_BEGIN = datetime(2025, 5, 12, 8, 0, tzinfo=UTC)

# What the sample applications are made of; each release drops one and takes up another.
_MODULES = (
    *("argparse", "ast", "base64", "bisect", "calendar", "cmd", "codeop", "configparser"),
    *("contextlib", "copy", "csv", "dataclasses", "difflib", "dis", "doctest", "enum", "filecmp"),
    *("fileinput", "fractions", "ftplib", "functools", "getpass", "gettext", "glob", "graphlib"),
    *("heapq", "imaplib", "inspect", "ipaddress", "linecache", "locale", "mailbox", "mimetypes"),
    *("netrc", "optparse", "pickle", "pickletools", "platform", "plistlib", "poplib", "pprint"),
    *("profile", "pstats", "queue", "random", "sched", "secrets", "selectors", "shelve", "shlex"),
    *("shutil", "smtplib", "socketserver", "statistics", "tempfile", "textwrap", "threading"),
    *("timeit", "trace", "traceback", "turtle", "typing", "uuid", "warnings", "weakref"),
    "webbrowser",
)


@dataclass(frozen=True, slots=True)
class Release:
    """An image and its tags.

    Attributes
    ----------
    repository : str
    tags : tuple of str
        The first is the image's own; the others moved here from earlier ones.
        Without any it is a leftover.
    build : Build
    architectures : tuple of str
        With several it becomes an index.
    is_attested : bool
        Whether BuildKit's provenance stands in the index too.
    """

    repository: str
    tags: tuple[str, ...]
    build: Build
    architectures: tuple[str, ...] = ("amd64",)
    is_attested: bool = False

    @property
    def sources(self) -> Iterator[tuple[Source, ...]]:
        """The sources of each layer on each processor, in order, repeated where shared."""
        for architecture in self.architectures:
            yield from self.layers_on(architecture)

    def layers_on(self, architecture: str) -> list[tuple[Source, ...]]:
        """Give the sources of each layer on a processor."""
        steps = [step.sources for step in self.build.steps if step.sources]
        return [tuple(source.on(architecture) for source in sources) for sources in steps]


def moment(day: int) -> str:
    """Say when something was made: some days after the beginning, at some hour of work."""
    when = _BEGIN + timedelta(days=day, minutes=day * 97 % 540, seconds=day * 31 % 60)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def app(name: str, version: str, number: int, *, size: int = 6) -> Sequence[Source]:
    """Make an application's own files: most of them are those of the release before.

    Parameters
    ----------
    name, version : str
    number : int
        The release's, from 0.
    size : int
        How many modules it has.
    """
    first = sum(map(ord, name)) % len(_MODULES) + number
    modules = [_MODULES[(first + n) % len(_MODULES)] for n in range(size)]
    return (
        Library(tuple(modules), f"srv/{name}"),
        Text(f"srv/{name}/version.py", f'__version__ = "{version}"\n'),
    )
