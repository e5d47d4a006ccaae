"""Deliveries of documents, and what is asked of every decoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from ghostnb.wire.events import Event
from ghostnb.wire.notifications import SOURCES, Delivery, NotificationError

RECEIVED = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=UTC)
DIGEST = "sha256:" + "ab" * 32
OTHER_DIGEST = "sha256:" + "cd" * 32


def events_of(
    source: str,
    document: Any,
    *,
    headers: Mapping[str, str] | None = None,
    received: datetime = RECEIVED,
) -> list[Event]:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return SOURCES[source].decode(Delivery(body, headers or {}, {}, received))


def refusal(source: str, document: Any) -> NotificationError:
    with pytest.raises(NotificationError) as e:
        events_of(source, document)
    return e.value
