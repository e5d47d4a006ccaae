"""The cache's file: shared, private, bounded, and never why something fails."""

import os
import sqlite3
import stat
import subprocess
import sys
import time
import warnings

import pytest

from ghostnb.oci import Digest
from ghostnb.registries.cache import ContentCache, default_cache
from ghostnb.registries.disk_cache import DiskCache
from tests.parts.images import plain_image
from tests.registries.kept import BODIES, BODY, DIGEST, kept, write
from tests.scripts import finish_script, start_script
from tests.serving import serving_images

FILL = """
import sys, warnings
from pathlib import Path
from ghostnb.oci import Digest
from ghostnb.registries.disk_cache import DiskCache
warnings.simplefilter("always")
cache = DiskCache(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for n in range(40):
    body = f"{sys.argv[2]}-{n % 30}".encode() * 5000
    cache.put("s", Digest.of(body), body)
    common = b"common" * 5000
    cache.put("s", Digest.of(common), common)
    cache.get("s", Digest.of(common))
cache.close()
"""


SCRIPT = """
import os, sys
os.environ["GHOSTNB_CACHE"] = sys.argv[2]
import ghostnb
print(len(ghostnb.run(ghostnb.RegistryClient(sys.argv[1]).layers("a/b:1"))), flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "cache" / "content.sqlite"


@pytest.fixture
def fresh_default():
    """Let `default_cache` look at the environment anew, before and after."""
    default_cache.cache_clear()
    yield
    default_cache.cache_clear()


def test_content_stays_for_the_next_process(path):
    write(path, BODY)
    assert kept(path) == BODY
    assert kept(path, BODIES[2]) is None
    assert kept(path, scope="other") is None


def test_content_is_there_before_it_is_on_disk(path):
    cache = DiskCache(path)
    cache.put("s", DIGEST, BODY)
    assert cache.get("s", DIGEST) == BODY
    cache.close()


def test_the_file_is_this_users_alone(path):
    write(path, BODY)
    cache = DiskCache(path)
    cache.get("s", DIGEST)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    cache.close()
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_second_reading_of_a_registry_asks_for_tags_alone(path, registry):
    from tests.registries.asking import ask, manifest_of

    def read():
        disk = DiskCache(path)
        ask(registry.url, manifest_of("library/alpine", "3.20"), cache=ContentCache(disk))
        disk.close()

    read()
    with sqlite3.connect(path) as connection:
        [(scope, count)] = connection.execute("SELECT scope, COUNT(*) FROM content").fetchall()
    assert (scope, count) == (f"@{registry.url}/library/alpine", 1)


def seconds_to_end(url, place):
    """Run a short script that reads an image, and see how long it takes to end after that."""
    process = start_script(SCRIPT, url, place)
    assert process.stdout.readline() == "3\n"
    started = time.monotonic()
    finish_script(process)
    return time.monotonic() - started


def test_a_short_script_ends_at_once_and_leaves_what_it_read(tmp_path):
    image = plain_image("short")
    with serving_images({"a/b:1": image}) as server:
        without = min(seconds_to_end(server.url, "off") for _ in range(3))
        with_cache = min(seconds_to_end(server.url, str(tmp_path / f"{n}")) for n in range(3))
        assert with_cache - without < 0.6
        config = f"/v2/a/b/blobs/{image.blobs[0].digest}"
        asked = server.count(config)
        seconds_to_end(server.url, str(tmp_path / "0"))
        assert server.count(config) == asked == 6


def together(path, names):
    """Let processes begin in the same moment to write and read, and insist that none complains."""
    command = [sys.executable, "-c", FILL, str(path)]
    pipe = subprocess.PIPE
    running = [
        subprocess.Popen([*command, name], stdin=pipe, stdout=pipe, stderr=pipe) for name in names
    ]
    for process in running:
        process.stdout.readline()
    for process in running:
        process.stdin.write(b"\n")
        process.stdin.flush()
    assert [process.communicate(timeout=60)[1] for process in running] == [b""] * len(names)


def test_several_processes_write_at_once(path):
    together(path, "abcd")
    for name in "abcd":
        assert kept(path, f"{name}-29".encode() * 5000) is not None
    assert kept(path, b"common" * 5000) is not None


@pytest.mark.parametrize("damage", [b"not a database" * 1000, b"SQLite format 3\x00" + b"x" * 5000])
def test_a_file_that_is_no_database_is_replaced(path, damage):
    path.parent.mkdir()
    path.write_bytes(damage)
    assert kept(path) is None
    write(path, BODY)
    assert kept(path) == BODY
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def damage(path):
    with path.open("r+b") as file:
        size = os.fstat(file.fileno()).st_size
        for place in range(4096, size, 4096):
            file.seek(place)
            file.write(b"\xff" * 64)


def test_what_another_process_has_put_in_a_damaged_files_place_stays(path):
    write(path, *BODIES)
    late = DiskCache(path)
    assert late.get("s", DIGEST) == BODY
    damage(path)
    assert kept(path, BODIES[50]) is None
    write(path, BODIES[2])
    assert late.get("s", Digest.of(BODIES[90])) is None
    assert late.get("s", Digest.of(BODIES[2])) == BODIES[2]
    late.close()


def test_a_database_that_is_damaged_within_is_replaced(path):
    write(path, *BODIES)
    damage(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert kept(path) is None
        write(path, BODY)
    assert kept(path) == BODY


def test_a_broken_file_does_not_break_a_running_cache(path):
    cache = DiskCache(path)
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1000)
    assert cache.get("s", DIGEST) is None
    cache.put("s", DIGEST, BODY)
    cache.flush()
    assert cache.get("s", DIGEST) == BODY
    cache.close()


def test_processes_that_find_a_broken_file_at_once_end_up_with_a_sound_one(path):
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 1000)
    together(path, "ab")
    write(path, BODY)
    assert kept(path) == BODY


def test_content_that_was_changed_on_disk_is_not_used(path):
    write(path, BODY)
    with sqlite3.connect(path) as connection:
        assert connection.execute("UPDATE content SET body = ?", (b"evil",)).rowcount == 1
    connection.close()
    assert kept(path) is None
    # and is replaced by what is read instead
    write(path, BODY)
    assert kept(path) == BODY


@pytest.mark.parametrize("place", ["file/content.sqlite", "folder"])
def test_a_place_that_cannot_be_used_is_told_once(tmp_path, place):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder").mkdir()
    cache = DiskCache(tmp_path / place)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for body in BODIES:
            assert cache.get("s", Digest.of(body)) is None
            cache.put("s", Digest.of(body), body)
        cache.close()
    [warning] = caught
    assert f"The cache {tmp_path / place} cannot be used" in str(warning.message)
    assert "going on without it" in str(warning.message)


def test_a_folder_that_may_not_be_written_is_told_once(tmp_path):
    """As another user if this is root, who may write anywhere."""
    become = "import os; os.geteuid() or os.setuid(65534)"
    script = FILL.replace('warnings.simplefilter("always")', become)
    tmp_path.chmod(0o555)
    for parent in list(tmp_path.parents)[:2]:
        parent.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "content.sqlite"), "x"],
        input=b"\n",
        capture_output=True,
        check=False,
    )
    assert done.stderr.count(b"cannot be used") == 1, done.stderr
    assert done.returncode == 0
    assert list(tmp_path.iterdir()) == []


def test_the_file_stays_bounded_and_the_oldest_goes(path):
    for start in range(0, 100, 10):
        write(path, *BODIES[start : start + 10], limit_bytes=400_000)
        assert path.stat().st_size <= 400_000
    assert kept(path, BODIES[0]) is None
    # and no more than must: a quarter each time
    assert all(kept(path, body) == body for body in BODIES[-15:])


def test_one_large_batch_is_bounded_too(path):
    write(path, *BODIES, limit_bytes=200_000)
    assert path.stat().st_size <= 200_000


def test_large_content_is_not_kept(path):
    large = b"x" * (4 * 2**20 + 1)
    write(path, BODY, large)
    assert kept(path, large) is None


@pytest.mark.usefixtures("fresh_default")
def test_the_default_is_in_the_users_cache_directory(home):
    cache = default_cache()
    cache.put("s", DIGEST, BODY)
    cache._disk.close()
    assert kept(home / ".cache" / "ghostnb" / "content.sqlite") == BODY
    assert default_cache() is cache


@pytest.mark.usefixtures("fresh_default")
@pytest.mark.parametrize("place", ["{}/mine", "~/mine"])
def test_the_environment_names_a_directory(home, monkeypatch, place):
    monkeypatch.setenv("GHOSTNB_CACHE", place.format(home))
    cache = default_cache()
    cache.put("s", DIGEST, BODY)
    cache._disk.close()
    assert kept(home / "mine" / "content.sqlite") == BODY


@pytest.mark.usefixtures("fresh_default")
def test_the_disk_may_be_switched_off(home, monkeypatch):
    monkeypatch.setenv("GHOSTNB_CACHE", "off")
    cache = default_cache()
    cache.put("s", DIGEST, BODY)
    assert cache.get("s", DIGEST) == BODY
    assert not (home / ".cache").exists()
