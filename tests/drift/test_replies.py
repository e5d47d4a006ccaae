"""What a registry's error becomes when it is told to a client."""

from __future__ import annotations

from ghostnb.drift.replies import refusal_of
from ghostnb.errors import NotFoundError


def test_what_is_absent_has_a_code_where_a_route_names_none():
    refusal = refusal_of(NotFoundError("There is none."), unknown="")
    assert (refusal.status, refusal.code) == (404, "UNKNOWN")
