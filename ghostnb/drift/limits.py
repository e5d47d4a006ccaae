"""How much Drift takes."""

from dataclasses import dataclass

from ghostnb.oci import MAX_MANIFEST_BYTES

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How much Drift takes at once.

    Attributes
    ----------
    manifest_bytes : int
    concurrent_uploads : int
        Bodies of blobs that are received at once; one more is answered 429.
    concurrent_downloads : int
        Blobs that are sent at once; one more is answered 429. Each of them has
        a file open, and what its client has not taken yet in memory.
    header_bytes : int
        Of one request, its first line included.
    header_seconds : float
        From a connection's begin, or a request's, to the end of its headers.
    page_size : int
        Names in one answer, if not fewer were asked for.
    grace_seconds : float
        How young content may be that a garbage collection leaves alone.
    idle_seconds, idle_bytes : float, int
        So much of a body must come, or be taken, within so long: who is gone
        without a goodbye, or sends a byte now and then, holds neither a place
        nor memory nor the upload.
    """

    manifest_bytes: int = MAX_MANIFEST_BYTES
    concurrent_uploads: int = 128
    concurrent_downloads: int = 256
    header_bytes: int = 64 * 1024
    header_seconds: float = 30.0
    page_size: int = 10_000
    grace_seconds: float = 3600.0
    idle_seconds: float = 60.0
    idle_bytes: int = 64 * 1024
