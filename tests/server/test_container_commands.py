"""A container's command may hold passwords: it is told to who may read its logs."""

from __future__ import annotations

from tests.server.test_containers import client, create
from tests.server.working import DEVELOPER, VIEWER, Working

__all__ = ["client"]


def test_who_only_views_sees_containers_without_their_commands(working: Working):
    for name in ("one", "two"):
        create(working, "sleep 61", name=name)

    def told(token: str) -> list[dict]:
        listed = working.ask("GET", "/containers", token=token).json()["containers"]
        single = working.ask("GET", "/containers/one", token=token).json()["container"]
        return [*sorted(listed, key=lambda one: one["name"]), single]

    for_viewers, for_developers = told(VIEWER), told(DEVELOPER)
    assert [one["name"] for one in for_viewers] == ["one", "two", "one"]
    assert [one["command"] for one in for_viewers] == [""] * 3
    assert ["sleep 61" in one["command"] for one in for_developers] == [True] * 3
