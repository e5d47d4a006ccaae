"""How a Drift ends: whoever is still there is told, and nothing stays open."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time

import pytest

from ghostnb.drift import connection, create_app, server
from ghostnb.oci import Digest
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.asking import asked
from tests.drift.bolt_uploads import PROFILES
from tests.drift.calling import Caller, add_digest, begin, upload
from tests.drift.forking import fork_drift
from tests.drift.logins import basic, locked_drift
from tests.drift.test_connection import answers, connect, head, statuses

NAME = "team/app"
LARGE = 40 * 2**20


@pytest.fixture
def in_a_hurry(monkeypatch):
    for module in (connection, server):
        monkeypatch.setattr(module, "SHUTDOWN_SECONDS", 0.3)


def end(running):
    """Tell it to end, and wait for it; give the seconds that took."""
    started = time.monotonic()
    os.kill(running.pid, signal.SIGTERM)
    os.waitpid(running.pid, 0)
    return time.monotonic() - started


@pytest.mark.usefixtures("in_a_hurry")
def test_who_pauses_is_let_go_without_a_word_in_the_log(capfd, tmp_path):
    running = fork_drift(lambda: LayoutRegistry(tmp_path / "root"))
    with contextlib.ExitStack() as stack, Caller(running.url) as call:
        blob = f"/v2/{NAME}/blobs/{upload(call, NAME, bytes(LARGE))}"
        place = begin(call, NAME)
        writer, reader, idle = (stack.enter_context(connect(running.url)) for _ in range(3))
        writer.sendall(head("PATCH", place, length=99) + b"half")
        reader.sendall(head("GET", blob))
        assert reader.recv(100).startswith(b"HTTP/1.1 200")
        time.sleep(0.2)
        assert end(running) < 3
        assert statuses(answers(writer)) == [503]
        with contextlib.suppress(ConnectionResetError):
            assert len(answers(reader)) < LARGE
        assert answers(idle) == b""

    assert capfd.readouterr() == ("", "")
    # What came of the upload is there.
    running = fork_drift(lambda: LayoutRegistry(tmp_path / "root"))
    with Caller(running.url) as call:
        assert call("PATCH", place, b"!", content_range="4-4").status == 202
        assert call("PUT", add_digest(place, Digest.of(b"half!"))).status == 201
    running.kill()


def test_who_is_nearly_done_may_end(tmp_path):
    running = fork_drift(MemoryRegistry)
    with Caller(running.url) as call:
        place = begin(call, NAME)
    with connect(running.url) as writer:
        writer.sendall(head("PATCH", place, length=4) + b"ha")
        time.sleep(0.2)
        os.kill(running.pid, signal.SIGTERM)
        time.sleep(0.3)
        writer.sendall(b"lf")
        assert statuses(answers(writer)) == [202]
    os.waitpid(running.pid, 0)


class Slow(MemoryRegistry):
    """Has garbage that takes for ever."""

    async def collect_garbage(self, **options):
        await asyncio.sleep(60)


@pytest.mark.usefixtures("in_a_hurry")
def test_what_has_no_end_is_broken_off_without_a_traceback(capfd):
    running = fork_drift(Slow)
    with connect(running.url) as caller:
        caller.sendall(head("POST", "/admin/gc", length=0))
        time.sleep(0.3)
        assert end(running) < 4
        assert statuses(answers(caller)) == [503]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_what_was_opened_is_closed(tmp_path):
    class Closed(LayoutRegistry):
        closed = 0

        async def aclose(self):
            self.closed += 1

    registry = Closed(tmp_path / "root")
    locked = locked_drift(tmp_path, registry)
    assert PROFILES.upload(create_app(registry)).status_code == 201
    # Those of the other application, which has no end, are not looked at.
    before = set(threading.enumerate())
    for path in (f"{PROFILES.path}/download", PROFILES.path):
        assert asked(locked.app, "GET", path, headers=basic("vic")).status_code == 200
    own = {one for one in set(threading.enumerate()) - before if one.name.startswith("drift-")}
    assert {one.name.rpartition("_")[0] for one in own} == {"drift-passwords", "drift-downloads"}

    async def live():
        async with locked.app.router.lifespan_context(locked.app):
            pass

    asyncio.run(live())
    for thread in own:
        thread.join(5)
    assert not any(one.is_alive() for one in own)
    assert registry.closed == 1
    # The last download was counted.
    assert asked(create_app(registry), "GET", PROFILES.path).json()["downloads"] == 1
