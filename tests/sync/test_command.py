"""``ghostnb sync``, run as a user runs it."""

import signal
import subprocess
import sys
import time

import pytest

from tests.parts.images import plain_image
from tests.parts.pushes import Pusher, skopeo
from tests.parts.registries import docker_registry
from tests.parts.replies import error, hang
from tests.parts.standard import STANDARD_IMAGES
from tests.serving import serving_images, wait_until

STOPPED = "Stopped. The same command goes on from here: what has come is not sent again."


def sync(*arguments, timeout=120):
    command = [sys.executable, "-m", "ghostnb", "sync", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout)


def push(url, **images):
    with Pusher(url) as pusher:
        for tag, document in images.items():
            pusher.push("team/app", tag, document)


def configure(home, url):
    file = home / ".config/ghostnb/registries.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f'[[registries]]\nname = "hub"\nurl = "{url}"\n')


@pytest.fixture
def two(home):
    with docker_registry() as one, docker_registry(delete=True) as other:
        configure(home, one.url)
        push(one.url, v1=plain_image("one"), v2=STANDARD_IMAGES["team/multi:latest"])
        yield one, other


def digest(running, tag):
    arguments = ("inspect", "--tls-verify=false", "--format={{.Digest}}")
    return skopeo(*arguments, f"docker://{running.host}/mirror/app:{tag}").strip()


def plan(tmp_path, other, more=""):
    file = tmp_path / "plan.toml"
    file.write_text(
        f'[[sync]]\nsource = "hub"\ntarget = "{other.url}"\n'
        f'rename = {{ "team/" = "mirror/" }}\n{more}'
    )
    return file


