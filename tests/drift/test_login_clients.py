"""Docker, Podman, skopeo, curl and our own client log in to a Drift that runs."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ghostnb.client import RegistryClient
from ghostnb.errors import UnauthorizedError
from ghostnb.loop import run
from ghostnb.registries.config import RegistryConfig
from tests.drift.logins import IMAGE, PASSWORDS, write_htpasswd
from tests.parts.daemons import RunningDaemon, _directory, dockerd
from tests.parts.drift import RunningDrift, running_drift
from tests.parts.processes import find_program
from tests.parts.pushes import Pusher, RefusedError, skopeo, write_layout

ROLES = ("--developer", "dev", "--admin", "ada")


@pytest.fixture
def drift(tmp_path) -> Iterator[RunningDrift]:
    file = write_htpasswd(tmp_path / "htpasswd")
    with running_drift(tmp_path / "root", "--htpasswd", str(file), *ROLES) as running:
        with Pusher(running.url, username="dev", password=PASSWORDS["dev"]) as pusher:
            pusher.push("team/app", "1", IMAGE)
        yield running


@pytest.fixture(scope="module")
def docker_daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


@pytest.fixture
def tree(tmp_path) -> Path:
    """Make what an image is imported from."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "hello").write_text("hello")
    archive = tmp_path / "tree.tar"
    subprocess.run(["tar", "-C", str(tmp_path / "tree"), "-cf", str(archive), "."], check=True)
    return archive


@dataclass(frozen=True)
class Client:
    """A command line client with a configuration of its own."""

    command: Sequence[str]

    def run(self, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments], input=given, capture_output=True, text=True, timeout=60
        )

    def works(self, *arguments: str, given: str = "") -> str:
        done = self.run(*arguments, given=given)
        assert done.returncode == 0, (arguments, done.stdout, done.stderr)
        return done.stdout

    def fails(self, *arguments: str, given: str = "") -> str:
        done = self.run(*arguments, given=given)
        assert done.returncode != 0, (arguments, done.stdout)
        return done.stdout + done.stderr


def local(drift: RunningDrift) -> str:
    """Give the name by which no client wants TLS."""
    return drift.host.replace("127.0.0.1", "localhost")


@pytest.fixture
def docker(docker_daemon, tmp_path) -> Client:
    program = find_program("docker", "docker.io")
    config = tmp_path / "docker-config"
    return Client((program, f"--host={docker_daemon.url}", f"--config={config}"))


def test_docker_logs_in_pushes_and_pulls(drift, docker, tree, tmp_path):
    host = local(drift)
    image = f"{host}/team/tool:1"

    def login(user: str, password: str) -> tuple[str, ...]:
        return ("login", "--username", user, "--password-stdin", host), {"given": password}

    docker.works("import", str(tree), image)
    assert "unauthorized: Log in, please" in docker.fails("push", image)
    arguments, given = login("vic", "wrong")
    assert "The name or the password is wrong" in docker.fails(*arguments, **given)

    arguments, given = login("vic", PASSWORDS["vic"])
    docker.works(*arguments, **given)
    assert "denied: vic has the role viewer" in docker.fails("push", image)
    docker.works("pull", f"{host}/team/app:1")

    arguments, given = login("dev", PASSWORDS["dev"])
    docker.works(*arguments, **given)
    docker.works("push", image)
    docker.works("rmi", image)
    docker.works("logout", host)
    assert "unauthorized" in docker.fails("pull", image)
    docker.works(*arguments, **given)
    docker.works("pull", image)


def test_docker_keeps_a_token_that_outlives_drift_and_ends_with_the_password(
    docker, tmp_path, tree
):
    file = write_htpasswd(tmp_path / "htpasswd")
    arguments = ("--htpasswd", str(file), *ROLES)
    with running_drift(tmp_path / "root", *arguments) as first:
        port, host = first.host.rpartition(":")[2], local(first)
        login = ("login", "--username", "dev", "--password-stdin", host)
        docker.works(*login, given=PASSWORDS["dev"])
        docker.works("import", str(tree), f"{host}/team/tool:1")
    kept = json.loads((tmp_path / "docker-config" / "config.json").read_text())["auths"][host]
    assert kept["identitytoken"]
    assert PASSWORDS["dev"] not in json.dumps(kept)

    with running_drift(tmp_path / "root", "--port", port, *arguments):
        docker.works("push", f"{host}/team/tool:1")
        # Apart from docker, the token serves our own client.
        config = RegistryConfig("reg", f"http://{host}")
        shutil.copytree(tmp_path / "docker-config", Path.home() / ".docker")
        assert list(run(RegistryClient(config).tags("team/tool"))["tag"]) == ["1"]

    write_htpasswd(file, {**PASSWORDS, "dev": "another"})
    with running_drift(tmp_path / "root", "--port", port, *arguments):
        assert "has another password now" in docker.fails("push", f"{host}/team/tool:1")


def test_docker_pulls_without_a_login_where_that_is_allowed(docker, tmp_path, tree):
    file = write_htpasswd(tmp_path / "htpasswd")
    arguments = ("--htpasswd", str(file), *ROLES, "--anonymous-pull")
    with running_drift(tmp_path / "root", *arguments) as drift:
        with Pusher(drift.url, username="dev", password=PASSWORDS["dev"]) as pusher:
            pusher.push("team/app", "1", IMAGE)
        docker.works("pull", f"{local(drift)}/team/app:1")
        docker.works("import", str(tree), f"{local(drift)}/team/tool:1")
        assert "unauthorized: Log in, please" in docker.fails("push", f"{local(drift)}/team/tool:1")


