"""An agent's audit, read back: rotated, half-written, and not one at all."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from ghostnb import AuditError, audit_frame
from ghostnb.frames import AUDIT


def line(action: str, **fields: object) -> str:
    event = {"__schema__": "https://ghostnb.dev/events/audit/v1", "time": "2026-01-02T03:04:05Z"}
    return json.dumps({**event, "action": action, "outcome": "success", **fields}) + "\n"


def test_events_become_rows_of_their_types(tmp_path):
    (tmp_path / "audit.jsonl").write_text(line("images.pull", status=200, actor="ann"))

    frame = audit_frame(tmp_path)

    assert {name: str(kind) for name, kind in frame.dtypes.items()} == dict(AUDIT)
    assert frame.loc[0, "time"] == pd.Timestamp("2026-01-02T03:04:05Z")
    assert list(frame[["actor", "action", "status"]].iloc[0]) == ["ann", "images.pull", 200]
    assert frame["registry"].isna().all()


def test_what_was_rotated_comes_first(tmp_path):
    for name, action in (("audit.jsonl.10", "a"), ("audit.jsonl.2", "b"), ("audit.jsonl", "c")):
        (tmp_path / name).write_text(line(action))

    assert list(audit_frame(tmp_path / "audit.jsonl")["action"]) == ["a", "b", "c"]


def test_a_half_written_line_is_told_and_the_rest_is_there(tmp_path):
    (tmp_path / "audit.jsonl").write_text(line("a") + line("b")[:40])

    with pytest.warns(UserWarning, match="1 of the audit's lines cannot be read"):
        frame = audit_frame(tmp_path)

    assert list(frame["action"]) == ["a"]
    assert [error["line"] for error in frame.attrs["errors"]] == [2]


def test_an_empty_audit_has_its_columns(tmp_path):
    (tmp_path / "audit.jsonl").touch()

    assert list(audit_frame(tmp_path).columns) == list(AUDIT)


@pytest.mark.parametrize(
    "content", ["no json\n", '{"__schema__":"x","time":"","action":"","outcome":""}\n']
)
def test_something_else_is_no_audit(tmp_path, content):
    (tmp_path / "other.jsonl").write_text(content)

    with pytest.raises(AuditError, match="is no audit"):
        audit_frame(tmp_path / "other.jsonl")


def test_without_a_file_it_is_said_which(tmp_path):
    with pytest.raises(AuditError, match=r"audit\.jsonl .*No such file"):
        audit_frame(tmp_path)


def test_by_default_it_is_this_users_agents(home, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "state"))
    (home / "state/ghostnb/agent").mkdir(parents=True)
    (home / "state/ghostnb/agent/audit.jsonl").write_text(line("a"))

    assert len(audit_frame()) == 1
