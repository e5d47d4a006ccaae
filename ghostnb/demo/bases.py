"""The images that the others stand on: library/base, library/python, library/hello."""

import functools
import os
import struct
from pathlib import Path

from ghostnb.demo.build import Build
from ghostnb.demo.releases import BOTH, Release, moment
from ghostnb.demo.sources import Library, Program, Text
from ghostnb.oci import Platform

__all__ = [
    "base_at",
    "base_releases",
    "hello_releases",
    "is_static",
    "python_at",
    "python_releases",
]

BUSYBOX = Path("/bin/busybox")

# Of an ELF header: where the program headers are, how large each is, and how many.
_HEADER = struct.Struct("<32xQ14xHH")
_INTERPRETER = 3

_BASE_DAYS = (0, 92, 197, 305, 433)
_PYTHONS = {
    # The version, the day of its release, the version of the base.
    "3.12.4": (12, 0),
    "3.12.7": (104, 1),
    "3.13.0": (149, 1),
    "3.13.2": (226, 2),
    "3.12.11": (318, 3),
    "3.13.5": (331, 3),
    "3.13.9": (447, 4),
}
_MOVED_TO = {"3.12.11": ("3.12",), "3.13.9": ("3.13", "latest")}
_OS_RELEASE = 'NAME="Ghost Linux"\nID=ghost\nVERSION_ID="{}"\n'
_SYSTEM = Library(("encodings", "collections", "importlib", "re", "os", "abc", "io", "codecs"))
_NETWORK = Library(("socket", "ssl", "selectors", "ipaddress", "hashlib", "hmac"))
_RUNTIME = Library(
    (
        *("argparse", "asyncio", "concurrent", "ctypes", "datetime", "dbm", "email", "html"),
        *("http", "inspect", "json", "logging", "multiprocessing", "sqlite3", "subprocess"),
        *("tarfile", "tomllib", "unittest", "urllib", "wsgiref", "xml", "xmlrpc", "zoneinfo"),
    )
)


@functools.cache
def base(number: int) -> Build:
    """Give a version of the base image."""
    version = f"1.{number}"
    system = (
        _SYSTEM,
        Text("etc/os-release", _OS_RELEASE.format(version)),
        Text("etc/architecture", "{architecture}\n"),
        Text("etc/passwd", "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/srv:/bin/sh\n"),
    )
    build = Build(moment(_BASE_DAYS[number])).add(*system)
    return build.label("org.opencontainers.image.version", version).cmd("/bin/sh")


@functools.cache
def python(version: str) -> Build:
    """Give a version of the Python image."""
    day, number = _PYTHONS[version]
    build = base(number).at(moment(day)).env("PATH", "/usr/local/bin:/usr/bin:/bin")
    build = build.env("LANG", "C.UTF-8").run("apt-get install -y ca-certificates netbase", _NETWORK)
    build = build.env("PYTHON_VERSION", version)
    release = Text("usr/local/lib/python3/version.txt", f"{version}\n")
    build = build.run("./configure --enable-optimizations && make -j2 install", _RUNTIME, release)
    return build.label("org.opencontainers.image.version", version).cmd("python3")


def base_at(day: int) -> Build:
    """Give the base image that is new on a day, to go on from there."""
    return base(max(n for n, then in enumerate(_BASE_DAYS) if then <= day)).at(moment(day))


def python_at(day: int) -> Build:
    """Give the Python image that is new on a day, to go on from there."""
    released = [version for version, (then, _) in _PYTHONS.items() if then <= day]
    return python(max(released, key=lambda version: _PYTHONS[version][0])).at(moment(day))


def base_releases() -> list[Release]:
    """Give every version of the base image."""
    last = len(_BASE_DAYS) - 1
    tags = [(f"1.{number}", *(("latest",) * (number == last))) for number in range(last + 1)]
    return [Release("library/base", names, base(n), BOTH) for n, names in enumerate(tags)]


def python_releases() -> list[Release]:
    """Give every version of the Python image."""
    return [
        Release("library/python", (version, *_MOVED_TO.get(version, ())), python(version), BOTH)
        for version in _PYTHONS
    ]


def hello_releases() -> list[Release]:
    """Give the image that can be run: a static busybox, if this machine has one."""
    if not is_static(BUSYBOX):
        return []
    build = Build(moment(61)).copy("busybox", Program("bin/busybox", BUSYBOX), to="/bin/busybox")
    build = build.env("PATH", "/bin").cmd("busybox", "sh", "-c", "echo hello from ghostnb")
    architecture = Platform.default().architecture
    return [Release("library/hello", ("1.0", "latest"), build, (architecture,))]


def is_static(program: Path) -> bool:
    """Tell whether a program needs no shared libraries: it names no interpreter to load them.

    Notes
    -----
    Source: ELF-64 Object File Format, program header type PT_INTERP (3).
    """
    if not (program.is_file() and os.access(program, os.R_OK | os.X_OK)):
        return False
    with program.open("rb") as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size or header[:6] != b"\x7fELF\x02\x01":
            return False
        offset, size, count = _HEADER.unpack(header)
        file.seek(offset)
        table = file.read(size * count)
    kinds = [int.from_bytes(table[n * size : n * size + 4], "little") for n in range(count)]
    return _INTERPRETER not in kinds
