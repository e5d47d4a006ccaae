"""Content digests."""

import hashlib
import re
from typing import TYPE_CHECKING, Self

from ghostnb.errors import InvalidReferenceError

if TYPE_CHECKING:
    from hashlib import _Hash

# OCI image-spec v1.1, "Digests"
_GRAMMAR = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+")
# Nearly every digest: checked at once.
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_HEX_LENGTHS = {"sha256": 64, "sha512": 128}
_HEX = re.compile(r"[0-9a-f]+")


class Digest(str):
    """A content digest such as ``sha256:6c3c…``: a `str` that is known to be one.

    Parameters
    ----------
    text : str
        ``algorithm:encoded``. For sha256 and sha512 the encoded part must be
        lower-case hexadecimal of the right length.

    Raises
    ------
    InvalidReferenceError
        If the text is no digest.

    Notes
    -----
    Source: OCI image-spec v1.1, "Digests".

    Examples
    --------
    >>> Digest.of(b"")
    Digest('sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    >>> Digest.of(b"").short
    'e3b0c44298fc'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:  # noqa: D102 (the class says it)
        if not _SHA256.fullmatch(text) and not _is_well_formed(text):
            raise InvalidReferenceError(
                f"{text[:200]!r} is not a digest.",
                hint="A digest looks like sha256: followed by 64 hexadecimal digits.",
            )
        return super().__new__(cls, text)

    @classmethod
    def of(cls, content: bytes, algorithm: str = "sha256") -> Self:
        """Compute the digest of some bytes."""
        return cls(f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}")

    @property
    def algorithm(self) -> str:
        """For example ``sha256``."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """What stands after the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first twelve characters of the encoded part, as Docker shows an id."""
        return self.encoded[:12]

    def hasher(self) -> "_Hash":
        """Begin hashing with this digest's algorithm.

        Raises
        ------
        InvalidReferenceError
            If the algorithm is neither sha256 nor sha512, so that content
            cannot be checked.
        """
        if self.algorithm not in _HEX_LENGTHS:
            raise InvalidReferenceError(
                f"The digest {self} uses {self.algorithm}, which cannot be checked.",
                hint="sha256 and sha512 can.",
            )
        return hashlib.new(self.algorithm)

    def matches(self, content: bytes) -> bool:
        """Tell whether some bytes have this digest."""
        hasher = self.hasher()
        hasher.update(content)
        return hasher.hexdigest() == self.encoded

    def __repr__(self) -> str:
        return f"Digest({str(self)!r})"

    def __str__(self) -> str:
        return str.__str__(self)


def _is_well_formed(text: str) -> bool:
    if not _GRAMMAR.fullmatch(text):
        return False
    algorithm, _, encoded = text.partition(":")
    length = _HEX_LENGTHS.get(algorithm)
    return length is None or (len(encoded) == length and bool(_HEX.fullmatch(encoded)))
