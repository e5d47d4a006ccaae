"""The images that the engine's tests pull: one repository a purpose."""

from pathlib import Path

from tests.parts.images import Document, Settings, Step, image, index, plain_image
from tests.parts.layers import Entry, layer
from tests.parts.processes import find_program

SIZE_BYTES = 300_000


def _image(seed: str, *, layers: int = 3, size_bytes: int = SIZE_BYTES) -> Document:
    return plain_image(f"engine-{seed}", layers=layers, size_bytes=size_bytes)


MULTI = index([_image("multi")])
REPOSITORIES: dict[str, dict[str, Document]] = {
    "team/app": {"1.0": _image("app"), "latest": _image("app-latest"), "2.0": _image("app-2")},
    "team/slow": {"1.0": _image("slow")},
    "team/other": {"1.0": _image("other")},
    "team/moved": {"1.0": _image("moved-1"), "2.0": _image("moved-2")},
    "team/secret": {"1.0": _image("secret", layers=1)},
    "team/cancelled": {tag: _image(f"cancelled-{tag}") for tag in ("break", "task", "close")},
    "team/killed": {"1.0": _image("killed")},
    "team/loops": {"1.0": _image("loop-1", layers=1), "2.0": _image("loop-2", layers=1)},
    "team/pushed": {"1.0": _image("pushed", layers=2)},
    "team/multi": {"1.0": MULTI},
}


def box() -> Document:
    """Build the image that runs: a busybox without libraries, and no command."""
    program = Path(find_program("busybox", "busybox-static")).read_bytes()
    files = [
        Entry("bin/busybox", program, mode=0o755),
        *(Entry(f"bin/{name}", link="busybox") for name in ("sh", "echo", "sleep", "cat")),
        Entry("tmp", directory=True, mode=0o777),
    ]
    return image([Step("COPY busybox /bin", layer(files))], Settings(env=["PATH=/bin"], cmd=None))


def document(name: str) -> Document:
    """Find the image of ``REPOSITORY:TAG``."""
    repository, _, tag = name.partition(":")
    return REPOSITORIES[repository][tag]
