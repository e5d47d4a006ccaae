"""Pulls and saves without a page: what each job's row is told."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import docker
import pytest

from ghostnb import Engine, Fleet, RegistryConfig
from ghostnb.progress import Progress
from ghostnb.widgets import PullQueue
from ghostnb.widgets.jobs import Job
from tests.engine.proxies import Proxy, proxy
from tests.parts.daemons import dockerd
from tests.parts.drift import RunningDrift
from tests.parts.images import Document, plain_image
from tests.parts.processes import find_program
from tests.parts.registries import Htpasswd, RunningRegistry, docker_registry
from tests.parts.storage import write_storage
from tests.serving import wait_until

NOWHERE = "unix:///nowhere/docker.sock"
# What a connection of 200 kB/s takes two seconds for.
SLOW_BYTES = 400_000
IMAGES: dict[str, dict[str, Document]] = {
    "team/app": {tag: plain_image(f"jobs-{tag}", size_bytes=500) for tag in ("1.0", "2.0")},
    "team/slow": {
        tag: plain_image(f"slow-{tag}", layers=2, size_bytes=SLOW_BYTES // 2) for tag in "ab"
    },
}


@pytest.fixture(scope="module")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("jobs-storage")
    write_storage(directory, IMAGES)
    return directory


@pytest.fixture(scope="module")
def origin(storage: Path) -> Iterator[RunningRegistry]:
    with docker_registry(storage_dir=storage, hostname="localhost") as running:
        yield running


@pytest.fixture(scope="module")
def slow(origin: RunningRegistry) -> Iterator[Proxy]:
    with proxy(origin.port, pause_seconds=0.08) as running:
        yield running


@pytest.fixture
def fleet(origin: RunningRegistry, slow: Proxy) -> Fleet:
    return Fleet(
        [RegistryConfig("local", origin.url), RegistryConfig("slow", f"http://{slow.host}")]
    )


class Watched(PullQueue):
    """A queue whose messages are kept, as a page would get them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.sent: list[dict[str, Any]] = []
        self._page: dict[str, dict[str, Any]] = {}
        super().__init__(*args, **options)

    def send(self, content: dict[str, Any], buffers: Any = None) -> None:
        self.sent.append(content)
        if content["kind"] == "heads":
            page = {} if content["whole"] else dict(self._page)
            for job_id in content["gone"]:
                page.pop(job_id, None)
            self._page = page | {job["id"]: job for job in content["heads"]}

    @property
    def rows(self) -> list[dict[str, Any]]:
        return list(self._page.values())

    def row(self, number: int) -> dict[str, Any]:
        rows = self.rows
        return rows[number] if number < len(rows) else {"state": "", "attempt": 0}

    def wait(self, number: int, state: str, *, attempt: int = 1, seconds: float = 30) -> dict:
        def is_so() -> bool:
            row = self.row(number)
            return (row["state"], row["attempt"]) == (state, attempt)

        wait_until(is_so, seconds=seconds)
        return self.row(number)

    def steps(self, job_id: str) -> list[dict[str, Any]]:
        told = [job for message in self.sent for job in message.get("jobs", ())]
        return [job for job in told if job["id"] == job_id]

    def left_out(self) -> dict[str, int]:
        heads = [message for message in self.sent if message["kind"] == "heads"]
        return heads[-1]["left_out"] if heads else {"waiting": 0, "ended": 0, "failed": 0}

    def press(self, kind: str, number: int) -> None:
        self._answer(self, {"kind": kind, "id": self.row(number)["id"]}, [])


def test_the_platform_that_was_chosen_is_pulled_and_saved(
    demo_drift: RunningDrift, tmp_path: Path
) -> None:
    fleet = Fleet([RegistryConfig("demo", demo_drift.url)])
    with dockerd() as daemon:
        queue = Watched(fleet, Engine(daemon.url), directory=tmp_path)
        queue.pull("demo", "team/shop/api:2.0", platform="linux/arm64/v8")
        row = queue.wait(0, "done")
        assert row["title"] == "demo/team/shop/api:2.0 (linux/arm64/v8)"
        with closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
            name = f"{demo_drift.host}/team/shop/api:2.0"
            assert client.inspect_image(name)["Architecture"] == "arm64"
    queue.close()

    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path)
    queue.pull("demo", "team/shop/api:2.0", platform="linux/arm64/v8")
    queue.wait(0, "failed")
    queue.press("save", 0)
    queue.wait(0, "done", attempt=2)
    command = ["skopeo", "--override-arch=arm64", "inspect"]
    command.append(f"oci-archive:{tmp_path}/team-shop-api_2.0.tar")
    found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(found.stdout)["Architecture"] == "arm64"
    queue.close()


