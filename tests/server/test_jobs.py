"""Jobs over the agent's routes: the same asked twice, cancelled, followed, refused."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import msgspec
import pytest

from ghostnb import audit_frame
from ghostnb.server.answers import JobEntry
from ghostnb.server.jobs.history import JobHistory
from tests.engine.proxies import PAUSE_SECONDS, proxy
from tests.parts.agent import TOKEN
from tests.parts.processes import PLAIN
from tests.server.working import DEVELOPER, VIEWER, Working
from tests.serving import wait_until


@pytest.fixture
def slow(working: Working) -> Iterator[str]:
    """Let the agent have a slow way to the origin, and give its name."""
    with proxy(working.origin.port, pause_seconds=PAUSE_SECONDS) as way:
        body = {"name": "slow", "url": f"http://{way.host}"}
        assert working.ask("POST", "/registries", json=body).status_code == 201
        yield "slow"
        working.ask("DELETE", "/registries/slow")


def pull(working: Working, registry: str, tag: str, **more: str) -> httpx2.Response:
    body = {"registry": registry, "repository": "team/app", "tag": tag}
    return working.ask("POST", "/images/pull?wait=false", json=body, **more)


def test_the_same_pull_asked_twice_is_one_job_until_it_is_cancelled(working: Working, slow: str):
    first, second = (pull(working, slow, "1.0") for _ in range(2))
    other = pull(working, slow, "2.0").json()["job"]["id"]

    job = first.json()["job"]["id"]
    assert (first.status_code, second.json()["job"]["id"]) == (202, job)
    assert other != job
    wait_until(lambda: working.job(job)["progress"]["current"] > 0, seconds=20)
    headers = {"X-Request-Id": "anothers-job"}
    refused = working.ask("DELETE", f"/jobs/{job}", token=DEVELOPER, headers=headers)
    cancelled = working.ask("DELETE", f"/jobs/{job}")
    assert refused.status_code == 403  # it is another's
    frame = audit_frame(working.agent.audit_file)
    noted = frame[frame["request_id"] == "anothers-job"].iloc[-1]
    assert (noted["outcome"], noted["resource"]) == ("denied", "ghostnb.others-jobs")
    assert (cancelled.status_code, cancelled.json()["job"]["state"]) == (202, "cancelled")
    again = pull(working, slow, "1.0").json()["job"]["id"]
    assert again not in (job, other)
    for one in (again, other):
        assert working.ended(one)["state"] == "done"


def test_who_waits_for_a_job_that_is_cancelled_is_told(working: Working, slow: str):
    body = {"registry": slow, "repository": "team/other", "tag": "1.0"}
    headers = {"Authorization": f"Bearer {TOKEN}", "Accept": "application/x-ndjson"}
    url = f"{working.agent.url}/api/v1/images/pull"
    with httpx2.Client(verify=PLAIN, trust_env=False, timeout=60) as client:
        with client.stream("POST", url, headers=headers, json=body) as answer:
            lines = (json.loads(line) for line in answer.iter_lines())
            job = next(lines)["job"]
            assert any(line["item"] for line in lines)
            working.ask("DELETE", f"/jobs/{job}")
            last = list(lines)[-1]

    assert (last["success"], last["code"]) == (False, "cancelled")


def test_jobs_are_listed_the_newest_first(working: Working):
    names = [pull(working, "origin", "latest").json()["job"]["id"] for _ in range(2)]
    for name in names:
        working.ended(name)

    listed = working.ask("GET", "/jobs", token=VIEWER).json()["jobs"]
    created = [one["created"] for one in listed]
    assert created == sorted(created, reverse=True)
    assert {*names} <= {one["id"] for one in listed}
    assert working.ask("GET", "/jobs?limit=0").json() == {"jobs": []}


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_job_that_there_is_not_is_not_found(working: Working, method: str):
    answer = working.ask(method, "/jobs/0000000000000000")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("limit", ["-1", "1001", "x", ""])
def test_a_limit_that_is_none_is_refused(working: Working, limit: str):
    assert working.ask("GET", f"/jobs?limit={limit}").status_code == 422


def test_what_another_agent_runs_is_seen_and_not_cancelled_here(working: Working):
    entry = JobEntry(
        id="elsewhere", kind="pull", title="", state="running", actor="ann", created="2020-01-01"
    )
    history = JobHistory(working.agent.state / "jobs.sqlite3")
    try:
        history.put(entry)
        assert working.job("elsewhere")["state"] == "running"
        refused = working.ask("DELETE", "/jobs/elsewhere")
    finally:
        history.put(msgspec.structs.replace(entry, state="done", ended="2020-01-02"))
        history.close()

    assert (refused.status_code, refused.json()["code"]) == (409, "elsewhere")
    assert working.job("elsewhere")["state"] == "done"
