"""The cache's file locked, full or in the way: nobody waits, and nothing is deleted."""

import sqlite3
import subprocess
import sys
import time
import warnings
from contextlib import closing, contextmanager

import pytest

from ghostnb.oci import Digest
from ghostnb.registries import disk_cache
from ghostnb.registries.disk_cache import DiskCache
from tests.registries.kept import BODIES, BODY, DIGEST, kept, write
from tests.scripts import finish_script, start_script

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.executescript("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; DELETE FROM content")
print("held", flush=True)
sys.stdin.readline()
connection.rollback()
"""
FULL = """
import resource, sys, warnings
from pathlib import Path
from ghostnb.oci import Digest
from ghostnb.registries.disk_cache import DiskCache
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
cache = DiskCache(Path(sys.argv[1]))
for n in range(3):
    body = bytes([n]) * 2_000_000
    cache.put("s", Digest.of(body), body)
    cache.flush()
"""

FORK = """
import os, sys, time, warnings
from pathlib import Path
from ghostnb.oci import Digest
from ghostnb.registries.disk_cache import DiskCache
warnings.simplefilter("ignore")  # Python 3.12 warns of a fork beside threads
cache = DiskCache(Path(sys.argv[1]))
for n in range(2):
    body = bytes([n]) * 1_000_000
    cache.put("s", Digest.of(body), body)
time.sleep(0.5)
child = os.fork()
if not child:
    sys.exit()
ended, deadline = 0, time.monotonic() + 5
while not ended and time.monotonic() < deadline:
    time.sleep(0.05)
    ended, _ = os.waitpid(child, os.WNOHANG)
if not ended:
    os.kill(child, 9)
print(ended == child, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "content.sqlite"


@contextmanager
def locked_by_another_process(path):
    """Let another process hold the file for itself alone: against those who read, too."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=pipe, stdout=pipe) as process:
        assert process.stdout.readline() == b"held\n"
        try:
            yield
        finally:
            process.communicate(b"\n", timeout=60)


@pytest.fixture
def no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@pytest.mark.usefixtures("no_warning")
def test_who_writes_does_not_keep_others_from_reading(path):
    write(path, BODY)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        other.executescript("BEGIN EXCLUSIVE; DELETE FROM content")
        assert kept(path) == BODY


@pytest.mark.usefixtures("no_warning")
def test_a_file_that_another_process_has_locked_is_not_waited_for(path):
    """Reads are on the I/O loop: what waits there lets everything wait."""
    write(path, BODY)
    cache, idle = DiskCache(path), DiskCache(path)
    assert cache.get("s", DIGEST) == BODY
    cache.close()
    with locked_by_another_process(path):
        started = time.monotonic()
        assert {one.get("s", DIGEST) for one in (cache, idle) for _ in range(50)} == {None}
        assert time.monotonic() - started < 5
    assert cache.get("s", DIGEST) == idle.get("s", DIGEST) == BODY
    cache.close()
    idle.close()


@pytest.mark.usefixtures("no_warning")
def test_a_lock_that_passes_is_not_the_caches_end(path, monkeypatch):
    monkeypatch.setattr(disk_cache, "_BUSY_SECONDS", 0.1)
    write(path, BODY)
    cache = DiskCache(path)
    with locked_by_another_process(path):
        cache.put("s", Digest.of(BODIES[2]), BODIES[2])
        cache.flush()
    cache.put("s", Digest.of(BODIES[3]), BODIES[3])
    cache.close()
    assert [kept(path, body) for body in BODIES[1:4]] == [BODY, None, BODIES[3]]


def test_a_forked_child_does_not_wait_for_what_its_parent_writes(path):
    """The thread that writes is not in the child, and what it holds is never let go there."""
    write(path, BODY)
    with locked_by_another_process(path):
        process = start_script(FORK, str(path))
        ended = process.stdout.readline()
    finish_script(process)
    assert ended == "True\n"
    assert kept(path, b"\x01" * 1_000_000) is not None


@pytest.mark.parametrize(
    "others",
    [
        "CREATE TABLE content (scope, digest, stored, body, more)",
        "CREATE TABLE content (scope, digest, stored, body);"
        "CREATE TRIGGER no BEFORE INSERT ON content BEGIN SELECT RAISE(ABORT, 'no'); END",
    ],
    ids=["other columns", "refuses"],
)
def test_a_database_that_takes_nothing_is_told_once_and_not_deleted(path, others):
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"{others}; CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)"
        )
    cache = DiskCache(path)
    with pytest.warns(UserWarning, match="cannot be used") as told:
        for body in BODIES[:3]:
            cache.put("s", Digest.of(body), body)
            cache.flush()
            assert cache.get("s", Digest.of(body)) is None
        cache.close()
    assert len(told) == 1
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT x FROM theirs").fetchone() == (1,)


def test_a_full_disk_is_told_once_and_what_is_kept_stays(path):
    write(path, BODY)
    done = subprocess.run([sys.executable, "-c", FULL, path], capture_output=True, check=True)
    assert done.stderr.count(b"cannot be used") == 1, done.stderr
    assert kept(path) == BODY


def test_a_file_that_cannot_be_opened_is_told_once_and_not_deleted(path):
    write(path, BODY)
    in_the_way = path.with_name(f"{path.name}-wal")
    in_the_way.mkdir()
    cache = DiskCache(path)
    with pytest.warns(UserWarning, match="cannot be used") as told:
        assert [cache.get("s", DIGEST) for _ in range(3)] == [None] * 3
        cache.put("s", DIGEST, BODY)
        cache.close()
    assert len(told) == 1
    in_the_way.rmdir()
    assert kept(path) == BODY
