"""What is read of a notification, checked: nothing from outside goes on as it came."""

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

import msgspec

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Digest, check_repository, check_tag
from ghostnb.wire.notifications.delivery import MAX_BODY_BYTES, MAX_EVENTS, NotificationError

__all__ = [
    "count_of",
    "decode",
    "digest_of",
    "few",
    "host_of",
    "identity",
    "media_type_of",
    "own_id",
    "repository_of",
    "tag_of",
    "text_of",
    "time_of",
    "unix_time_of",
]

Decoded = TypeVar("Decoded")
Item = TypeVar("Item")

_MAX_TEXT = 200
_MAX_NAME = 255
_MAX_COUNT = 2**53  # what JavaScript still shows exactly
_OWN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_UNSHOWN = "\N{REPLACEMENT CHARACTER}"
_HOST = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,252}|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?")
# RFC 6838, section 4.2
_MEDIA_TYPE = re.compile(r"[A-Za-z0-9][\w!#$&^.+-]{0,126}/[A-Za-z0-9][\w!#$&^.+-]{0,126}", re.ASCII)


def decode(body: bytes, kind: type[Decoded]) -> Decoded:
    """Read a body as JSON of some shape.

    Raises
    ------
    NotificationError
        If it is too long, no JSON, or of another shape.
    """
    if len(body) > MAX_BODY_BYTES:
        raise NotificationError("$", f"{len(body):,} bytes came, and {MAX_BODY_BYTES:,} are read.")
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError as e:
        raise NotificationError("$", "Its JSON is nested too deeply.") from e
    except (msgspec.MsgspecError, UnicodeDecodeError) as e:
        problem, _, path = str(e).partition(" - at ")
        raise NotificationError(path.strip("`") or "$", f"{problem[:_MAX_TEXT]}.") from e


def few(items: Sequence[Item] | None, path: str) -> Sequence[Item]:
    """Give a list that may be absent, if it is not too long.

    Raises
    ------
    NotificationError
        If one delivery would become too many events.
    """
    if items and len(items) > MAX_EVENTS:
        raise NotificationError(path, f"{len(items):,} came, and {MAX_EVENTS:,} are read at once.")
    return items or ()


def repository_of(name: str, path: str) -> str:
    """Give a repository's name.

    Raises
    ------
    NotificationError
        If none can be called so.
    """
    try:
        # The length first: no pattern is tried on a long text.
        return check_repository(name if len(name) <= _MAX_NAME else name[: _MAX_NAME + 1])
    except InvalidReferenceError as e:
        raise NotificationError(path, e.message) from e


def tag_of(tag: str | None, path: str) -> str | None:
    """Give a tag; None if there is none.

    Raises
    ------
    NotificationError
        If none can be called so.
    """
    try:
        return check_tag(tag) if tag else None
    except InvalidReferenceError as e:
        raise NotificationError(path, e.message) from e


def digest_of(text: str | None, path: str) -> str | None:
    """Give a digest; None if there is none.

    Raises
    ------
    NotificationError
        If the text is no digest.
    """
    if text and len(text) > _MAX_NAME:
        raise NotificationError(path, f"{text[:_MAX_TEXT]!r}… is not a digest.")
    try:
        return str(Digest(text)) if text else None
    except InvalidReferenceError as e:
        raise NotificationError(path, e.message) from e


def text_of(text: str | None, limit: int = _MAX_TEXT) -> str:
    r"""Give what people may read: one line, bounded, without what moves or hides letters.

    Examples
    --------
    >>> text_of("robot$ci\x1b[31m\u202e")
    'robot$ci�[31m�'
    """
    if not text:
        return ""
    cut = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return "".join(letter if letter.isprintable() else _UNSHOWN for letter in cut)


def host_of(text: str | None) -> str | None:
    """Give host and port in lower case; None if it is none.

    Examples
    --------
    >>> host_of("Registry.example:5000"), host_of("<script>")
    ('registry.example:5000', None)
    """
    host = (text or "")[: _MAX_NAME + 7].lower()
    return host if _HOST.fullmatch(host) else None


def media_type_of(text: str | None) -> str | None:
    """Give a media type; None if it is none."""
    return text if text and _MEDIA_TYPE.fullmatch(text) else None


def count_of(number: int | None) -> int | None:
    """Give a number of bytes; None if it cannot be one."""
    return number if number is not None and 0 <= number <= _MAX_COUNT else None


def time_of(text: str | None, path: str) -> str:
    """Give a time in RFC 3339, in UTC.

    Raises
    ------
    NotificationError
        If the text is no time.

    Examples
    --------
    >>> time_of("2016-03-09T14:44:26.402973972-08:00", "$.timestamp")
    '2016-03-09T22:44:26.402973Z'
    """
    try:
        when = datetime.fromisoformat((text or "")[:_MAX_TEXT])
        return _written(when if when.tzinfo else when.replace(tzinfo=UTC))
    except (ValueError, OverflowError) as e:
        raise NotificationError(path, f"{(text or '')[:_MAX_TEXT]!r} is not a time.") from e


def unix_time_of(seconds: float, path: str) -> str:
    """Give a time in RFC 3339, in UTC, from seconds since 1970.

    Raises
    ------
    NotificationError
        If there is no such time.
    """
    try:
        return _written(datetime.fromtimestamp(seconds, UTC))
    except (ValueError, OverflowError, OSError) as e:
        raise NotificationError(path, f"{seconds!r} is not a time in seconds since 1970.") from e


def _written(when: datetime) -> str:
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def own_id(text: str) -> str:
    """Give a source's own id, or a digest of one that cannot be shown."""
    return text if _OWN_ID.fullmatch(text) else identity(text)


def identity(*parts: object) -> str:
    """Make the id of what has none: the same parts give the same one."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]
