"""A stream of server-sent events, taken apart as it comes, and what an agent tells by it.

Notes
-----
Source: HTML standard, 9.2.6, "Interpreting an event stream".
"""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from ghostnb.errors import ProtocolError
from ghostnb.wire.events import Event
from ghostnb.wire.notifications.delivery import NotificationError
from ghostnb.wire.notifications.reading import (
    count_of,
    decode,
    digest_of,
    host_of,
    media_type_of,
    own_id,
    repository_of,
    tag_of,
    text_of,
    time_of,
)

__all__ = ["EventStream", "Heard", "Message", "decode_event"]

Heard = tuple[int, Event | ProtocolError]
"""A number, after which a feed can go on, and an event, or why it cannot be read."""

_MAX_LINE_BYTES = 256 * 1024
_MAX_MESSAGE_BYTES = 2**20
_MAX_MESSAGE_LETTERS = 2_000
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_PLAIN = "message"


@dataclass(frozen=True, slots=True)
class Message:
    """What a stream told at once.

    Attributes
    ----------
    id : str
        The last that was told by then; empty if none was.
    data : str
    type : str
        What kind of message the server calls it.
    """

    id: str
    data: str
    type: str = _PLAIN


class EventStream:
    """Takes a ``text/event-stream`` apart, wherever it is cut into pieces.

    Parameters
    ----------
    source : str
        Who sends it, for messages.
    max_line_bytes, max_message_bytes : int, optional
        What is longer is not waited for.

    Attributes
    ----------
    retry_seconds : float or None
        How long the server wants to be left alone before it is asked again.
    """

    def __init__(
        self,
        source: str,
        *,
        max_line_bytes: int = _MAX_LINE_BYTES,
        max_message_bytes: int = _MAX_MESSAGE_BYTES,
    ) -> None:
        self._source = source
        self._max_line_bytes, self._max_message_bytes = max_line_bytes, max_message_bytes
        self.retry_seconds: float | None = None
        self._line = bytearray()
        self._is_first_line = True
        self._is_after_return = False
        self._id = self._type = ""
        self._data: list[str] = []
        self._size_bytes = 0

    def feed(self, piece: bytes) -> list[Message]:
        """Take the next piece, and give the messages that are whole by it.

        Parameters
        ----------
        piece : bytes
            Of any length.

        Raises
        ------
        ProtocolError
            If a line or a message is too long.
        """
        found = []
        for part in piece.splitlines(keepends=True):
            if self._is_after_return and part == b"\n":  # the other half of a line's end
                self._is_after_return = False
                continue
            text = part.rstrip(b"\r\n")
            self._is_after_return = part.endswith(b"\r")
            self._take(text)
            if len(text) < len(part):
                message = self._end_line()
                found += [message] if message is not None else []
        return found

    def _take(self, text: bytes) -> None:
        self._line += text
        if len(self._line) > self._max_line_bytes:
            raise self._too_long("line", self._max_line_bytes)

    def _end_line(self) -> Message | None:
        line, self._line = self._line, bytearray()
        if self._is_first_line:
            line, self._is_first_line = line.removeprefix(_BYTE_ORDER_MARK), False
        if not line:
            return self._end_message()
        name, _, value = line.decode("utf-8", "replace").partition(":")
        self._note(name, value.removeprefix(" "), len(line))
        return None

    def _note(self, name: str, value: str, size_bytes: int) -> None:
        # A comment has an empty name; it is passed over like every field that is not known.
        if name == "data":
            self._data.append(value)
            self._size_bytes += size_bytes
            if self._size_bytes > self._max_message_bytes:
                raise self._too_long("message", self._max_message_bytes)
        elif name == "event":
            self._type = value
        elif name == "id" and "\0" not in value:
            self._id = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self.retry_seconds = float(value) / 1000

    def _end_message(self) -> Message | None:
        data, kind = self._data, self._type
        self._data, self._type, self._size_bytes = [], "", 0
        # What begins with one empty line of data has some all the same.
        return Message(self._id, "\n".join(data), kind or _PLAIN) if data else None

    def _too_long(self, what: str, limit: int) -> ProtocolError:
        return ProtocolError(
            f"{self._source} sent a {what} of more than {limit:,} bytes among its events; "
            "the rest was not read.",
            hint="Is this the address of an agent?",
        )


Name = Annotated[str, Meta(max_length=255)]


class _Told(msgspec.Struct):
    id: Annotated[str, Meta(min_length=1, max_length=255)]
    time: Name
    source: Name
    action: Name
    registry: Name | None = None
    host: Name | None = None
    repository: Name | None = None
    tag: Name | None = None
    digest: Name | None = None
    media_type: Name | None = None
    size_bytes: int | None = None
    actor: Name | None = None
    outcome: Name = "success"
    message: str = ""


def decode_event(data: str, source: str) -> Event:
    """Read an event as an agent tells it; what is not known of it is passed over.

    Parameters
    ----------
    data : str
        JSON.
    source : str
        Whose it is, for messages.

    Returns
    -------
    Event
        All of its texts can be shown as they are; a long message is cut.

    Raises
    ------
    ProtocolError
        If it is no JSON, or a field has a wrong type or is too long.
    """
    try:
        return _event(decode(data.encode("utf-8", "replace"), _Told))
    except NotificationError as e:
        raise ProtocolError(
            f"{source} told of an event that cannot be read at {e.path}: {e.problem}",
            hint="Is the agent of a later version?",
        ) from e


def _event(told: _Told) -> Event:
    return Event(
        id=own_id(told.id),
        time=time_of(told.time, "$.time"),
        source=text_of(told.source),
        action=text_of(told.action),
        registry=text_of(told.registry) or None,
        host=host_of(told.host),
        repository=repository_of(told.repository, "$.repository") if told.repository else None,
        tag=tag_of(told.tag, "$.tag"),
        digest=digest_of(told.digest, "$.digest"),
        media_type=media_type_of(told.media_type),
        size_bytes=count_of(told.size_bytes),
        actor=text_of(told.actor) or None,
        outcome=text_of(told.outcome),
        message=text_of(" ".join(told.message.split()), _MAX_MESSAGE_LETTERS),
    )
