"""The same two requests an image by oras-py on 16 threads: prints a line of JSON.

Usage: python -m tests.benchmarks.oras_peer HOST:PORT < a line "repository tag" an image
"""

import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import oras.client
import oras.container

_local = threading.local()
_THREADS = 16


def read(host: str, line: str) -> int:
    """Read one image's manifest and config."""
    if not hasattr(_local, "client"):
        _local.client = oras.client.OrasClient(insecure=True)
    repository, tag = line.split()
    container = oras.container.Container(f"{host}/{repository}:{tag}")
    manifest = _local.client.get_manifest(container)
    reply = _local.client.get_blob(container, manifest["config"]["digest"])
    return len(reply.json()["history"])


def main() -> None:
    """Read what standard input lists, and print what it took."""
    host, lines = sys.argv[1], sys.stdin.read().splitlines()
    started = time.perf_counter()
    with ThreadPoolExecutor(_THREADS) as pool:
        count = len(list(pool.map(lambda line: read(host, line), lines)))
    print(json.dumps({"images": count, "seconds": [time.perf_counter() - started]}))


if __name__ == "__main__":
    main()
