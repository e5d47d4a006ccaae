"""Counts of downloads: kept over restarts, exact, and never why something else fails."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
import time

import pytest

from ghostnb.drift.bolt.downloads import Counts, Downloads, statistics_file
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from tests.serving import wait_until

DAY = 24 * 3600
START = 1_800_000_000 // 60 * 60


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.seconds = float(START)

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture(params=["file", "memory"])
def path(request, tmp_path):
    return tmp_path / ".ghostnb" / "downloads.sqlite" if request.param == "file" else None


@pytest.fixture
def file(tmp_path):
    return tmp_path / ".ghostnb" / "downloads.sqlite"


def ask(question):
    """Wait for an answer on a loop of its own."""

    async def wait():
        return await question

    return asyncio.run(wait())


def count_times(downloads, count, name="steam", who="user:ada", kind="profile"):
    for _ in range(count):
        downloads.count(kind, name, who)


@pytest.fixture(autouse=True)
def no_pause(request, monkeypatch):
    """Try again at once, but where the pause is what a test is about."""
    if "pause" not in request.node.name:
        monkeypatch.setattr("ghostnb.drift.bolt.downloads._PAUSE_SECONDS", 0)


def total(downloads, kind="profile"):
    counts = ask(downloads.counts(kind))
    return counts and dict(counts.by_name)


def test_nothing_was_downloaded_at_first(path):
    downloads = Downloads(path)

    assert ask(downloads.counts("profile")) == Counts({}, 0, 0)
    assert ask(downloads.active_users()) == 0
    # Who only asks makes no file.
    assert path is None or not path.parent.exists()


def test_downloads_are_counted_by_kind_and_name(path):
    downloads = Downloads(path)
    count_times(downloads, 3)
    count_times(downloads, 2, name="other")
    count_times(downloads, 1, kind="plugin")

    assert ask(downloads.counts("profile")) == Counts({"steam": 3, "other": 2}, 5, 5)
    assert ask(downloads.counts("plugin")) == Counts({"steam": 1}, 1, 1)
    assert ask(downloads.counts("template")) == Counts({}, 0, 0)


@pytest.mark.parametrize(
    ("later", "last_day", "last_week"),
    [(0, 1, 1), (DAY - 60, 1, 1), (DAY, 0, 1), (7 * DAY - 60, 0, 1), (7 * DAY, 0, 0)],
)
def test_days_and_weeks_end_to_the_minute(path, later, last_day, last_week):
    clock = Clock()
    downloads = Downloads(path, now=clock)
    count_times(downloads, 1)
    assert total(downloads) == {"steam": 1}
    clock.seconds += later

    assert ask(downloads.counts("profile")) == Counts({"steam": 1}, last_day, last_week)
    assert ask(downloads.active_users()) == last_day


def test_what_is_old_is_forgotten_but_for_the_total(file):
    clock = Clock()
    downloads = Downloads(file, now=clock)
    count_times(downloads, 5)
    assert total(downloads) == {"steam": 5}
    clock.seconds += 8 * DAY
    count_times(downloads, 1, who="user:bob")

    assert total(downloads) == {"steam": 6}
    with sqlite3.connect(file) as connection:
        assert connection.execute("SELECT SUM(count) FROM minutes").fetchone() == (1,)
        assert connection.execute("SELECT COUNT(*) FROM visitors").fetchone() == (1,)
    connection.close()


def test_users_are_told_apart_and_counted_once(path):
    downloads = Downloads(path)
    for who in ("user:ada", "user:bob", "user:ada", "address:10.0.0.1", "address:user:ada"):
        count_times(downloads, 1, who=who)

    assert ask(downloads.active_users()) == 4


def test_who_downloads_does_not_stand_in_the_file(file):
    downloads = Downloads(file)
    count_times(downloads, 1, who="address:192.0.2.77")
    assert total(downloads) == {"steam": 1}

    for part in file.parent.iterdir():
        assert b"192.0.2.77" not in part.read_bytes()


def test_two_files_hash_the_same_address_otherwise(tmp_path):
    hashes = set()
    for name in ("a", "b"):
        downloads = Downloads(tmp_path / name)
        count_times(downloads, 1)
        assert total(downloads) == {"steam": 1}
        connection = sqlite3.connect(tmp_path / name)
        hashes.add(connection.execute("SELECT who FROM visitors").fetchone()[0])
        connection.close()

    assert len(hashes) == 2


def test_counts_outlive_the_process(file):
    first = Downloads(file)
    count_times(first, 3)
    assert total(first) == {"steam": 3}
    second = Downloads(file)
    count_times(second, 1)

    assert total(second) == {"steam": 4}
    assert ask(second.active_users()) == 1


def test_what_is_deleted_begins_anew(path):
    downloads = Downloads(path)
    count_times(downloads, 3)
    count_times(downloads, 1, name="other")
    count_times(downloads, 2, kind="plugin")
    ask(downloads.forget("profile", "steam"))

    assert ask(downloads.counts("profile")) == Counts({"other": 1}, 1, 1)
    assert total(downloads, "plugin") == {"steam": 2}


def test_threads_and_two_processes_lose_no_count(file):
    both = [Downloads(file), Downloads(file)]
    threads = [threading.Thread(target=count_times, args=(one, 200)) for one in both * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in both:
        assert total(one) is not None

    assert total(both[0]) == {"steam": 1600}


def test_a_damaged_file_is_put_aside_and_counting_begins_anew(file, caplog):
    file.parent.mkdir()
    file.write_bytes(b"this is no database" * 100)
    downloads = Downloads(file)

    with caplog.at_level(logging.INFO, "ghostnb.drift"):
        count_times(downloads, 2)
        assert total(downloads) in (None, {"steam": 2})
        assert total(downloads) == {"steam": 2}
    assert file.with_name("downloads.sqlite.damaged").read_bytes().startswith(b"this is no")
    assert "put aside" in caplog.text
    assert "written again" in caplog.text


def test_a_file_that_is_damaged_meanwhile_is_put_aside_too(file):
    downloads = Downloads(file)
    count_times(downloads, 1)
    assert total(downloads) == {"steam": 1}
    for part in file.parent.iterdir():
        part.write_bytes(b"\xff" * 8192)
    count_times(downloads, 1)

    assert total(downloads) in (None, {"steam": 1})
    assert total(downloads) == {"steam": 1}


@pytest.mark.parametrize("mode", ["EXCLUSIVE", "NORMAL"], ids=["whole", "for writers"])
def test_a_locked_file_makes_figures_unknown_and_loses_no_count(file, caplog, mode):
    downloads = Downloads(file)
    count_times(downloads, 1)
    assert total(downloads) == {"steam": 1}
    other = sqlite3.connect(file, isolation_level=None)
    other.execute(f"PRAGMA locking_mode = {mode}")
    other.execute("BEGIN EXCLUSIVE")
    try:
        with caplog.at_level(logging.ERROR, "ghostnb.drift"):
            count_times(downloads, 4)
            assert total(downloads) is None
            assert ask(downloads.active_users()) is None
            count_times(downloads, 1)
            ask(downloads.forget("profile", "nothing"))
    finally:
        other.close()

    assert total(downloads) == {"steam": 6}
    # One line however often it failed.
    assert len([one for one in caplog.records if "locked" in one.message]) == 1


def test_after_a_failure_there_is_a_pause_so_that_questions_do_not_queue(file):
    downloads = Downloads(file)
    count_times(downloads, 1)
    assert total(downloads) == {"steam": 1}
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")

    async def many():
        return await asyncio.gather(*(downloads.counts("profile") for _ in range(50)))

    started = time.monotonic()
    assert asyncio.run(many()) == [None] * 50
    other.close()

    assert time.monotonic() - started < 5
    count_times(downloads, 1)
    wait_until(lambda: total(downloads) == {"steam": 2})


def test_a_place_that_cannot_be_is_logged(tmp_path, caplog):
    (tmp_path / "occupied").write_text("a file")
    downloads = Downloads(tmp_path / "occupied" / "downloads.sqlite")

    with caplog.at_level(logging.ERROR, "ghostnb.drift"):
        count_times(downloads, 1)
        assert total(downloads) is None
    assert "cannot be counted" in caplog.text


def test_what_waits_is_bounded(file, monkeypatch):
    monkeypatch.setattr("ghostnb.drift.bolt.downloads._MAX_PENDING", 10)
    file.parent.mkdir()
    file.mkdir()
    downloads = Downloads(file)
    for _ in range(3):
        count_times(downloads, 8)
        assert total(downloads) is None
    file.rmdir()

    assert total(downloads) == {"steam": 10}


def test_counting_waits_for_nobody(file):
    downloads = Downloads(file)
    count_times(downloads, 1)
    assert total(downloads) == {"steam": 1}
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    async def count() -> float:
        loop = asyncio.get_running_loop()
        started = loop.time()
        count_times(downloads, 1000)
        return loop.time() - started

    try:
        assert ask(count()) < 0.2
    finally:
        other.close()
    assert total(downloads) == {"steam": 1001}


def test_the_file_is_beside_a_layout(tmp_path):
    layout = LayoutRegistry(tmp_path / "root")

    assert statistics_file(layout) == tmp_path / "root" / ".ghostnb" / "downloads.sqlite"
    assert statistics_file(MemoryRegistry()) is None
