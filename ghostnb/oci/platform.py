"""Operating system and processor of an image."""

import platform as host
import re
from typing import Self

import msgspec

from ghostnb.errors import InvalidReferenceError

# As containerd normalises them: what the kernel says against what Go says.
_ARCHITECTURES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armhf": "arm",
    "armv7l": "arm",
    "i386": "386",
    "i686": "386",
}
_DEFAULT_VARIANTS = {"arm64": "v8", "arm": "v7", "amd64": "v1"}
_PART = re.compile(r"[A-Za-z0-9_.-]+")


class Platform(msgspec.Struct, frozen=True, omit_defaults=True):
    """What an image runs on, shown as ``os/architecture`` or ``os/architecture/variant``.

    Attributes
    ----------
    os, architecture, variant : str
        In Go's words: ``linux``, ``amd64``, ``v8``; empty if not given.
    os_version : str
        Windows gives its build here.
    os_features : tuple of str

    Notes
    -----
    Source: OCI image-spec v1.1, "Image Index Property Descriptions".

    Examples
    --------
    >>> str(Platform.parse("linux/arm64/v8"))
    'linux/arm64/v8'
    >>> Platform.parse("linux/aarch64").matches(Platform.parse("linux/arm64/v8"))
    True
    """

    architecture: str = ""
    os: str = ""
    variant: str = ""
    os_version: str = msgspec.field(name="os.version", default="")
    os_features: tuple[str, ...] = msgspec.field(name="os.features", default=())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os/architecture[/variant]``.

        Raises
        ------
        InvalidReferenceError
            If the text has not two or three parts.
        """
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(_PART.fullmatch(part) for part in parts):
            raise InvalidReferenceError(
                f"{text[:200]!r} is not a platform.",
                hint="Write it as os/architecture or os/architecture/variant: linux/arm64/v8.",
            )
        return cls(parts[1], parts[0], parts[2] if len(parts) == 3 else "")

    @classmethod
    def default(cls) -> Self:
        """Give the platform that containers of this machine have: Linux on its processor."""
        machine = host.machine().lower()
        return cls(architecture=_ARCHITECTURES.get(machine, machine), os="linux")

    @property
    def is_unknown(self) -> bool:
        """True for ``unknown/unknown``, which BuildKit gives to attestations."""
        return self.os == "unknown" and self.architecture == "unknown"

    def matches(self, wanted: Self) -> bool:
        """Tell whether an image of this platform is one that was asked for.

        A wanted platform without a variant takes every variant; the default
        variants (arm64/v8, arm/v7) may be left out on either side.
        """
        return (
            self.os == wanted.os
            and _architecture(self) == _architecture(wanted)
            and (not wanted.variant or _variant(self) == _variant(wanted))
        )

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def _architecture(platform: Platform) -> str:
    return _ARCHITECTURES.get(platform.architecture, platform.architecture)


def _variant(platform: Platform) -> str:
    return platform.variant or _DEFAULT_VARIANTS.get(_architecture(platform), "")
