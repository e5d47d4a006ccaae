from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path

import pytest

from ghostnb.engine import Engine, contexts
from ghostnb.errors import ConfigError, EngineUnreachableError
from tests.parts.certificates import make_certificates
from tests.parts.daemons import RunningDaemon
from tests.parts.faults import faulty_server
from tests.parts.replies import reply

VERSION = {"Version": "1", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"}


def add_context(docker_config: Path, name: str, **docker: object) -> Path:
    """Write a context as ``docker context create`` does."""
    key = hashlib.sha256(name.encode()).hexdigest()
    place = docker_config / "contexts" / "meta" / key
    place.mkdir(parents=True)
    meta = {"Name": name, "Metadata": {}, "Endpoints": {"docker": docker} if docker else {}}
    (place / "meta.json").write_text(json.dumps(meta))
    return docker_config / "contexts" / "tls" / key / "docker"


def certifi_file() -> Path:
    import certifi

    return Path(certifi.where())


@pytest.fixture
def docker_config(home: Path) -> Path:
    directory = home / ".docker"
    directory.mkdir()
    return directory


def product(context: str | None = None) -> str:
    return asyncio.run(Engine(context).ping()).product


def test_without_configuration_there_is_the_default() -> None:
    frame = contexts()

    assert frame.to_dict("records") == [
        {"name": "default", "url": "unix:///var/run/docker.sock", "current": True}
    ]
    assert {k: str(v) for k, v in frame.dtypes.items()} == {
        "name": "string",
        "url": "string",
        "current": "boolean",
    }


def test_contexts_by_name(
    docker_config: Path, docker_daemon: RunningDaemon, podman_daemon: RunningDaemon
) -> None:
    add_context(docker_config, "whale", Host=docker_daemon.url, SkipTLSVerify=False)
    add_context(docker_config, "seal", Host=podman_daemon.url, SkipTLSVerify=False)
    add_context(docker_config, "kubernetes-only")

    assert [product("whale"), product("seal")] == ["docker", "podman"]
    assert contexts()["name"].to_list() == ["default", "seal", "whale"]
    assert contexts()["url"].to_list()[1:] == [podman_daemon.url, docker_daemon.url]


def test_the_current_context(
    docker_config: Path,
    docker_daemon: RunningDaemon,
    podman_daemon: RunningDaemon,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def current() -> str:
        frame = contexts()
        return frame.loc[frame["current"], "name"].item()

    add_context(docker_config, "whale", Host=docker_daemon.url)
    add_context(docker_config, "seal", Host=podman_daemon.url)
    (docker_config / "config.json").write_text(json.dumps({"currentContext": "whale"}))
    assert (product(), current()) == ("docker", "whale")

    monkeypatch.setenv("DOCKER_CONTEXT", "seal")
    assert (product(), current()) == ("podman", "seal")

    monkeypatch.setenv("DOCKER_HOST", docker_daemon.url)
    assert (product(), current()) == ("docker", "default")


def test_an_unknown_name_lists_the_known(docker_config: Path) -> None:
    add_context(docker_config, "whale", Host="unix:///whale.sock")

    with pytest.raises(ConfigError, match=r"'wale'; there are: default, whale\."):
        Engine("wale")


def test_an_unknown_scheme() -> None:
    with pytest.raises(ConfigError, match="no address of a container daemon"):
        Engine("ftp://example.com")


@pytest.mark.parametrize("content", ["{", "[]"])
def test_a_broken_configuration_is_named(docker_config: Path, content: str) -> None:
    path = docker_config / "config.json"
    path.write_text(content)

    with pytest.raises(ConfigError, match=str(path)):
        Engine()


def test_tls_files_of_a_context(
    docker_config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The handshake is real, the daemon behind it is not."""
    # requests would take it before the authority that the context names
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certifi_file()))
    made = make_certificates(tmp_path / "certificates")
    server_tls = made.server_context(client_required=True)
    with faulty_server({"*": reply(200, json=VERSION)}, tls=server_tls) as server:
        files = add_context(docker_config, "far", Host=f"tcp://{server.host}", SkipTLSVerify=False)
        files.mkdir(parents=True)
        (files / "ca.pem").write_bytes(made.ca_file.read_bytes())
        (files / "cert.pem").write_bytes(made.client_certificate.read_bytes())
        (files / "key.pem").write_bytes(made.client_key.read_bytes())
        assert product("far") == "docker"

        (files / "ca.pem").write_bytes(made.other_ca_file.read_bytes())
        with pytest.raises(EngineUnreachableError, match=r"TLS failed: .*certificate"):
            product("far")
