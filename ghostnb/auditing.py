"""What an agent has remembered, read back."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pandas as pd
import platformdirs

from ghostnb.errors import AuditError
from ghostnb.frames.audit import audit_events_frame

__all__ = ["audit_frame", "usual_state_dir"]

_FILE = "audit.jsonl"
_SCHEMA = "https://ghostnb.dev/events/audit/"


class _Event(msgspec.Struct):
    time: str
    action: str
    outcome: str
    schema: str = msgspec.field(name="__schema__")
    actor: str | None = None
    address: str | None = None
    resource: str | None = None
    registry: str | None = None
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None
    target: str | None = None
    status: int | None = None
    code: str | None = None
    job: str | None = None
    request_id: str | None = None


_decoder = msgspec.json.Decoder(_Event)


def usual_state_dir() -> Path:
    """Say where an agent keeps what outlives it, unless told."""
    return platformdirs.user_state_path("ghostnb") / "agent"


def audit_frame(path: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """Read what an agent's audit remembers: who did what, and what was refused.

    Parameters
    ----------
    path : str or path, optional
        The file ``audit.jsonl``, or the directory that holds it; by default this user's
        agent's. What it was rotated to (``audit.jsonl.1`` and so on) is read with it.

    Returns
    -------
    pandas.DataFrame
        As `ghostnb.frames.audit_events_frame`, the oldest first. Lines that cannot be read, such
        as one that a power cut left half-written, stand in ``.attrs["errors"]``, a list of
        dictionaries with ``file``, ``line`` and ``message``.

    Raises
    ------
    AuditError
        If there is no such file, or it is no audit.

    Warns
    -----
    UserWarning
        If lines could not be read.
    """
    file = Path(usual_state_dir() if path is None else path).absolute()
    file = file / _FILE if file.is_dir() else file
    events: list[_Event] = []
    errors: list[dict[str, object]] = []
    for part in _parts(file):
        for number, found in enumerate(_lines(part), 1):
            if isinstance(found, _Event):
                events.append(found)
            else:
                errors.append({"file": str(part), "line": number, "message": found})
    if errors and not events:
        raise AuditError(f"{file} is no audit.", hint="An agent's is called audit.jsonl.")
    frame = audit_events_frame(events)
    frame.attrs["errors"] = errors
    if errors:
        message = f"{len(errors)} of the audit's lines cannot be read; see .attrs['errors']."
        warnings.warn(message, UserWarning, stacklevel=2)
    return frame


def _parts(file: Path) -> list[Path]:
    """Give a file and what it was rotated to, the oldest first."""
    ends = (
        (one.name.removeprefix(f"{file.name}."), one) for one in file.parent.glob(f"{file.name}.*")
    )
    older = sorted((int(end), one) for end, one in ends if end.isascii() and end.isdigit())
    return [*(one for _, one in reversed(older)), file]


def _lines(file: Path) -> Iterator[_Event | str]:
    try:
        with file.open("rb") as lines:
            for line in lines:
                yield _read(line)
    except OSError as e:
        raise AuditError(
            f"The audit cannot be read from {file} ({e.strerror}).",
            hint="Name the agent's file, or its --state directory.",
        ) from e


def _read(line: bytes) -> _Event | str:
    try:
        event = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        return str(e)
    return event if event.schema.startswith(_SCHEMA) else "It is an event of something else."
