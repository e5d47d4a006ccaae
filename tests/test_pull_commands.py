"""The commands that are offered, and that they do what they are offered for."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import threading

import pytest

from ghostnb import Fleet, RegistryConfig, UnsupportedError
from ghostnb.pull_commands import (
    no_pull_reason,
    pull_commands,
    pull_name,
    pull_pieces,
)
from ghostnb.widgets import ImageDetails, RegistryBrowser
from tests.parts.daemons import dockerd
from tests.parts.processes import find_program
from tests.serving import wait_until

API = "team/shop/api:1.3"
DIGEST = f"sha256:{'a' * 64}"


def config(url, **fields):
    return RegistryConfig("reg", url, **fields)


@pytest.mark.parametrize(
    ("url", "reference", "docker", "podman"),
    [
        (
            "https://registry-1.docker.io",
            "nginx:1.27",
            "nginx:1.27",
            "docker.io/library/nginx:1.27",
        ),
        ("https://registry-1.docker.io", "library/nginx:1", "nginx:1", "docker.io/library/nginx:1"),
        ("https://docker.io", "bitnami/redis:7", "bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("https://ghcr.io", f"team/app@{DIGEST}", *[f"ghcr.io/team/app@{DIGEST}"] * 2),
        # A host without a dot would be a part of a name on Docker Hub.
        ("https://registry", "team/app:1", *["registry:443/team/app:1"] * 2),
    ],
)
def test_names_are_written_as_each_tool_reads_them(url, reference, docker, podman):
    commands = pull_commands(config(url), reference)

    assert pull_name(config(url), reference) == docker
    assert no_pull_reason(config(url)) == ""
    assert commands["docker"] == f"docker pull {docker}"
    assert commands["podman"] == f"podman pull {podman}"
    assert f"docker://{podman} " in commands["skopeo"]


def test_what_is_not_encrypted_is_said_to_those_who_want_to_be_told():
    commands = pull_commands(config("http://localhost:5000"), "app:1")

    assert commands["podman"] == "podman pull --tls-verify=false localhost:5000/app:1"
    assert commands["skopeo"].startswith("skopeo copy --src-tls-verify=false docker://localhost")
    assert "tls-verify" not in str(pull_commands(config("https://ghcr.io"), "app:1"))


def test_where_no_tool_can_pull_none_is_named(tmp_path):
    assert pull_commands(config("https://example.com/below/a/path"), "app:1") == {}
    assert pull_commands(config("http://my_host:5000", insecure=True), "app:1") == {}
    assert pull_commands(config(f"oci:{tmp_path}"), "app:1") == {}
    assert pull_pieces(config("https://example.com/below/a/path"), "app", ["1"]) == []
    with pytest.raises(UnsupportedError, match="save the image instead"):
        pull_name(config("https://example.com/below/a/path"), "app:1")
    assert no_pull_reason(config(f"oci:{tmp_path}")).startswith("A daemon pulls from no directory")
    of_file = no_pull_reason(config(f"oci:{tmp_path}/my images.tar"))
    assert of_file.startswith("A daemon pulls from no file: copy the image to a registry")
    assert of_file.endswith(f"docker load -i '{tmp_path}/my images.tar'")


def test_a_tag_between_the_pieces_is_the_command(demo_drift):
    for one in (config(demo_drift.url), config(f"oci:{demo_drift.root}")):
        pieces = pull_pieces(one, "team/shop/api", ["1.2", "1.3"])
        assert "1.3".join(pieces) == next(iter(pull_commands(one, API).values()))
    assert pull_pieces(config(f"oci:{demo_drift.root}"), "team/shop/api", ["1.3", "none"]) == []


def test_a_layout_whose_names_are_tags_alone_has_no_command_that_skopeo_would_refuse(
    demo_drift, tmp_path
):
    other = tmp_path / "other"
    shutil.copytree(demo_drift.root, other)
    index = json.loads((other / "index.json").read_text())
    for entry in index["manifests"]:
        entry["annotations"]["org.opencontainers.image.ref.name"] = "1.3"
    (other / "index.json").write_text(json.dumps(index))

    assert pull_commands(config(f"oci:{other}"), "other:1.3") == {}


def test_the_commands_pull(demo_drift, tmp_path):
    find_program("skopeo", "skopeo")
    over_http = pull_commands(config(demo_drift.url), API)
    from_disk = pull_commands(config(f"oci:{demo_drift.root}"), API)
    assert list(from_disk) == ["skopeo"]
    with dockerd() as daemon:
        images = ["docker", "images", "--format={{.Repository}}:{{.Tag}}"]
        there = {"DOCKER_HOST": daemon.url}
        called(over_http["docker"], tmp_path, there)
        assert called(images, tmp_path, there).split() == [f"{demo_drift.host}/{API}"]
        called(f"{from_disk['skopeo']} --dest-daemon-host={daemon.url}", tmp_path)
        assert API in called(images, tmp_path, there).split()
    called(over_http["skopeo"], tmp_path)
    assert (tmp_path / "api-1.3.tar").stat().st_size > 1_000_000


def test_the_commands_pull_another_platform(demo_drift, tmp_path):
    of_two = "team/shop/api:2.0"
    over_http = pull_commands(config(demo_drift.url), of_two, "linux/arm64/v8")
    assert over_http["podman"].startswith("podman pull --platform=linux/arm64/v8 --tls-verify")
    with dockerd() as daemon:
        there = {"DOCKER_HOST": daemon.url}
        called(over_http["docker"], tmp_path, there)
        inspect = ["docker", "inspect", "--format={{.Architecture}}"]
        assert called([*inspect, f"{demo_drift.host}/{of_two}"], tmp_path, there) == "arm64\n"
    from_disk = pull_commands(config(f"oci:{demo_drift.root}"), of_two, "linux/arm64/v8")
    to_file = from_disk["skopeo"].replace("docker-daemon:", f"oci-archive:{tmp_path}/disk.tar:")
    for command, archive in ((over_http["skopeo"], "api-2.0.tar"), (to_file, "disk.tar")):
        called(command, tmp_path)
        found = called(
            ["skopeo", "--override-arch=arm64", "inspect", f"oci-archive:{archive}"], tmp_path
        )
        assert '"Architecture": "arm64"' in found


def called(command, folder, environment=()):
    words = shlex.split(command) if isinstance(command, str) else command
    done = subprocess.run(
        words,
        cwd=folder,
        env={**os.environ, **dict(environment)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("tag", ["x; touch /tmp/y #", "x\nrm -rf ~", "$(x)", "-v", "", "x y"])
def test_what_is_no_tag_is_put_into_no_command(demo_drift, tag):
    for url in (demo_drift.url, f"oci:{demo_drift.root}"):
        assert pull_pieces(config(url), "team/shop/api", ["1.3", tag]) == []


def test_an_index_without_end_is_not_read_whole(demo_drift, monkeypatch):
    layout = config(f"oci:{demo_drift.root}")
    assert pull_commands(layout, API) != {}
    monkeypatch.setattr("ghostnb.pull_commands._MAX_INDEX_BYTES", 100)
    assert pull_commands(layout, API) == {}


def test_panels_read_a_layout_beside_the_loop(demo_drift, monkeypatch):
    threads = []

    def noted(path):
        threads.append(threading.current_thread().name)
        return frozenset({API})

    monkeypatch.setattr("ghostnb.pull_commands._layout_names", noted)
    fleet = Fleet([config(f"oci:{demo_drift.root}")])
    browser, details = RegistryBrowser(fleet), ImageDetails(fleet)
    browser.registry, browser.repository = "reg", "team/shop/api"
    wait_until(lambda: len(threads) == 1, seconds=30)
    details.show("reg", API)
    wait_until(lambda: bool(details._sheet._image), seconds=30)
    assert len(threads) == 2
    assert "ghostnb-io" not in threads
    browser.close()
    details.close()
