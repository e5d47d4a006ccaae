"""What an archive says that it holds, whichever program wrote it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from ghostnb.oci import Digest
from ghostnb.registries.archive.file import ArchiveFile
from ghostnb.registries.archive.members import Member, Members, shown
from ghostnb.registries.layout.index import Contents

__all__ = ["Contained", "find_document", "read_document", "read_member"]


@dataclass(frozen=True, slots=True)
class Contained:
    """The contents of an archive.

    Attributes
    ----------
    repositories : dict of str to Contents
    locate : callable
        Gives the member that holds a digest's bytes; None if there is none.
    made : mapping of Digest to bytes
        Manifests that stand in no member, since their format has none.
    catalogue : Member or None
        What a backup wrote of itself.
    """

    repositories: dict[str, Contents]
    locate: Callable[[Digest], Member | None]
    made: Mapping[Digest, bytes] = field(default_factory=dict)
    catalogue: Member | None = None


def read_document(file: ArchiveFile, members: Members, name: str, *, limit_bytes: int) -> bytes:
    """Read a member whole that must be there, once.

    Raises
    ------
    ProtocolError
        If it is not, or is larger than it can be.
    """
    member = find_document(file, members, name)
    return read_member(file, member, name, limit_bytes=limit_bytes)


def find_document(file: ArchiveFile, members: Members, name: str) -> Member:
    """Give a member that must be there, once.

    Raises
    ------
    ProtocolError
        If it is not.
    """
    member = members.find_document(name)
    if member is None:
        raise file.faults.broken(f"it has no {shown(name)}")
    return member


def read_member(file: ArchiveFile, member: Member, name: str, *, limit_bytes: int) -> bytes:
    """Read a member whole.

    Raises
    ------
    ProtocolError
        If it is larger than it can be.
    """
    if member.size_bytes > limit_bytes:
        size = f"{member.size_bytes:,} bytes, over {limit_bytes:,}"
        raise file.faults.broken(f"its {shown(name)} has {size}")
    return file.read_at(member.offset, member.size_bytes)
