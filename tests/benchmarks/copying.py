"""One measured copy, in a process of its own: prints a line of JSON.

Usage: python -m tests.benchmarks.copying SOURCE TARGET REPOSITORY[:TAG]...
Without a tag, all tags of the repository.
"""

import asyncio
import json
import re
import sys
import time
from pathlib import Path

from ghostnb.oci import Reference
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.concurrency import ordered_map
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.transfer.copying import Copier

_IMAGES_AT_ONCE = 8


async def copy(source_url: str, target_url: str, names: list[str]) -> int:
    """Copy, and give the bytes that were sent."""
    source, target = (
        HTTPRegistry(RegistryConfig(name, url, insecure=True), cache=ContentCache())
        for name, url in (("source", source_url), ("target", target_url))
    )
    copier = Copier(source, target)

    async def one(reference: Reference) -> None:
        await copier.copy(reference, reference.repository, reference.tag)

    references = []
    for name in names:
        repository, _, tag = name.partition(":")
        tags = [tag] if tag else [tag async for tag in source.tags(repository)]
        references += [Reference("", repository, tag) for tag in tags]
    async for _ in ordered_map(one, references, workers=_IMAGES_AT_ONCE):
        pass
    await source.aclose()
    await target.aclose()
    return copier.bytes_moved


def _peak_kib() -> int:
    # Not getrusage: that counts what the parent had before this process became another.
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) if found else 0


def main() -> None:
    """Measure once."""
    source_url, target_url, *names = sys.argv[1:]
    started = time.perf_counter()
    moved = asyncio.run(copy(source_url, target_url, names))
    seconds = time.perf_counter() - started
    found = {"seconds": seconds, "bytes_moved": moved, "peak_kib": _peak_kib()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
