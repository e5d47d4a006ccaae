"""Memory of a layers frame: prints a line of JSON.

Usage: python -m tests.benchmarks.memory IMAGES
"""

import json
import resource
import sys

import pandas as pd

from ghostnb.frames import LayersTable
from ghostnb.oci import Digest
from ghostnb.registries.images import Image, Layer

_LAYERS = 10


def _content(number: int, position: int) -> bytes:
    """Say what is in a layer: the first nine are the base image's and the repository's."""
    owner = number if position == _LAYERS - 1 else number // 20 if position > 4 else "base"
    return f"{owner} {position}".encode()


def image(number: int) -> Image:
    """Make an image with one layer of its own, as builds on a base image have."""
    layers = tuple(
        Layer(
            position,
            Digest.of(_content(number, position)),
            Digest.of(b"plain " + _content(number, position)),
            "application/vnd.oci.image.layer.v1.tar+gzip",
            1000 + position,
            "2026-01-01T00:00:00Z",
            f"RUN step {position} of {number // 20}",
        )
        for position in range(_LAYERS)
    )
    name = f"team/app-{number // 20:05}"
    return Image("bench", name, f"v{number % 20}", Digest.of(str(number).encode()), "m", 0,
                 platform="linux/amd64", layers=layers)  # fmt: skip


def main() -> None:
    """Gather images, and print rows, the frame's size and the peak beyond the imports."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    table = LayersTable()
    for number in range(int(sys.argv[1])):
        table.add(image(number))
    frame: pd.DataFrame = table.frame()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    mib = frame.memory_usage(deep=True).sum() / 2**20
    print(json.dumps({"rows": len(frame), "frame_mib": mib, "peak_mib": (peak - before) / 1024}))


if __name__ == "__main__":
    main()
