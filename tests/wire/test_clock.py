"""The time, as it is written everywhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ghostnb.wire.clock import now


def test_now_is_rfc_3339_in_utc_to_a_thousandth_of_a_second():
    before = datetime.now(UTC) - timedelta(milliseconds=1)
    text = now()

    assert (len(text), text[-5], text[-1]) == (len("2026-01-01T00:00:00.000Z"), ".", "Z")
    assert before <= datetime.fromisoformat(text) <= datetime.now(UTC)
