"""What a registry's error becomes when it is told to a client."""

from __future__ import annotations

from ghostnb.drift.replies import refusal_of
from ghostnb.errors import NotFoundError
from ghostnb.registries.memory import MemoryRegistry


def test_what_is_absent_has_a_code_where_a_route_names_none():
    refusal = refusal_of(NotFoundError("There is none."), registry=MemoryRegistry())
    assert (refusal.status, refusal.code) == (404, "UNKNOWN")