def test_a_daemon_that_dies_ends_its_pulls_and_nothing_else(
    fleet: Fleet, slow: Proxy, tmp_path: Path
) -> None:
    with dockerd() as first:
        queue = Watched(fleet, Engine(first.url), directory=tmp_path / "new" / "downloads")
        queue.pull("slow", "team/slow:a")
        queue.pull("slow", "team/slow:b")
        wait_until(lambda: any(step["current"] for step in queue.steps("1")), seconds=30)
        first.kill()
        for number in (0, 1):
            row = queue.wait(number, "failed")
            assert f"docker at {first.url} was lost while it should pull" in row["text"]
            assert row["hint"].startswith("Is the daemon still running?")

        queue.press("save", 0)
        with dockerd(where=first):
            queue.press("retry", 1)
            row = queue.wait(1, "done", attempt=2)
            assert row["text"] == f"The daemon has it as {slow.host}/team/slow:b."
        row = queue.wait(0, "done", attempt=2)
        archive = tmp_path / "new" / "downloads" / "team-slow_a.tar"
        assert row["text"] == f"Saved as {archive}."
        assert row["commands"] == [f"docker load -i {archive}", f"podman load -i {archive}"]
        assert is_read_by_skopeo(archive, IMAGES["team/slow"]["a"])
    queue.close()


def is_read_by_skopeo(path: Path, document: Document) -> bool:
    command = [find_program("skopeo", "skopeo"), "inspect", "--raw", f"oci-archive:{path}"]
    return subprocess.run(command, check=True, capture_output=True).stdout == document.raw


def test_without_a_daemon_every_address_that_was_tried_is_told(
    fleet: Fleet, home: Path, tmp_path: Path
) -> None:
    queue = Watched(fleet, directory=tmp_path)
    queue.pull("local", "team/app:1.0")
    row = queue.wait(0, "failed")

    assert row["text"] == "No container daemon answers. These were tried:"
    assert row["tried"][0] == "unix:///var/run/docker.sock (no such file)"
    assert f"unix://{home}/run/podman/podman.sock (no such file)" in row["tried"]
    assert "systemctl start docker" in row["hint"]
    assert row["can_save"]


def test_saves_of_one_image_get_names_of_their_own(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "team-slow_a.tar").write_text("mine")
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path)
    for _ in range(2):
        queue.pull("slow", "team/slow:a")
    for number in (0, 1):
        queue.wait(number, "failed")
        queue.press("save", number)
    for number in (0, 1):
        queue.wait(number, "done", attempt=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "team-slow_a-2.tar",
        "team-slow_a-3.tar",
        "team-slow_a.tar",
    ]
    assert (tmp_path / "team-slow_a.tar").read_text() == "mine"


def test_a_save_that_is_cancelled_leaves_nothing_and_can_be_retried(
    fleet: Fleet, tmp_path: Path
) -> None:
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path)
    queue.pull("slow", "team/slow:a")
    queue.wait(0, "failed")
    queue.press("save", 0)
    wait_until(lambda: any(step["current"] for step in queue.steps("1")), seconds=30)
    queue.press("cancel", 0)
    assert queue.wait(0, "cancelled", attempt=2)["text"] == "Cancelled."
    wait_until(lambda: not list(tmp_path.iterdir()))

    queue.press("retry", 0)
    queue.wait(0, "done", attempt=3)
    rates = [step["rate"] for step in queue.steps("1") if step["rate"]]
    assert max(rates) < 10 * SLOW_BYTES
    queue.press("dismiss", 0)
    wait_until(lambda: queue.rows == [])