def test_a_plan_is_shown_then_done_and_then_there_is_nothing_to_do(two, tmp_path):
    _, other = two
    file = plan(tmp_path, other)
    dry = sync(file, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert "2 to copy" in dry.stdout
    assert "copy   mirror/app:v1" in dry.stdout
    done = sync(file)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 to copy" in done.stdout, "the dry run moved nothing"
    assert "done in" in done.stdout
    assert digest(other, "v2") == STANDARD_IMAGES["team/multi:latest"].digest
    again = sync(file)
    assert "nothing to do" in again.stdout
    assert again.returncode == 0


def test_what_is_gone_goes_when_the_file_says_so(two, tmp_path):
    _, other = two
    with Pusher(other.url) as pusher:
        pusher.push("mirror/app", "old", plain_image("old"))
    done = sync(plan(tmp_path, other, "prune = true\n"))
    assert "2 to copy, 1 to delete" in done.stdout
    listed = skopeo("list-tags", "--tls-verify=false", f"docker://{other.host}/mirror/app")
    assert "old" not in listed


def test_it_repeats_outlives_a_failure_and_ends_with_ctrl_c(two, tmp_path):
    one, other = two
    file = plan(tmp_path, other)
    log = tmp_path / "log"
    with log.open("w") as output:
        command = [sys.executable, "-u", "-m", "ghostnb", "sync", str(file), "--every", "1s"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_for(log, "nothing to do")
            other.stop()
            wait_for(log, "Cannot reach")
            with docker_registry(storage_dir=other.storage_dir, port=other.port):
                push(one.url, v3=plain_image("three"))
                wait_for(log, "mirror/app:v3")
                wait_for(log, "nothing to do", after="mirror/app:v3")
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()
            process.wait()
    assert "Traceback" not in log.read_text()
    assert log.read_text().endswith(f"{STOPPED}\n")


def test_what_is_stopped_half_way_says_that_it_can_go_on(home, tmp_path):
    image = plain_image("one")
    file, log = tmp_path / "plan.toml", tmp_path / "log"
    file.write_text(f'[[sync]]\nsource = "hub"\ntarget = "oci:{tmp_path}/to"\n')
    with serving_images({"app:1": image}) as server:
        configure(home, server.url)
        path = f"/v2/app/blobs/{image.layers[0].digest}"
        right, server.routes[path] = server.routes[path], hang()
        command = [sys.executable, "-u", "-m", "ghostnb", "sync", str(file)]
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_until(lambda: server.count(path), seconds=60)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 130
        finally:
            process.kill()
            process.wait()
        assert log.read_text().endswith(f"{STOPPED}\n")
        assert "Traceback" not in log.read_text()
        server.routes[path] = right
        assert "done in" in sync(file).stdout


@pytest.mark.parametrize(("number", "shown", "more"), [(2, 2, ""), (7, 5, "  … and 2 more\n")])
def test_steps_that_fail_are_listed_and_tried_by_the_same_command(
    home, tmp_path, number, shown, more
):
    images = {f"app:{n}": plain_image(f"image {n}") for n in range(number + 1)}
    file = tmp_path / "plan.toml"
    file.write_text(f'[[sync]]\nsource = "hub"\ntarget = "oci:{tmp_path}/to"\n')
    with serving_images(images) as server:
        configure(home, server.url)
        paths = [f"/v2/app/blobs/{images[f'app:{n}'].blobs[0].digest}" for n in range(number)]
        right = {path: server.routes[path] for path in paths}
        server.routes.update(dict.fromkeys(paths, error(403, "DENIED", "not for you")))
        failed = sync(file)
        assert (failed.returncode, failed.stderr) == (1, "")
        told = failed.stdout.partition(f"{number} of {number + 1} failed:\n")[2]
        lines = told.splitlines()
        for n in range(shown):
            assert lines[n].startswith(f"  copy   app:{n}: ")
            assert "not for you" in lines[n]
        assert "".join(f"{one}\n" for one in lines[shown:]) == (
            f"{more}  Run again, the same command tries what is not done.\n"
        )
        assert "plan." not in failed.stdout
        server.routes.update(right)
        again = sync(file)
        assert f"{number} to copy" in again.stdout
        assert again.returncode == 0


def test_a_list_that_fails_is_told_and_tried_again(home, tmp_path):
    images = {"app:1": plain_image("one"), "closed:1": plain_image("two")}
    file, log = tmp_path / "plan.toml", tmp_path / "log"
    with serving_images(images) as server:
        configure(home, server.url)
        path = "/v2/closed/tags/list"
        right, server.routes[path] = server.routes[path], error(403, "DENIED", "not for you")
        file.write_text(f'[[sync]]\nsource = "hub"\ntarget = "oci:{tmp_path}/to"\n')
        done = sync(file)
        assert "closed could not be listed" in done.stdout
        assert "done in" in done.stdout, "the others are copied"
        assert "not all could be read (1 failed)" in done.stdout
        assert (done.returncode, done.stderr) == (1, "")
        assert sync(file, "--dry-run").returncode == 1
        command = [sys.executable, "-u", "-m", "ghostnb", "sync", str(file), "--every", "1s"]
        with log.open("w") as output:
            process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            wait_for(log, "not all could be read")
            server.routes[path] = right
            wait_for(log, "copy   closed:1")
            wait_for(log, "nothing to do", after="copy   closed:1")
        finally:
            process.kill()
            process.wait()
    assert sync_is_quiet(log)


def sync_is_quiet(log):
    """See that nothing was told wrong any more at the end."""
    last = log.read_text().rpartition("copy   closed:1")[2]
    return "not all could be read" not in last and "Traceback" not in log.read_text()


def wait_for(log, words, *, after="", seconds=60):
    deadline = time.monotonic() + seconds
    while words not in log.read_text()[max(log.read_text().rfind(after), 0) if after else 0 :]:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def test_what_is_wrong_is_one_line(two, tmp_path):
    _, other = two
    file = tmp_path / "plan.toml"
    file.write_text('[[sync]]\nsource = "hubb"\ntarget = "hub"\n')
    wrong = sync(file)
    assert wrong.returncode == 1
    assert "No registry is called 'hubb'" in wrong.stderr
    assert "hub" in wrong.stderr.partition("Configured are")[2]
    file.write_text('[[sync]]\nsource = "hub"\ntarget = "localhost:1"\n')
    unreachable = sync(file)
    assert unreachable.returncode == 1
    assert "Cannot reach" in unreachable.stdout
    assert sync(plan(tmp_path, other), "--every", "soon").returncode == 1
