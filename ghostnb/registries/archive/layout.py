"""Archives that hold an OCI image layout."""

from ghostnb.oci import Digest
from ghostnb.registries.abilities import CATALOGUE
from ghostnb.registries.archive.contained import Contained, read_document
from ghostnb.registries.archive.file import ArchiveFile
from ghostnb.registries.archive.members import Member, Members
from ghostnb.registries.layout.index import MAX_INDEX_BYTES, read_index
from ghostnb.registries.layout.marker import MARKER, MAX_MARKER_BYTES, marker_problem
from ghostnb.registries.layout.store import INDEX, place_of

__all__ = ["MARKER", "read_layout"]


def read_layout(file: ArchiveFile, members: Members, default: str) -> Contained:
    """Read what an archived image layout holds, by the rules of `LayoutRegistry`.

    Parameters
    ----------
    file : ArchiveFile
    members : Members
    default : str
        The repository of entries that name none.

    Raises
    ------
    ProtocolError
        If it is no layout of a version that is known.
    """
    marker = read_document(file, members, MARKER, limit_bytes=MAX_MARKER_BYTES)
    if problem := marker_problem(marker):
        raise file.faults.broken(problem)
    raw = read_document(file, members, INDEX, limit_bytes=MAX_INDEX_BYTES)

    def locate(digest: Digest) -> Member | None:
        return members.find("/".join(place_of(digest)))

    found = read_index(raw, default, source=f"{INDEX} of {file.faults.path}")
    return Contained(found, locate, catalogue=members.find_document("/".join(CATALOGUE)))
