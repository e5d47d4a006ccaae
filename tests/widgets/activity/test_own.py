"""What a dashboard itself did, on real registries and a real daemon, stands in its Activity tab."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ghostnb import Engine, Fleet, RegistryConfig, plan_copy, plan_delete, run
from ghostnb.errors import ForbiddenError, GhostnbError
from ghostnb.widgets import Dashboard, PullQueue
from ghostnb.widgets.activity.own import job_event
from ghostnb.widgets.jobs import Job
from ghostnb.wire.events import Event
from tests.engine.images import box
from tests.engine.proxies import proxy
from tests.parts.daemons import RunningDaemon, dockerd
from tests.parts.images import plain_image
from tests.parts.pushes import Pusher
from tests.parts.registries import RunningRegistry, docker_registry
from tests.serving import wait_until

SECONDS = 60
WAITING = "sh -c 'trap \"exit 0\" TERM; while :; do sleep 0.1; done'"


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


@pytest.fixture(scope="module")
def origin() -> Iterator[RunningRegistry]:
    with docker_registry(delete=True, hostname="localhost") as running:
        with Pusher(running.url) as pusher:
            for tag in ("1", "2", "3"):
                pusher.push("team/app", tag, plain_image(f"own {tag}"))
            pusher.push("team/slow", "1", plain_image("slow", size_bytes=400_000))
            pusher.push("team/box", "1", box())
        yield running


@pytest.fixture
def dashboard(origin, daemon, tmp_path: Path) -> Iterator[Dashboard]:
    fleet = Fleet([RegistryConfig("origin", origin.url)])
    with closing(Dashboard(fleet, Engine(daemon.url), downloads=tmp_path)) as dashboard:
        yield dashboard


def told(dashboard: Dashboard, count: int) -> list[Event]:
    events = dashboard.activity._events
    wait_until(lambda: len(events) >= count, seconds=SECONDS)
    assert len(events) == count
    assert {event.source for event in events.values()} == {"page"}
    return [*events.values()]


def about(event: Event) -> tuple[Any, ...]:
    return (event.action, event.registry, event.repository, event.tag, event.outcome)


def test_pulls_and_saves(dashboard, origin, tmp_path):
    dashboard.pulls.pull("origin", "team/app:1")
    [pulled] = told(dashboard, 1)
    assert about(pulled) == ("pull", "origin", "team/app", "1", "success")
    assert pulled.message == f"The daemon has it as {origin.host}/team/app:1."

    dashboard.pulls.save_all("origin", ["team/app:2"])
    saved = told(dashboard, 2)[1]
    assert about(saved) == ("save", "origin", "team/app", "2", "success")
    assert saved.message.startswith(f"Saved as {tmp_path}/team-app_2.tar.")

    dashboard.pulls.pull("origin", "team/app:9")
    failed = told(dashboard, 3)[2]
    assert about(failed) == ("pull", "origin", "team/app", "9", "failure")


def test_deletions_and_copies(dashboard, origin):
    client = dashboard.fleet["origin"]
    copy = run(plan_copy(client, client, "team/app:1", to="team/copy:new"))
    dashboard._apply("origin", "Copy team/app:1 from origin to origin", copy)
    [copied] = told(dashboard, 1)
    assert about(copied) == ("copy", "origin", "team/copy", "new", "success")
    title = "Copy team/app:1 from origin to origin: 1 of 1 copied."
    assert (copied.message, bool(copied.digest)) == (title, True)

    deletion = run(plan_delete(client, ["team/app:2", "team/app:3"]))
    dashboard._apply("origin", "Delete 2 tags of team/app from origin", deletion)
    deleted = told(dashboard, 2)[1]
    assert about(deleted) == ("delete", "origin", "team/app", None, "success")
    assert "2 of 2 deleted. Space is free when" in deleted.message


def test_a_plan_of_which_steps_fail_is_a_failure_and_of_several_repositories_none_is_named():
    with docker_registry(delete=True) as registry, Pusher(registry.url) as pusher:
        for name in ("app", "web"):
            pusher.push(f"team/{name}", "1", plain_image(name))
        fleet = Fleet([RegistryConfig("ended", registry.url)])
        deletion = run(plan_delete(fleet["ended"], ["team/app:1", "team/web:1"]))
    with closing(Dashboard(fleet, Engine("unix:///nowhere/docker.sock"))) as dashboard:
        dashboard._apply("ended", "Delete 2 tags from ended", deletion)
        [failed] = told(dashboard, 1)
    assert about(failed) == ("delete", "ended", None, None, "failure")
    assert "team/app:1: Cannot reach ended" in failed.message


def test_registries_that_come_and_go(dashboard):
    dashboard.fleet.add(RegistryConfig("mine", "http://localhost:1"))
    dashboard.browser._registries._added("mine")
    dashboard.browser._registries._remove_registry()
    told(dashboard, 2)
    # None is selected any more; what comes after shows that nothing came of it.
    dashboard.browser._registries._remove_registry()
    dashboard.fleet.add(RegistryConfig("other", "http://localhost:1"))
    dashboard.browser._registries._added("other")
    assert [about(event) for event in told(dashboard, 3)] == [
        ("registry-add", "mine", None, None, "success"),
        ("registry-remove", "mine", None, None, "success"),
        ("registry-add", "other", None, None, "success"),
    ]


def test_containers(dashboard, origin, daemon):
    run(_pulled(dashboard, f"{origin.host}/team/box:1"))
    image = f"{origin.host}/team/box:1"
    values = {"image": image, "name": "own", "command": WAITING, "network": "host"}
    others = {"ports": "", "volumes": "", "env": "", "restart_policy": "no"}
    dashboard.form._create({**values, **others})
    [created] = told(dashboard, 1)
    assert about(created) == ("container-create", None, None, None, "success")
    assert created.message == f"own was created of {image}."
    dashboard.form._create({**values, **others})
    taken = told(dashboard, 2)[1]
    assert (taken.action, taken.outcome) == ("container-create", "failure")

    found = run(dashboard.engine.containers())
    container = found["id"][found["name"] == "own"].item()
    wait_until(lambda: container in dashboard.containers._names)
    done = {"start": "was started", "stop": "was stopped", "remove": "was removed"}
    for number, action in enumerate(("stop", "start", "stop", "remove"), 3):
        dashboard.containers._act(action, container)
        event = told(dashboard, number)[-1]
        assert (event.action, event.message) == (f"container-{action}", f"own {done[action]}.")
    dashboard.containers._act("start", container)
    gone = told(dashboard, 7)[6]
    assert (gone.action, gone.outcome) == ("container-start", "failure")


async def _pulled(dashboard: Dashboard, name: str) -> None:
    async for _ in dashboard.engine.pull(name):
        pass


def test_a_job_ends_once_however_it_ends(origin, tmp_path):
    ended: list[tuple[str, str]] = []
    with proxy(origin.port, pause_seconds=0.2) as slow:
        fleet = Fleet([RegistryConfig("slow", f"http://{slow.host}")])
        queue = PullQueue(
            fleet,
            directory=tmp_path,
            limit=1,
            on_ended=lambda job, error: ended.append((job.id, job.state)),
        )
        with closing(queue):
            queue.save_all("slow", ["team/slow:1", "team/slow:1"])
            wait_until(lambda: len(queue._jobs.running()) == 1)
            # What has not begun has not ended.
            queue.cancel("2")
            queue.cancel("1")
            wait_until(lambda: ended == [("1", "cancelled")])
            queue.retry("2")
            wait_until(lambda: len(ended) == 2, seconds=SECONDS)
            assert ended[1] == ("2", "done")
            queue.cancel("2")
            queue.dismiss("2")
    assert len(ended) == 2


def job(error: GhostnbError | None, text: str = "") -> Job:
    made = Job("1", "reg", "team/app@sha256:ab", action="pull")
    made.begin()
    made.fail(error) if error else made.end("done", text)
    return made


def test_what_was_not_allowed_is_denied():
    error = ForbiddenError("Not you.", hint="Ask.")
    event = job_event(job(error), error)
    assert (event.outcome, event.message) == ("denied", "Not you. Ask.")
    assert (event.repository, event.tag, event.digest) == ("team/app", None, "sha256:ab")
    # What was done before that stays done.
    assert job_event(job(None, "Saved."), error).outcome == "success"
