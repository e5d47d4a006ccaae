"""What a daemon says about a container, as errors that say what to do.

The wordings are those of moby 20.10 to 28 and Podman 4.3, which have their statuses apart:
Podman answers 500 for a name that is taken, Docker 409.
"""

import re
from dataclasses import dataclass

from ghostnb.errors import EngineError

__all__ = ["container_error"]

_MAX_WORDS = 1000


@dataclass(frozen=True, slots=True)
class Meaning:
    """A wording, and what it means."""

    words: re.Pattern[str]
    status: int | None
    hint: str


def container_error(refused: str, words: str, **called: str | None) -> EngineError:
    """Make the error for what a daemon would not do with a container.

    Parameters
    ----------
    refused : str
        Who would not do what.
    words : str
        The daemon's own, without environment values.
    **called : str or None
        How the hint is to call the `container`, `image` or `name`.

    Returns
    -------
    EngineError
        With a `status`, if the words are known.
    """
    said = words.strip().rstrip(".")[:_MAX_WORDS]
    found = next((one for one in _MEANINGS if one.words.search(said)), _UNKNOWN)
    names = {key: repr(value) for key, value in called.items()}
    # the container that stands in the way is not always the one that was named
    hint = found.hint.format_map({"container": "…", "image": "…", "name": "…"} | names)
    error = EngineError(f"{refused}: {said}.", hint=hint)
    error.status = found.status
    return error


def _meaning(words: str, status: int | None, hint: str) -> Meaning:
    return Meaning(re.compile(words, re.IGNORECASE), status, hint)


_UNKNOWN = Meaning(re.compile(""), None, "")
_MEANINGS = (
    _meaning(r"^no such image\b", 404, "Pull it first: engine.pull({image})"),
    _meaning(
        r"\bname \S+ is already in use\b",
        409,
        "Choose another name, or remove the other container: engine.remove({name})",
    ),
    _meaning(
        r"port is already allocated|address already in use",
        409,
        "Choose another port of the host, or leave it out for a free one.",
    ),
    _meaning(
        r"\bexec: .*(?:no such file or directory|not found in \$PATH|permission denied)",
        400,
        "Is the command in the image, and may it be executed? The first word is a program's name.",
    ),
    _meaning(
        r"\bno such container\b|^Not Found$", 404, "engine.containers() lists those that there are."
    ),
    _meaning(
        r"^Multiple IDs found with provided prefix|\bis ambiguous$|\bmore than one result for\b",
        409,
        "Several ids begin like that: write more of it.",
    ),
    _meaning(
        r"\bnetwork \S+ not found|: network not found|^network not found",
        404,
        "Make it first (docker network create, podman network create), or name another.",
    ),
    _meaning(
        r"^already running$",
        409,
        "To start it anew: engine.restart({container})",
    ),
    _meaning(r"^it is not running$", 409, "Start it first: engine.start({container})"),
    _meaning(
        r"cannot remove .*\b(?:as it is|container is|a) (?:running|paused|restarting)\b",
        409,
        "Stop it first: engine.stop({container}), or engine.remove({container}, force=True)",
    ),
    _meaning(
        r"could not be stopped: .*container state improper",
        409,
        "It was just ending by itself; try again.",
    ),
    _meaning(
        r"cannot start a paused container|must be in Created or Stopped state|in a paused or",
        409,
        "If it is paused, unpause it first: docker unpause, podman unpause.",
    ),
    _meaning(
        r"bind source path does not exist|statfs \S+: no such file",
        400,
        "Make that directory on the daemon's machine, or give a volume's name instead.",
    ),
    _meaning(
        r"\bno command (?:specified|or entrypoint)",
        400,
        "Give command=…: the image has none of its own.",
    ),
    _meaning(
        r"driver does not support reading|cannot read logs",
        None,
        "Its logging driver keeps nothing that could be read.",
    ),
)
