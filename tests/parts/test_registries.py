"""The registries and images that other tests stand on."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.parts import media_types, processes
from tests.parts.faults import faulty_server
from tests.parts.images import Step, image, index, plain_image
from tests.parts.layers import layer_of
from tests.parts.processes import PartError
from tests.parts.pushes import (
    Pusher,
    RefusedError,
    push_many,
    skopeo,
    skopeo_manifest,
    skopeo_push,
    write_layout,
)
from tests.parts.registries import docker_registry
from tests.parts.replies import reply
from tests.parts.schema1 import schema1_image
from tests.parts.standard import EMPTIED_REPOSITORY, STANDARD_IMAGES, by_repository
from tests.parts.storage import many_images, write_storage


@pytest.mark.parametrize("name", STANDARD_IMAGES)
def test_skopeo_reads_the_manifest_that_we_expect(registry, name):
    assert STANDARD_IMAGES[name].raw == skopeo_manifest(registry.host, name)


def test_the_set_is_complete(registry):
    with Pusher(registry.url) as pusher:
        repositories = pusher.get("/v2/_catalog")["repositories"]
        tags = {name: pusher.get(f"/v2/{name}/tags/list")["tags"] for name in repositories}

    expected = {name: sorted(tags) for name, tags in by_repository().items()}
    assert expected | {EMPTIED_REPOSITORY: None} == {
        name: found and sorted(found) for name, found in tags.items()
    }


def test_skopeo_inspects_what_the_config_says(registry):
    options = ("--tls-verify=false", "--no-tags")
    said = json.loads(skopeo("inspect", *options, f"docker://{registry.host}/library/nginx:1.27"))

    nginx = STANDARD_IMAGES["library/nginx:1.27"]
    assert [layer.digest for layer in nginx.layers] == said["Layers"]
    assert nginx.config["config"]["Labels"] == said["Labels"]
    assert nginx.config["config"]["Env"] == said["Env"]


def test_platforms_are_without_attestations():
    expected = ("linux/amd64", "linux/arm64/v8", "linux/s390x")
    assert expected == STANDARD_IMAGES["team/nested:latest"].platforms


def test_zstd_layer_is_valid(registry, tmp_path):
    source = f"docker://{registry.host}/team/zstd:latest"
    skopeo("copy", "--src-tls-verify=false", "--dest-decompress", source, f"dir:{tmp_path}")

    [layer] = STANDARD_IMAGES["team/zstd:latest"].layers
    assert (tmp_path / layer.diff_id.removeprefix("sha256:")).exists()


def test_written_storage_is_a_registry(tmp_path):
    made = many_images(40)
    write_storage(tmp_path, {"a/b/c/d": {f"v{n}": image for n, image in enumerate(made)}})
    with docker_registry(storage_dir=tmp_path, delete=True) as running:
        assert made[7].raw == skopeo_manifest(running.host, "a/b/c/d:v7")
        skopeo(
            "copy",
            "--src-tls-verify=false",
            f"docker://{running.host}/a/b/c/d:v7",
            f"oci:{tmp_path}/copy:v7",
        )
        with Pusher(running.url) as pusher:
            pusher.delete_manifest("a/b/c/d", made[0].digest)
            left = pusher.get("/v2/a/b/c/d/tags/list")["tags"]
    assert {f"v{n}" for n in range(1, 40)} == set(left)


def test_htpasswd_registry_wants_the_password(htpasswd_registry):
    running = htpasswd_registry
    with Pusher(running.url, username=running.username, password=running.password) as pusher:
        assert "library/alpine" in pusher.get("/v2/_catalog")["repositories"]
    with Pusher(running.url) as nobody, pytest.raises(RefusedError, match="401"):
        nobody.get("/v2/_catalog")


def test_tls_registry_shows_a_certificate_of_our_authority(tls_registry):
    with Pusher(tls_registry.url, ca_file=tls_registry.ca_file) as pusher:
        assert "library/alpine" in pusher.get("/v2/_catalog")["repositories"]


def test_a_taken_port_is_left_to_its_owner(fresh_registry, monkeypatch):
    ports = iter([fresh_registry.port, processes.free_port()])
    monkeypatch.setattr("tests.parts.registries.free_port", lambda: next(ports))
    with docker_registry() as second:
        assert second.port != fresh_registry.port


def test_a_broken_configuration_shows_the_log():
    with (
        pytest.raises(PartError, match="with name: x"),
        docker_registry(config={"auth": {"x": {}}}),
    ):
        pass


def test_a_missing_program_names_its_package(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(PartError, match="apt-get install docker-registry"), docker_registry():
        pass


def test_a_killed_test_run_leaves_no_registry(tmp_path):
    script = (
        "import time; from tests.parts.registries import docker_registry\n"
        "with docker_registry() as r: print(r.process.pid, flush=True); time.sleep(60)"
    )
    root = Path(__file__).parents[2]
    places = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", script]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, env=places)
    registry = int(run.stdout.readline())
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    run.stdout.close()

    deadline = time.monotonic() + 5
    while psutil.pid_exists(registry) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not psutil.pid_exists(registry)


def test_the_same_seed_gives_the_same_image():
    assert plain_image("x").digest == plain_image("x").digest != plain_image("y").digest


def test_skopeo_makes_docker_of_an_oci_layout(fresh_registry, tmp_path):
    layout = write_layout(tmp_path, {"v1": plain_image("x")})
    skopeo_push(layout, "v1", fresh_registry.host, "app", options=("--format", "v2s2"))
    made = json.loads(skopeo_manifest(fresh_registry.host, "app:v1"))
    assert made["mediaType"] == media_types.DOCKER_MANIFEST


def test_skopeo_compresses_by_zstd(fresh_registry, tmp_path):
    plain = image([Step("COPY", layer_of("plain", compression="none"))])
    layout = write_layout(tmp_path, {"v1": plain})
    options = ("--dest-compress-format", "zstd")
    skopeo_push(layout, "v1", fresh_registry.host, "app", options=options)
    [layer] = json.loads(skopeo_manifest(fresh_registry.host, "app:v1"))["layers"]
    assert layer["mediaType"] == media_types.OCI_ZSTD


def test_the_registry_verifies_schema1_signatures():
    old = schema1_image("old/app", "v1", plain_image("old").layers)
    forged = dataclasses.replace(old, raw=old.raw.replace(b"amd64", b"amd65"))
    with docker_registry(schema1=True) as running, Pusher(running.url) as pusher:
        assert pusher.push("old/app", "v1", old) == old.digest
        with pytest.raises(RefusedError, match="MANIFEST_UNVERIFIED"):
            pusher.push("old/app", "v2", forged)
        served = json.loads(skopeo_manifest(running.host, "old/app:v1"))
    assert served.pop("signatures") != old.manifest["signatures"]
    assert served == json.loads(old.payload)


def test_schema1_is_refused_unless_switched_on(fresh_registry):
    old = schema1_image("old/app", "v1", plain_image("old").layers)
    with Pusher(fresh_registry.url) as pusher, pytest.raises(RefusedError, match="500"):
        pusher.push("old/app", "v1", old)


def test_many_threads_push_what_they_share(fresh_registry):
    both = index([plain_image("a"), plain_image("b", platform="linux/arm64/v8")], attested=True)
    push_many(fresh_registry.url, [(f"r{n % 3}", f"t{n}", both) for n in range(60)])
    with Pusher(fresh_registry.url) as pusher:
        assert {len(pusher.get(f"/v2/r{n}/tags/list")["tags"]) for n in range(3)} == {20}


def test_notifications_arrive():
    with (
        faulty_server({"/hook": reply()}) as hook,
        docker_registry(notifications=[f"{hook.url}/hook"]) as running,
        Pusher(running.url) as pusher,
    ):
        digest = pusher.push("app", "v1", plain_image("x"))
        deadline = time.monotonic() + 5
        while digest.encode() not in b"".join(r.body for r in hook.seen("/hook")):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_nobody_is_at_home(home):
    assert Path.home() == home
    assert [path.name for path in home.rglob("*")] == ["run"]
    assert not [name for name in os.environ if name.lower().endswith("_proxy")]
