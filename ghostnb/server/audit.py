"""Who did what, and what was refused: events of a published schema, in a file that rotates."""

import logging
import os
import time
from collections.abc import Callable, Mapping
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from jupyter_events import EventLogger

from ghostnb.errors import ConfigError
from ghostnb.wire.clock import now

__all__ = ["SCHEMA_FILE", "SCHEMA_ID", "AuditTrail"]

SCHEMA_ID = "https://ghostnb.dev/events/audit/v1"
SCHEMA_FILE = Path(__file__).with_name("audit_schema.yaml")
_log = logging.getLogger("ghostnb.server")
_MAX_BYTES, _FILES = 10 * 2**20, 10
_MAX_LENGTH = 512
_STRANGERS_A_MINUTE = 120
_NAMES = ("registry", "repository", "tag", "digest", "job")


class AuditTrail:
    """Emits one event a request through Jupyter's event logger, and keeps them in a file.

    Parameters
    ----------
    events : EventLogger
        The server's: what else listens there gets them, too.
    file : Path
        JSON, one event a line; made with its directory, for its owner's eyes. When it has
        grown to 10 MiB it becomes ``FILE.1``, and so on up to ``FILE.10``.

    Raises
    ------
    ConfigError
        If the file cannot be written: then nothing may be done that is not remembered.
    """

    def __init__(self, events: EventLogger, file: Path) -> None:
        self._events = events
        self._strangers = _Strangers()
        self.file = file
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lines = _Lines(file, maxBytes=_MAX_BYTES, backupCount=_FILES, encoding="utf-8")
        except OSError as e:
            raise ConfigError(
                f"The audit cannot be written to {file} ({e.strerror}).",
                hint="Name another directory: --state DIR.",
            ) from e
        if SCHEMA_ID not in events.schemas:
            events.register_event_schema(SCHEMA_FILE)
        events.register_handler(self._lines)

    @property
    def is_written(self) -> bool:
        """False if the last event could not be kept."""
        return not self._lines.has_failed

    def note(
        self,
        *,
        action: str,
        actor: str | None,
        about: Mapping[str, str],
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        address: str | None = None,
        resource: str | None = None,
        outcome: str = "",
    ) -> None:
        """Remember what was done, or refused.

        Parameters
        ----------
        action : str
            The operation.
        actor : str or None
        about : mapping of str to str
            ``registry``, ``repository``, ``tag``, ``digest``, ``job``; all else is the target.
        status, code, request_id, address, resource
            As the schema has them.
        outcome : str, optional
            By default what the status says.
        """
        named = {name: _short(about.get(name)) for name in _NAMES}
        others = " ".join(text for name, text in about.items() if name not in _NAMES)
        event: dict[str, Any] = {
            "time": now(),
            "request_id": request_id,
            "actor": _short(actor),
            "address": address,
            "action": action,
            "resource": resource,
            **named,
            "target": _short(others or None),
            "outcome": outcome or _outcome(status),
            "status": status,
            "code": code,
        }
        if actor is None and event["outcome"] == "denied":
            self._strangers.note(event, self._emit)
        else:
            self._emit(event)

    def _emit(self, event: dict[str, Any]) -> None:
        # What others emit by this schema, such as through Jupyter's own route, is not ours.
        self._lines.is_ours = True
        try:
            self._events.emit(schema_id=SCHEMA_ID, data=event)
        finally:
            self._lines.is_ours = False

    def close(self) -> None:
        """Let go of the file."""
        self._events.remove_handler(self._lines)
        self._lines.close()


class _Strangers:
    """Bounds what is remembered of those who are not known: they could fill the files."""

    def __init__(self) -> None:
        self._minute, self._count = 0, 0

    def note(self, event: dict[str, Any], emit: Callable[[dict[str, Any]], None]) -> None:
        """Remember a refusal, or count it if there are many; the next minute tells how many."""
        minute = int(time.monotonic() // 60)
        if minute != self._minute:
            if self._count > _STRANGERS_A_MINUTE:
                more = self._count - _STRANGERS_A_MINUTE
                emit({**event, "request_id": None, "address": None, "target": f"{more} more"})
            self._minute, self._count = minute, 0
        self._count += 1
        if self._count <= _STRANGERS_A_MINUTE:
            emit(event)


class _Lines(RotatingFileHandler):
    """Takes this schema's events alone; others of the server are for others."""

    has_failed = False
    is_ours = False

    def _open(self) -> Any:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        return os.fdopen(descriptor, "a", encoding=self.encoding)

    def filter(self, record: logging.LogRecord) -> bool:
        event = record.msg
        is_audit = isinstance(event, dict) and event.get("__schema__") == SCHEMA_ID
        return self.is_ours and is_audit

    def emit(self, record: logging.LogRecord) -> None:
        self.has_failed = False
        stream: Any = self.stream
        if stream is not None and self._was_rotated(stream):  # by another agent that writes here
            stream.close()
            self.stream = self._open()
        super().emit(record)

    def _was_rotated(self, stream: Any) -> bool:
        try:
            there = os.stat(self.baseFilename)
        except FileNotFoundError:
            return True
        here = os.fstat(stream.fileno())
        return (here.st_dev, here.st_ino) != (there.st_dev, there.st_ino)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  its name in logging
        self.has_failed = True
        _log.critical("The audit cannot be written to %s.", self.baseFilename, exc_info=True)


def _outcome(status: int | None) -> str:
    if status in (401, 403):
        return "denied"
    return "success" if status is not None and status < 400 else "failure"


def _short(text: str | None) -> str | None:
    return text[:_MAX_LENGTH] if text is not None else None
