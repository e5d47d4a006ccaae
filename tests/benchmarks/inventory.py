"""One measured inventory in a process of its own: prints a line of JSON.

Usage: python -m tests.benchmarks.inventory URL TRANSPORT CONNECTIONS
"""

import json
import os
import sys
import time


def main() -> None:
    """Take a cold and a warm inventory, and print what they took."""
    url, transport, connections = sys.argv[1:]
    os.environ.update(GHOSTNB_CACHE="off", GHOSTNB_FAST="on" if transport == "fast" else "off")
    import ghostnb

    config = ghostnb.RegistryConfig("bench", url, max_connections=int(connections))
    client = ghostnb.RegistryClient(config)
    seconds, images = [], 0
    for _ in range(2):
        started = time.perf_counter()
        frame = ghostnb.run(client.inventory(progress=False))
        seconds.append(time.perf_counter() - started)
        images = int(frame["image_digest"].nunique())
    cpu = sum(os.times()[:2])
    print(json.dumps({"images": images, "rows": len(frame), "seconds": seconds, "cpu": cpu}))
    ghostnb.run(client.aclose())


if __name__ == "__main__":
    main()