def test_the_others_wait_for_their_turn(fleet: Fleet, tmp_path: Path) -> None:
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path, limit=1)
    for _ in range(3):
        queue.pull("slow", "team/slow:a")
    for number in range(3):
        queue.wait(number, "failed")
        queue.press("save", number)
    queue.wait(0, "running", attempt=2)
    assert queue.wait(1, "waiting", attempt=2)["text"] == "Waiting for its turn …"
    queue.wait(2, "waiting", attempt=2)
    queue.press("cancel", 1)
    queue.wait(1, "cancelled", attempt=2)
    assert [row["state"] for row in queue.rows] == ["running", "cancelled", "waiting"]
    queue._answer(queue, {"kind": "clear"}, [])
    wait_until(lambda: len(queue.rows) == 2)
    assert [row["state"] for row in queue.rows] == ["running", "waiting"]
    queue.wait(0, "done", attempt=2)
    queue.wait(1, "done", attempt=2)
    assert len(list(tmp_path.iterdir())) == 2


def test_commands_that_load_are_offered_for_what_can_be_loaded(
    demo_drift: RunningDrift, tmp_path: Path
) -> None:
    on_disk = RegistryConfig("on-disk", f"oci:{demo_drift.root}")
    queue = Watched(Fleet([on_disk]), Engine(NOWHERE), directory=tmp_path)
    for number, name in enumerate(["team/shop/api:1.3", "ops/charts/shop:1.0.0"]):
        queue.pull("on-disk", name)
        row = queue.wait(number, "failed")
        assert row["hint"] == "A daemon pulls from no directory: copy the command."
        queue.press("save", number)
    image = queue.wait(0, "done", attempt=2)
    chart = queue.wait(1, "done", attempt=2)

    assert [command.split()[0] for command in image["commands"]] == ["docker", "podman"]
    assert chart["commands"] == []
    assert chart["hint"].startswith("Docker does not load it")


def test_a_save_that_fails_says_what_to_do(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path / "file")
    queue.pull("local", "team/app:1.0")
    queue.wait(0, "failed")
    queue.press("save", 0)
    row = queue.wait(0, "failed", attempt=2)

    assert f"Cannot write {tmp_path}/file/team-app_1.0.tar" in row["text"]
    assert row["hint"] != ""
    assert not row["can_save"]


def test_a_registry_that_was_removed_is_told(fleet: Fleet, tmp_path: Path) -> None:
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path)
    queue.pull("gone", "team/app:1.0")

    assert queue.wait(0, "failed")["hint"] == "Add it again, then retry."


def test_no_secret_is_state_or_message(storage: Path, tmp_path: Path) -> None:
    with docker_registry(auth=Htpasswd(), storage_dir=storage, hostname="localhost") as private:
        right = RegistryConfig("right", private.url, private.username, private.password)
        wrong = RegistryConfig("wrong", private.url, private.username, "nb-wr0ng-s3cret")
        queue = Watched(Fleet([right, wrong]), Engine(NOWHERE), directory=tmp_path)
        for number, name in enumerate(["right", "wrong"]):
            queue.pull(name, "team/app:1.0")
            queue.wait(number, "failed")
            queue.press("save", number)
        queue.wait(0, "done", attempt=2)
        queue.wait(1, "failed", attempt=2)

    told = json.dumps([queue.get_state(), queue.sent])
    assert private.password not in told
    assert "nb-wr0ng-s3cret" not in told


def test_a_page_that_opens_late_is_told_all_of_what_runs(fleet: Fleet, tmp_path: Path) -> None:
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path)
    queue.pull("slow", "team/slow:a")
    queue.wait(0, "failed")
    queue.press("save", 0)
    layers = {layer.digest for layer in IMAGES["team/slow"]["a"].blobs}
    wait_until(lambda: told_layers(queue, 0) == layers, seconds=30)
    before = len(queue.sent)
    queue._answer(queue, {"kind": "ready"}, [])
    wait_until(lambda: told_layers(queue, before) == layers)
    queue.close()


def told_layers(queue: Watched, since: int) -> set[str]:
    steps = [job for message in queue.sent[since:] for job in message.get("jobs", ())]
    return {layer["id"] for step in steps for layer in step["layers"]}


def many_jobs(count: int, layers: int) -> list[Job]:
    jobs = [Job(str(number), "local", "team/app:1.0") for number in range(count)]
    for job in jobs:
        for layer in range(layers):
            job.take(Progress(f"{layer:012}", "Waiting", None, 10**8, 10**7, 10**9))
        job.progress()
    return jobs


