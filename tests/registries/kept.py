"""Content in a cache's file, written and read by caches that know nothing but the file."""

from ghostnb.oci import Digest
from ghostnb.registries.disk_cache import DiskCache

BODIES = [bytes([n]) * 10_000 for n in range(100)]
BODY = BODIES[1]
DIGEST = Digest.of(BODY)


def kept(path, body=BODY, scope="s"):
    """Read by a cache that knows nothing but the file."""
    cache = DiskCache(path)
    try:
        return cache.get(scope, Digest.of(body))
    finally:
        cache.close()


def write(path, *bodies, **options):
    cache = DiskCache(path, **options)
    for body in bodies:
        cache.put("s", Digest.of(body), body)
    cache.close()
