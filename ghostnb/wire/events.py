"""What happened in a registry, as one value, whoever told it."""

from dataclasses import dataclass

__all__ = ["Event"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a registry or to an agent; None is unknown.

    Attributes
    ----------
    id : str
        The same for the same happening, however often it is told.
    time : str
        RFC 3339, in UTC.
    source : str
        Who told it: ``agent``, or a kind of webhook (``distribution``, ``harbor``, …).
    action : str
        ``push``, ``pull``, ``delete``, ``copy``, ``scan`` and so on: one word or two with a dash.
    registry : str or None
        Its name in the agent's configuration.
    host : str or None
        Where the source says that it is: host and port.
    repository, tag, digest, media_type : str or None
    size_bytes : int or None
        Of the manifest or blob that it is about.
    actor : str or None
        Who did it.
    outcome : str
        ``success``, ``failure`` or ``denied``.
    message : str
        For people; may be empty.
    """

    id: str
    time: str
    source: str
    action: str
    registry: str | None = None
    host: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    media_type: str | None = None
    size_bytes: int | None = None
    actor: str | None = None
    outcome: str = "success"
    message: str = ""