@pytest.fixture
def podman_place() -> Iterator[Path]:
    with _directory() as directory:
        yield directory


def test_podman_logs_in_pushes_and_pulls(drift, podman_place, tree):
    program = find_program("podman", "podman")
    podman = Client((program, f"--root={podman_place}/root", f"--runroot={podman_place}/run"))
    options = ("--tls-verify=false", f"--authfile={podman_place}/auth.json")
    host = local(drift)
    image = f"{host}/team/tool:1"

    def login(user: str) -> tuple[str, ...]:
        return ("login", *options, "--username", user, "--password-stdin", host)

    podman.works("import", str(tree), image)
    assert "invalid username/password" in podman.fails(*login("vic"), given="wrong")
    podman.works(*login("vic"), given=PASSWORDS["vic"])
    assert "vic has the role viewer" in podman.fails("push", *options, image)
    podman.works("pull", *options, f"{host}/team/app:1")
    podman.works(*login("dev"), given=PASSWORDS["dev"])
    podman.works("push", *options, image)
    podman.works("rmi", image)
    podman.works("pull", *options, image)
    assert f"{host}/team/tool" in podman.works("search", *options, f"{host}/")
    podman.works("logout", f"--authfile={podman_place}/auth.json", host)
    assert "Log in, please" in podman.fails("pull", *options, image)


def test_skopeo_does_what_each_role_may(drift, tmp_path):
    layout = write_layout(tmp_path / "layout", {"it": IMAGE})
    image = f"docker://{drift.host}/team/tool:1"
    insecure = "--tls-verify=false"

    def creds(user: str, option: str = "--creds") -> tuple[str, str]:
        return option, f"{user}:{PASSWORDS[user]}"

    def push(user: str) -> None:
        options = ("--dest-tls-verify=false", *creds(user, "--dest-creds"))
        skopeo("copy", *options, f"oci:{layout}:it", image)

    with pytest.raises(RefusedError, match="vic has the role viewer"):
        push("vic")
    push("dev")
    assert IMAGE.digest in skopeo("inspect", insecure, *creds("vic"), image)
    for wrong in (("--creds", "vic:wrong"), ("--no-creds",)):
        with pytest.raises(RefusedError):
            skopeo("inspect", insecure, *wrong, image)
    with pytest.raises(RefusedError, match="dev has the role developer"):
        skopeo("delete", insecure, *creds("dev"), image)
    skopeo("delete", insecure, *creds("ada"), image)


def test_skopeo_logs_in_and_copies_between_repositories(drift, tmp_path):
    skopeo_itself = Client((find_program("skopeo", "skopeo"),))
    auth = f"--authfile={tmp_path}/auth.json"
    login = ("login", "--tls-verify=false", auth, "--username=dev", "--password-stdin", drift.host)
    assert "invalid username/password" in skopeo_itself.fails(*login, given="wrong")
    skopeo_itself.works(*login, given=PASSWORDS["dev"])
    source, target = (f"docker://{drift.host}/{name}:1" for name in ("team/app", "other/app"))

    insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
    skopeo("copy", auth, *insecure, source, target)

    tags = skopeo("list-tags", auth, "--tls-verify=false", target.removesuffix(":1"))
    assert json.loads(tags)["Tags"] == ["1"]


def curl(*arguments: str) -> tuple[int, str]:
    """Give the status and the body."""
    command = [find_program("curl", "curl"), "-s", "-w", "\n%{http_code}", *arguments]
    out = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
    body, _, status = out.rpartition("\n")
    return int(status), body


def test_curl_logs_in_by_basic_and_by_token(drift):
    tags = f"{drift.url}/v2/team/app/tags/list"
    me = ("--user", f"dev:{PASSWORDS['dev']}")

    assert curl(tags)[0] == 401
    assert curl("--user", "dev:wrong", tags)[0] == 401
    assert curl(*me, tags) == (200, '{"name":"team/app","tags":["1"]}')
    scoped = curl(*me, f"{drift.url}/token?service=drift&scope=repository:team/app:pull")[1]
    pair = json.dumps({"username": "dev", "password": PASSWORDS["dev"]})
    login = curl("--data", pair, f"{drift.url}/login")[1]
    for answer in (scoped, login):
        token = ("--header", f"Authorization: Bearer {json.loads(answer)['token']}")
        assert curl(*token, tags)[0] == 200
    assert json.loads(curl(*token, f"{drift.url}/whoami")[1])["role"] == "developer"
    assert curl(*me, "--request", "POST", f"{drift.url}/admin/gc")[0] == 403


def test_our_own_clients_of_two_users_and_a_wrong_one(drift):
    def client(user: str, password: str) -> RegistryClient:
        return RegistryClient(RegistryConfig(user, drift.url, user, password))

    for user in ("vic", "ada"):
        frame = run(client(user, PASSWORDS[user]).tags("team/app", details=True))
        assert list(frame["digest"]) == [IMAGE.digest]
    with pytest.raises(UnauthorizedError, match="The name or the password is wrong"):
        run(client("vic", "wr0ng").tags("team/app"))


def test_users_change_while_drift_runs(drift, tmp_path):
    status = f"{drift.url}/v2/"
    assert curl("--user", f"vic:{PASSWORDS['vic']}", status)[0] == 200
    write_htpasswd(tmp_path / "htpasswd", {"dev": "d", "ada": "a", "new": "n3w"})

    deadline = time.monotonic() + 5
    while curl("--user", "new:n3w", status)[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert curl("--user", f"vic:{PASSWORDS['vic']}", status)[0] == 401
