"""What a daemon says of an image that it does not have.

The wordings are those of moby 20.10, which says it in three ways, and Podman 4.3.
"""

import re

from ghostnb.errors import EngineError

__all__ = ["absent_image_error", "says_absent"]

_ABSENT = re.compile(
    r"^no such image\b|^tag does not exist: |^an image does not exist locally\b"
    r"|^failed to find image \S+: ",
    re.IGNORECASE,
)


def says_absent(words: str) -> bool:
    """Tell whether a daemon's words mean that it has no such image."""
    return _ABSENT.search(words.strip()) is not None


def absent_image_error(said: str, advice: str = "") -> EngineError:
    """Make the error for it.

    Parameters
    ----------
    said : str
        Who would not do what, and the daemon's words.
    advice : str
        What else to try, besides looking at what there is.
    """
    hint = f"engine.images() lists those that there are. {advice}".rstrip()
    error = EngineError(said, hint=hint)
    error.status = 404
    return error
