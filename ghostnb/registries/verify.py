"""The one place where content is held against its digest and size."""

from collections.abc import AsyncGenerator, AsyncIterator

from ghostnb.errors import IntegrityError, ProtocolError
from ghostnb.oci import Descriptor, Digest

__all__ = [
    "check_content",
    "check_digest",
    "check_length",
    "check_pieces",
    "check_size",
    "check_sizes",
]


def check_content(
    content: bytes, digest: Digest, size_bytes: int | None = None, *, source: str
) -> bytes:
    """Give content back if it is what was asked for.

    Parameters
    ----------
    content : bytes
    digest : Digest
    size_bytes : int, optional
    source : str
        Where it came from, for the message.

    Raises
    ------
    IntegrityError
        Naming what was expected and what came.
    """
    if size_bytes is not None and len(content) != size_bytes:
        raise _wrong_size(size_bytes, len(content), digest, source)
    if not digest.matches(content):
        raise _wrong_digest(digest, Digest.of(content, digest.algorithm), source)
    return content


def check_digest(came: str, digest: Digest, *, source: str) -> None:
    """Raise if content that was hashed on the way is not what was asked for.

    Raises
    ------
    IntegrityError
    """
    if came != digest:
        raise _wrong_digest(digest, came, source)


def check_length(content: bytes, descriptor: Descriptor, *, source: str) -> bytes:
    """Give content back that is known by its digest, if it has the size that is stated.

    Raises
    ------
    IntegrityError
    """
    if len(content) != descriptor.size_bytes:
        raise _wrong_size(descriptor.size_bytes, len(content), descriptor.digest, source)
    return content


def check_size(descriptor: Descriptor, limit_bytes: int, *, source: str) -> None:
    """Refuse content that says of itself that it is too large to be read whole.

    Raises
    ------
    ProtocolError
    """
    if descriptor.size_bytes > limit_bytes:
        raise ProtocolError(
            f"{descriptor.digest} of {source} has {descriptor.size_bytes:,} bytes; "
            f"a {descriptor.media_type} of more than {limit_bytes:,} cannot be right."
        )


async def check_pieces(
    pieces: AsyncIterator[bytes], descriptor: Descriptor, *, source: str
) -> AsyncGenerator[bytes, None]:
    """Pass pieces on, and raise after the last if they were not what was asked for.

    Raises
    ------
    IntegrityError
        As soon as there are too many bytes, or at the end.
    """
    hasher, count = descriptor.digest.hasher(), 0
    async for piece in pieces:
        count += len(piece)
        if count > descriptor.size_bytes:
            raise _wrong_size(descriptor.size_bytes, count, descriptor.digest, source)
        hasher.update(piece)
        yield piece
    if count != descriptor.size_bytes:
        raise _wrong_size(descriptor.size_bytes, count, descriptor.digest, source)
    check_digest(
        f"{descriptor.digest.algorithm}:{hasher.hexdigest()}", descriptor.digest, source=source
    )


async def check_sizes(
    pieces: AsyncIterator[bytes], descriptor: Descriptor, first: int, source: str
) -> AsyncGenerator[bytes, None]:
    """Pass pieces from a byte on, and raise if they are more or fewer than there should be.

    Raises
    ------
    IntegrityError
    """
    count = first
    async for piece in pieces:
        count += len(piece)
        if count > descriptor.size_bytes:
            break
        yield piece
    if count != descriptor.size_bytes:
        raise _wrong_size(descriptor.size_bytes, count, descriptor.digest, source)


def _wrong_size(expected: int, came: int, digest: Digest, source: str) -> IntegrityError:
    return IntegrityError(
        f"{source} gave {came} bytes for {digest}, which has {expected}; they were discarded.",
        hint="Try again; if it stays so, the registry's storage or a proxy between is damaged.",
    )


def _wrong_digest(expected: Digest, came: str, source: str) -> IntegrityError:
    return IntegrityError(
        f"{source} gave content with the digest {came} for {expected}; it was discarded.",
        hint="Try again; if it stays so, the registry's storage or a proxy between is damaged.",
    )