def test_twenty_pulls_of_thirty_layers_send_what_changed_alone() -> None:
    jobs = many_jobs(20, 30)
    for job in jobs:
        for layer in range(3):
            job.take(Progress(f"{layer:012}", "Downloading", 10**6, 10**8, 10**7, 10**9))
    changed = len(json.dumps([job.progress() for job in jobs]))
    whole = len(json.dumps([job.progress(whole=True) for job in jobs]))
    assert changed < whole / 5
    # Nothing changed: the numbers of a job alone.
    assert len(json.dumps([job.progress() for job in jobs])) < 20 * 100


def test_the_rate_is_that_of_the_last_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("ghostnb.widgets.jobs.time.monotonic", lambda: now[0])
    job = Job("1", "local", "team/app:1.0")
    for second in range(60):
        job.take(Progress("a", "Downloading", 0, 0, second * 1000, 10**9))
        job.measure()
        now[0] += 1
    assert job.rate == 1000
    for _ in range(7):
        job.measure()
        now[0] += 1
    assert job.rate == 0


def test_what_comes_after_the_end_changes_nothing() -> None:
    job = Job("1", "local", "team/app:1.0")
    job.end("cancelled", "Cancelled.")
    job.end("done", "The daemon has it.")
    assert (job.state, job.text) == ("cancelled", "Cancelled.")


def test_callbacks_come_from_any_thread(fleet: Fleet, tmp_path: Path) -> None:
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path)
    threads = [
        threading.Thread(target=queue.pull, args=("local", "team/app:1.0")) for _ in range(20)
    ]
    for thread in threads:
        thread.start()
    for number in range(20):
        queue.wait(number, "failed")
    assert len({row["id"] for row in queue.rows}) == 20


def test_twenty_thousand_pulls_at_once_are_little_to_tell(fleet: Fleet, tmp_path: Path) -> None:
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path)
    began = time.monotonic()
    queue.pull_all("gone", [f"team/app:{number}" for number in range(20_000)])
    wait_until(lambda: queue.left_out()["ended"] + len(queue.rows) == 20_000, seconds=60)
    wait_until(lambda: {row["state"] for row in queue.rows} == {"failed"})
    seconds = time.monotonic() - began
    # Refreshed five times a second, however many there are.
    assert len(queue.sent) < 2 * (seconds / 0.2 + 5)
    assert max(len(json.dumps(message)) for message in queue.sent) < 300_000
    assert queue.left_out()["failed"] == queue.left_out()["ended"]
    queue.close()


def test_of_many_that_wait_the_next_are_shown_and_all_can_be_cancelled(
    fleet: Fleet, tmp_path: Path
) -> None:
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path, limit=0)
    queue.pull_all("local", ["team/app:1.0"] * 300)
    wait_until(lambda: queue.left_out()["waiting"] == 250)
    assert {row["state"] for row in queue.rows} == {"waiting"}
    queue._answer(queue, {"kind": "cancel all"}, [])
    wait_until(lambda: [row["state"] for row in queue.rows] == ["cancelled"] * 200)
    queue._answer(queue, {"kind": "clear"}, [])
    wait_until(lambda: queue.rows == [])
    queue.close()


def test_a_refresh_that_fails_is_no_fault_of_the_jobs(fleet: Fleet, tmp_path: Path) -> None:
    class Stumbling(Watched):
        def send(self, content: dict[str, Any], buffers: Any = None) -> None:
            if not self.sent and not hasattr(self, "has_stumbled"):
                self.has_stumbled = True
                raise RuntimeError("The connection is gone.")
            super().send(content, buffers)

    queue = Stumbling(fleet, Engine(NOWHERE), directory=tmp_path)
    job = Job("1", "slow", "team/slow:a", action="save")
    queue._start(job)
    queue.wait(0, "done")
    queue.close()


def test_what_is_saved_is_done_before_it_is_looked_into(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_asked, may_go_on = threading.Event(), threading.Event()

    def slowly(path: Path) -> bool:
        is_asked.set()
        return may_go_on.wait(30)

    monkeypatch.setattr("ghostnb.widgets.pulls.is_loadable", slowly)
    queue = Watched(fleet, Engine(NOWHERE), directory=tmp_path)
    queue._start(Job("1", "local", "team/app:1.0", action="save"))
    assert is_asked.wait(30)
    queue.press("cancel", 0)
    assert queue.wait(0, "done")["text"].startswith("Saved as")
    may_go_on.set()
    wait_until(lambda: len(queue.row(0)["commands"]) == 2)
    queue.close()
