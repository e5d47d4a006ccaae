"""What daemons refuse, and what they are not even asked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import docker
import pytest

from ghostnb.engine import ContainerSpec, Engine, Port, Volume
from ghostnb.engine.container_refusals import container_error
from ghostnb.errors import EngineError, EngineUnreachableError, InvalidContainerError
from tests.engine.test_containers import ended, on_host
from tests.parts.daemons import RunningDaemon
from tests.parts.faults import faulty_server
from tests.parts.replies import cut, drop, reply

VERSION = {"Version": "1", "ApiVersion": "1.41", "Os": "linux", "Arch": "amd64"}
Work = Callable[[Engine], Coroutine[Any, Any, Any]]


def refused(url: str, work: Work) -> EngineError:
    """Do it, and give the error; none holds what led to it."""

    async def run() -> None:
        async with Engine(url) as engine:
            await work(engine)

    with pytest.raises(EngineError) as caught:
        asyncio.run(run())
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


def names(daemon: RunningDaemon) -> list[str]:
    async def run() -> list[str]:
        async with Engine(daemon.url) as engine:
            return sorted((await engine.containers())["name"])

    return asyncio.run(run())


def test_no_such_image(daemon: RunningDaemon) -> None:
    error = refused(daemon.url, lambda engine: engine.create_container(ContainerSpec("nowhere")))
    assert error.status == 404
    assert "would not create a container of docker.io/library/nowhere:latest" in error.message
    assert error.hint == "Pull it first: engine.pull('docker.io/library/nowhere:latest')"


def test_a_name_that_is_taken(daemon: RunningDaemon, box: str) -> None:
    async def work(engine: Engine) -> None:
        for _ in range(2):
            await engine.create_container(on_host(box, "exit 0", name="taken"), start=False)

    error = refused(daemon.url, work)
    assert error.status == 409
    assert "engine.remove('taken')" in error.hint


@pytest.fixture
def network(daemon: RunningDaemon) -> Iterator[str]:
    """Make a network that publishes ports: the daemons have none."""
    with contextlib.closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
        client.create_network("engine-ports")
        yield "engine-ports"
        client.remove_network("engine-ports")


def test_a_port_that_is_taken(daemon: RunningDaemon, network: str, box: str) -> None:
    def spec(port: int | None, name: str) -> ContainerSpec:
        ports = (Port(80, port, host_ip="127.0.0.1"),)
        command = ("sleep", "60")
        return ContainerSpec(box, name=name, command=command, ports=ports, network=network)

    async def work(engine: Engine) -> None:
        await engine.create_container(spec(None, "free"))
        (published,) = (await engine.container("free")).ports
        assert published.container_port == 80
        assert published.host_port is not None
        text = f"127.0.0.1:{published.host_port}->80/tcp"
        assert (await engine.containers())["ports"].to_list() == [text]
        await engine.create_container(spec(published.host_port, "in-the-way"))

    error = refused(daemon.url, work)
    assert error.status == 409
    assert "port of the host" in error.hint
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        error = refused(daemon.url, lambda engine: engine.create_container(spec(port, "other")))
        assert error.status == 409
    assert names(daemon) == ["free"]  # what could not start does not keep its name


@pytest.mark.parametrize(
    "work",
    [
        lambda engine: engine.start("absent"),
        lambda engine: engine.stop("absent"),
        lambda engine: engine.restart("absent"),
        lambda engine: engine.remove("absent"),
        lambda engine: engine.remove("absent", force=True),
        lambda engine: engine.container("absent"),
        lambda engine: anext(engine.logs("absent")),
        lambda engine: anext(engine.logs("absent", follow=True)),
        lambda engine: engine.stats("absent"),
        lambda engine: anext(engine.follow_stats("absent")),
    ],
)
def test_no_such_container(daemon: RunningDaemon, work: Work) -> None:
    error = refused(daemon.url, work)
    assert error.status == 404
    assert error.hint == "engine.containers() lists those that there are."
    assert "absent" in error.message


def test_one_that_runs_already(daemon: RunningDaemon, box: str) -> None:
    async def work(engine: Engine) -> None:
        await engine.create_container(on_host(box, "sleep 60", name="runs"))
        await engine.start("runs")

    error = refused(daemon.url, work)
    assert error.status == 409
    assert error.message.endswith("would not start runs: already running.")
    assert error.hint == "To start it anew: engine.restart('runs')"

    error = refused(daemon.url, lambda engine: engine.remove("runs"))
    assert error.status == 409
    assert error.hint == (
        "Stop it first: engine.stop('runs'), or engine.remove('runs', force=True)"
    )


def test_one_that_is_paused(daemon: RunningDaemon, box: str) -> None:
    async def pause(engine: Engine) -> None:
        await engine.create_container(on_host(box, "sleep 60", name="paused"))
        with contextlib.closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
            client.pause("paused")
        assert (await engine.container("paused")).state == "paused"
        await engine.start("paused")

    error = refused(daemon.url, pause)
    assert (error.status, "unpause it first" in error.hint) == (409, True)
    error = refused(daemon.url, lambda engine: engine.remove("paused"))
    assert (error.status, "force=True" in error.hint) == (409, True)


@pytest.mark.parametrize(
    ("options", "hint", "status"),
    [
        ({"command": ("/no/such", "s3cret")}, "Is the command in the image", 400),
        ({"command": ("nosuch",)}, "Is the command in the image", 400),
        ({"command": ("/tmp",)}, "Is the command in the image", 400),
        ({"command": ()}, "Give command=…", 400),
        ({"network": "nosuchnetwork"}, "Make it first", 404),
        ({"network": "container:absent"}, "engine.containers() lists", 404),
    ],
)
def test_one_that_cannot_start_is_not_left_behind(
    daemon: RunningDaemon, box: str, options: dict[str, Any], hint: str, status: int | None
) -> None:
    fields = {"command": ("sleep", "60"), "network": "host", "name": "unlucky", **options}
    spec = ContainerSpec(box, env={"TOKEN": "s3cret"}, **fields)

    error = refused(daemon.url, lambda engine: engine.create_container(spec))

    assert (error.hint.startswith(hint), error.status) == (True, status), error
    assert "s3cret" not in str(error)
    assert names(daemon) == []


def test_a_directory_that_is_not_there(
    daemon: RunningDaemon, box: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    directory = tmp_path_factory.mktemp("binds") / "absent"
    volume = Volume(f"{directory}", "/data", volume_type="bind")
    spec = on_host(box, "exit 0", volumes=(volume,))

    async def run() -> None:
        async with Engine(daemon.url) as engine:
            await ended(engine, await engine.create_container(spec))

    if daemon.product == "podman":  # it makes the directory
        asyncio.run(run())
        assert directory.is_dir()
        return
    error = refused(daemon.url, lambda engine: engine.create_container(spec))
    assert error.hint.startswith("Make that directory on the daemon's machine")
    assert error.status == 400
    assert not directory.exists()


HOSTILE = ["", " ", ".", "..", "../images/x", "a/b", "/a", "a?force=1", "a#b", "a%2fb", "ü", "a\0"]


@pytest.mark.parametrize("name", [*HOSTILE, "-a", "a b", "a\n", "x" * 10_000 + "/"])
def test_what_is_no_name_is_not_sent(name: str) -> None:
    """Parts of a path would lead elsewhere: ``DELETE …/containers/../images/x``."""
    calls: list[Work] = [
        *(lambda e: e.start(name), lambda e: e.stop(name), lambda e: e.restart(name)),
        *(lambda e: e.remove(name), lambda e: e.container(name), lambda e: anext(e.logs(name))),
        *(lambda e: e.stats(name), lambda e: anext(e.follow_stats(name))),
    ]

    async def run(url: str) -> None:
        async with Engine(url) as engine:
            for call in calls:
                with pytest.raises(InvalidContainerError) as caught:
                    await call(engine)
                assert list(caught.value.problems) == ["container"]
                assert len(str(caught.value)) < 300

    with faulty_server({}) as server:
        asyncio.run(run(f"tcp://{server.host}"))
        assert server.connections == 0


def test_wrong_numbers_are_mistakes_of_the_caller() -> None:
    async def run() -> None:
        engine = Engine("unix:///nowhere")
        for seconds in (-1, float("nan")):
            with pytest.raises(ValueError, match="timeout_seconds"):
                await engine.stop("a", timeout_seconds=seconds)
        with pytest.raises(ValueError, match="tail"):
            engine.logs("a", tail=-1)
        for seconds in (0, -1, float("nan")):
            with pytest.raises(ValueError, match="period_seconds"):
                engine.follow_stats("a", period_seconds=seconds)

    asyncio.run(run())


def test_long_names_and_much_of_everything(daemon: RunningDaemon, box: str) -> None:
    spec = on_host(
        box,
        'echo "$V4999" "$BIG" | cat > /dev/null; exit 0',
        name="n" * 200,
        env={**{f"V{n}": f"{n}" for n in range(2000)}, "BIG": "ü" * 10_000},
        labels={f"ключ-{n}": "値" * 10 for n in range(1000)},
        volumes=tuple(Volume(None, f"/memory/{n}", volume_type="tmpfs") for n in range(10)),
    )

    async def run() -> None:
        async with Engine(daemon.url) as engine:
            await engine.create_container(spec)
            assert (await engine.container("n" * 200)).name == "n" * 200

    asyncio.run(run())


CREATE = ("POST", "/v1.41/containers/create")


@pytest.mark.parametrize(
    ("answer", "kind", "said"),
    [
        (
            reply(400, json={"message": "invalid environment variable: TOKEN=s3cret, A=1"}),
            EngineError,
            "invalid environment variable: TOKEN=…, A=…",
        ),
        (reply(500, body=b"<html>Bad gateway</html>"), EngineError, "Bad gateway"),
        (drop(), EngineUnreachableError, "was lost while it should create a container of"),
        (cut(b'{"Id": "1"}', 4), EngineUnreachableError, "was lost while it should create"),
    ],
)
def test_no_value_comes_back_in_an_error(answer: Any, kind: type[EngineError], said: str) -> None:
    spec = ContainerSpec("app", env={"TOKEN": "s3cret", "A": "1"})
    with faulty_server({"/version": reply(200, json=VERSION), CREATE: answer}) as server:
        error = refused(f"tcp://{server.host}", lambda engine: engine.create_container(spec))
    assert type(error) is kind
    assert said in error.message
    assert "s3cret" not in f"{error!r} {error} {vars(error)}"


def test_a_lost_pull_holds_no_credentials() -> None:
    class Me:
        username, password = "me", "s3cret"

    routes = {"/version": reply(200, json=VERSION), "/v1.41/images/create": drop()}
    with faulty_server(routes) as server:
        error = refused(
            f"tcp://{server.host}", lambda engine: anext(engine.pull("app", credentials=Me()))
        )
    assert isinstance(error, EngineUnreachableError)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        # moby 28: daemon/names.go, daemon/delete.go, libnetwork; Podman 4.3 when it is busy
        (
            'Conflict. The container name "/web" is already in use by container "a". You have to'
            " remove (or rename) that container to be able to reuse that name.",
            409,
        ),
        ('cannot remove container "web": container is running: stop the container before', 409),
        ('cannot remove container "/web": container is paused and must be unpaused first', 409),
        (
            "cannot remove container a as it could not be stopped: sending SIGKILL to container a:"
            " container state improper: stopped",
            409,
        ),
        ("failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already in use", 409),
        # a container's or a file's name is no verdict
        ('exec: "no such container": executable file not found in $PATH', 400),
        ("Multiple IDs found with provided prefix: e", 409),
        ("2 matches found based on ID prefix: network d is ambiguous", 409),
        ("more than one result for container ID 0: container already exists", 409),
        ("something else altogether", None),
    ],
)
def test_wordings_of_daemons_that_are_not_here(words: str, status: int | None) -> None:
    assert container_error("Docker would not", words).status == status
