"""Descriptions of containers: Docker's short forms, and everything that is wrong, at once."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.engine.creation import create_body
from ghostnb.engine.ports import Port
from ghostnb.engine.specs import ContainerSpec
from ghostnb.engine.volumes import Volume
from ghostnb.errors import GhostnbError, InvalidContainerError

ID = "a" * 64


def problems(**texts: str) -> dict[str, str]:
    with pytest.raises(InvalidContainerError) as caught:
        ContainerSpec.parse(**{"image": "nginx", **texts})
    assert isinstance(caught.value, GhostnbError)
    assert all(problem in str(caught.value) for problem in caught.value.problems.values())
    return caught.value.problems


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("80", Port(80)),
        (" 80 ", Port(80)),
        ("8080:80", Port(80, 8080)),
        ("8080:80/tcp", Port(80, 8080)),
        ("53:53/UDP", Port(53, 53, "udp")),
        ("9/sctp", Port(9, None, "sctp")),
        ("127.0.0.1:8080:80", Port(80, 8080, "tcp", "127.0.0.1")),
        ("127.0.0.1::80", Port(80, None, "tcp", "127.0.0.1")),
        ("[::1]:8080:80", Port(80, 8080, "tcp", "::1")),
        ("[::1]::80/udp", Port(80, None, "udp", "::1")),
        ("65535:1", Port(1, 65535)),
    ],
)
def test_ports_in_dockers_short_form(text: str, port: Port) -> None:
    assert Port.parse(text) == port
    assert Port.parse(str(port)) == port


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ":", "8080:", ":80", "1:2:3:4", "80-90", "8000-8010:80-90", "-1", "+80", "8 0"),
        *("0", "65536", "0:80", "99999:80", "1e3", "٣:80", "80/", "80/http", "80/tcp/tcp"),
        *("::1:8080:80", "[::1:8080:80", "[]:1:80", "localhost:1:80", "300.1.1.1:1:80"),
        *("9" * 10_000, "80\0", "80\n81", "http://x:80"),
    ],
)
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(InvalidContainerError) as caught:
        Port.parse(text)
    assert list(caught.value.problems) == ["ports"]
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("number", [0, -1, 65536, True, "80", None, 80.0])
def test_what_is_no_number_of_a_port(number: object) -> None:
    with pytest.raises(InvalidContainerError, match="ports are 1 to 65535"):
        Port(number)  # type: ignore[arg-type]


@given(
    st.builds(
        Port,
        st.integers(1, 65535),
        st.none() | st.integers(1, 65535),
        st.sampled_from(["tcp", "udp", "sctp"]),
        st.none() | st.ip_addresses().map(str),
    )
)
def test_every_port_is_read_as_it_is_written(port: Port) -> None:
    assert Port.parse(str(port)) == port


@given(st.text(alphabet="0189:[]./-tcpudx \0é", max_size=30) | st.text())
def test_any_text_is_a_port_or_said_to_be_none(text: str) -> None:
    try:
        port = Port.parse(text)
    except InvalidContainerError:
        return
    assert Port.parse(str(port)) == port


@pytest.mark.parametrize(
    ("text", "volume"),
    [
        ("data:/data", Volume("data", "/data")),
        ("data:/data:ro", Volume("data", "/data", read_only=True)),
        ("data:/data:rw", Volume("data", "/data")),
        ("/data", Volume(None, "/data")),
        ("/host/dir:/data", Volume("/host/dir", "/data", volume_type="bind")),
        ("/a b/ü:/c d:ro", Volume("/a b/ü", "/c d", read_only=True, volume_type="bind")),
        ("C:\\data:/data", Volume("C:\\data", "/data", volume_type="bind")),
    ],
)
def test_volumes_in_dockers_short_form(text: str, volume: Volume) -> None:
    assert Volume.parse(text) == volume
    assert Volume.parse(str(volume)) == volume


@pytest.mark.parametrize(
    "text",
    [
        *("", "data", "data:data", "./x:/data", "../x:/data", "~/x:/data", ":/data", "a:/data"),
        *("data:/", "data:/.", "data:/x/..", "data:/data:z", "data:/data:ro:rw", "dätä:/data"),
        *("da/ta:/data", "/a\0b:/data", "/a:/da\0ta", "data:/data:", "-x:/data"),
    ],
)
def test_what_is_no_volume(text: str) -> None:
    with pytest.raises(InvalidContainerError) as caught:
        Volume.parse(text)
    assert list(caught.value.problems) == ["volumes"]


def test_memory_and_wrong_sources() -> None:
    assert Volume(None, "/run", volume_type="tmpfs").source is None
    for wrong in (
        {"source": "data", "volume_type": "tmpfs"},
        {"source": "data", "volume_type": "bind"},
        {"source": None, "volume_type": "bind"},
        {"source": "/host", "volume_type": "volume"},
        {"source": "data", "volume_type": "nfs"},
    ):
        with pytest.raises(InvalidContainerError):
            Volume(target="/data", **wrong)  # type: ignore[arg-type]


@given(st.text(alphabet="ab/:.roC\\ \0é-", max_size=30) | st.text())
def test_any_text_is_a_volume_or_said_to_be_none(text: str) -> None:
    try:
        volume = Volume.parse(text)
    except InvalidContainerError:
        return
    assert Volume.parse(str(volume)) == volume


def test_the_texts_of_a_form() -> None:
    spec = ContainerSpec.parse(
        image=" localhost:5000/team/app:1.0 ",
        name="web-1",
        command="sh -c 'echo \"a b\"; sleep 1'",
        ports="8080:80\r\n\n  # for the metrics\n127.0.0.1:9090:9090/udp\n",
        volumes="data:/data\n/etc/hosts:/hosts:ro",
        env="A= b=c \nelastic.type=single-node\nEMPTY=",
        labels="team=shop\nalone",
        network="host-net",
        restart_policy="on-failure:3",
    )

    assert spec == ContainerSpec(
        image="localhost:5000/team/app:1.0",
        name="web-1",
        command=("sh", "-c", 'echo "a b"; sleep 1'),
        ports=(Port(80, 8080), Port(9090, 9090, "udp", "127.0.0.1")),
        volumes=(
            Volume("data", "/data"),
            Volume("/etc/hosts", "/hosts", read_only=True, volume_type="bind"),
        ),
        env={"A": " b=c ", "elastic.type": "single-node", "EMPTY": ""},
        labels={"team": "shop", "alone": ""},
        network="host-net",
        restart_policy="on-failure:3",
    )


def test_an_image_is_enough() -> None:
    spec = ContainerSpec.parse(image="nginx")
    assert spec == ContainerSpec("nginx")
    assert (spec.name, spec.network, spec.restart_policy) == (None, None, "no")
    assert spec.image_name == "docker.io/library/nginx:latest"
    assert ContainerSpec(f"sha256:{ID}").image_name == f"sha256:{ID}"
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "x"  # type: ignore[misc]


def test_everything_wrong_is_told_at_once_and_in_its_place() -> None:
    found = problems(
        image="Not A Reference",
        name="team/web",
        command="sh -c 'echo",
        ports="8080:80\nx\n8080:81",
        volumes="data:/data\n./here:/data\nmore:/data",
        env="GOOD=1\n1BAD=2",
        labels="=x",
        network="no such",
        restart_policy="sometimes",
    )

    assert list(found) == [
        *("image", "name", "command", "ports", "volumes"),
        *("env", "labels", "network", "restart_policy"),
    ]
    assert "team/web" in found["name"]
    assert "quotation mark" in found["command"]
    assert found["ports"].startswith("Line 2: 'x' is no port.")
    assert "Port 8080/tcp of the host is given twice." in found["ports"]
    assert "Line 2: './here'" in found["volumes"]
    assert "'/data' in the container is given twice" in found["volumes"]
    assert found["env"].startswith("Line 2: ")
    assert "Line 1: write a name before =." in found["labels"]
    assert "on-failure:3" in found["restart_policy"]


@pytest.mark.parametrize(
    "name", ["a", "a/b", "/a", "-ab", "_ab", "ab c", "ä", "é" * 9, "a\0", ".."]
)
def test_names_by_dockers_rule(name: str) -> None:
    assert list(problems(name=name)) == ["name"]


def test_an_empty_image_is_asked_for() -> None:
    assert problems(image=" ") == {"image": "Name an image, such as nginx:latest."}


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("8080:80", "8080:81", True),
        ("8080:80", "8080:80", True),
        ("8080:80", "127.0.0.1:8080:81", True),
        ("127.0.0.1:8080:80", "0.0.0.0:8080:81", True),
        ("127.0.0.1:8080:80", "127.0.0.2:8080:80", False),
        ("8080:80", "8080:80/udp", False),
        ("8080:80", "8081:80", False),
        ("80", "80", False),
    ],
)
def test_ports_of_the_host_are_given_once(one: str, other: str, clash: bool) -> None:
    for ports in (f"{one}\n{other}", f"{other}\n{one}"):
        if clash:
            assert "given twice" in problems(ports=ports)["ports"]
        else:
            assert len(ContainerSpec.parse(image="nginx", ports=ports).ports) == 2


@pytest.mark.parametrize("network", ["host", "none", "container:db"])
def test_a_network_that_publishes_no_ports(network: str) -> None:
    assert "publishes no ports" in problems(ports="8080:80", network=network)["ports"]


def test_ten_thousand_ports_are_read_and_ten_thousand_problems_told_briefly() -> None:
    began = time.monotonic()
    lines = "\n".join(f"{port}:{port}" for port in range(1, 10_001))
    assert len(ContainerSpec.parse(image="nginx", ports=lines).ports) == 10_000

    found = problems(ports="x\n" * 10_000)["ports"]
    assert "And 9995 more." in found
    assert len(found) < 1000
    assert time.monotonic() - began < 5


def test_values_of_the_environment_show_nowhere() -> None:
    spec = ContainerSpec("nginx", env={"TOKEN": "s3cret"})
    assert "s3cret" not in repr(spec)
    assert "s3cret" not in str(problems(env="TOKEN=s3cret\n1X=s3cret\ns3cret", name="/"))
    assert "s3cret" not in str(problems(env="TOKEN=s3cret\nTOKEN=s3cret"))
    assert "s3cret" not in str(problems(env="TOKEN=s3cret\0"))


def test_mappings_are_checked_as_lines_are() -> None:
    for field, value in {
        "env": {"1X": "s3cret"},
        "labels": {"": "x"},
        "command": "echo",
        "name": "",
        "network": "",
    }.items():
        with pytest.raises(InvalidContainerError) as caught:
            ContainerSpec("nginx", **{field: value})
        assert list(caught.value.problems) == [field]
    with pytest.raises(InvalidContainerError, match="'PORT' needs a text for its value"):
        ContainerSpec("nginx", env={"PORT": 8080})  # type: ignore[dict-item]


def test_a_spec_is_not_changed_from_outside() -> None:
    env, ports = {"A": "1"}, [Port(80)]
    spec = ContainerSpec("nginx", env=env, ports=ports)  # type: ignore[arg-type]
    env["1"] = "x"
    ports.append(Port(81))
    assert (spec.env, spec.ports) == ({"A": "1"}, (Port(80),))


def test_the_body_is_as_the_api_has_it() -> None:
    """Docker Engine API v1.41, "ContainerCreate"."""
    spec = ContainerSpec.parse(
        image="nginx",
        command="nginx -g x",
        ports="80\n127.0.0.1:8080:80\n53:53/udp",
        volumes="data:/data:ro\n/srv:/srv\n/cache",
        env="A=b",
        labels="l=m",
        restart_policy="on-failure:3",
    )

    assert create_body(spec) == {
        "Image": "docker.io/library/nginx:latest",
        "Cmd": ["nginx", "-g", "x"],
        "Env": ["A=b"],
        "Labels": {"l": "m"},
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "HostConfig": {
            "NetworkMode": "default",
            "PortBindings": {
                "80/tcp": [
                    {"HostIp": "", "HostPort": ""},
                    {"HostIp": "127.0.0.1", "HostPort": "8080"},
                ],
                "53/udp": [{"HostIp": "", "HostPort": "53"}],
            },
            "Mounts": [
                {"Type": "volume", "Target": "/data", "Source": "data", "ReadOnly": True},
                {"Type": "bind", "Target": "/srv", "Source": "/srv"},
                {"Type": "volume", "Target": "/cache"},
            ],
            "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3},
        },
    }
    assert create_body(ContainerSpec("nginx"))["Cmd"] is None


def test_further_networks_are_joined_beside_one_that_leaves_room() -> None:
    assert ContainerSpec("a", further_networks=["b", "c"]).further_networks == ("b", "c")  # type: ignore[arg-type]
    for network, further, said in (
        ("host", ("a",), "Beside 'host'"),
        ("container:x", ("a",), "Beside 'container:x'"),
        (None, ("host",), "'host' is no network that can be joined"),
        (None, ("../a",), "'../a' is no network"),
        ("a", ("b", "a"), "'a' is given twice"),
        (None, "ab", "Give a tuple"),
    ):
        with pytest.raises(InvalidContainerError) as caught:
            ContainerSpec("a", network=network, further_networks=further)  # type: ignore[arg-type]
        assert said in caught.value.problems["further_networks"]
