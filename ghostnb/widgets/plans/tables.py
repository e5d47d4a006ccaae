"""The columns of what would happen."""

from ghostnb.widgets.table import Column

__all__ = ["COPIES", "DELETIONS", "PUSHES"]

DELETIONS = [
    Column("action", "Action", width="72px"),
    Column("repository", "Repository", width="minmax(8em, 2fr)"),
    Column("tag", "Tag", width="minmax(6em, 1fr)", is_optional=True),
    Column("reason", "Reason", width="minmax(12em, 3fr)", is_optional=True),
    Column("bytes_freed", "Frees", "bytes", "80px"),
    Column("siblings", "Other tags", width="minmax(6em, 1fr)", is_optional=True),
    Column("parents", "Held by", "digest", "minmax(8em, 1fr)", is_optional=True),
    Column("referrers", "Attached", "digest", "minmax(8em, 1fr)", is_optional=True),
    Column("digest", "Digest", "digest", "150px"),
]
COPIES = [
    Column("action", "Action", width="72px"),
    Column("repository", "Repository", width="minmax(8em, 1fr)"),
    Column("tag", "Tag", width="minmax(5em, 1fr)", is_optional=True),
    Column("target_repository", "Repository there", width="minmax(8em, 1fr)"),
    Column("target_tag", "Tag there", width="minmax(5em, 1fr)", is_optional=True),
    Column("bytes_moved", "Moves", "bytes", "80px", is_optional=True),
    Column("reason", "Reason", width="minmax(8em, 2fr)", is_optional=True),
    Column("target_digest", "Now there", "digest", "150px", is_optional=True),
    Column("digest", "Digest", "digest", "150px"),
]
PUSHES = [
    Column("action", "Action", width="72px"),
    Column("image", "Image", width="minmax(10em, 2fr)"),
    Column("target_repository", "Repository there", width="minmax(8em, 2fr)"),
    Column("target_tag", "Tag there", width="minmax(5em, 1fr)"),
    Column("size_bytes", "Size", "bytes", "80px"),
    Column("target_digest", "Now there", "digest", "160px", is_optional=True),
    Column("id", "ID", "digest", "160px"),
]
