import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.errors import ProtocolError
from ghostnb.oci import (
    ContainerConfig,
    Descriptor,
    Digest,
    HistoryEntry,
    HistoryStep,
    ImageConfig,
    Platform,
    align_history,
    media_types,
    parse_config,
)

DIFF_IDS = (Digest.of(b"one"), Digest.of(b"two"))
LAYERS = tuple(Descriptor(media_types.OCI_LAYER_GZIP, digest, 3) for digest in DIFF_IDS)
# What `docker build` writes, shortened; its nulls are as they come.
DOCKER = {
    "architecture": "amd64",
    "config": {
        "Hostname": "",
        "Domainname": "",
        "User": "app",
        "AttachStdin": False,
        "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
        "Env": ["PATH=/bin", "A=b=c"],
        "Cmd": None,
        "Image": "sha256:abc",
        "Volumes": None,
        "WorkingDir": "/srv",
        "Entrypoint": ["/app", "--serve"],
        "OnBuild": None,
        "Labels": {"a": "b", "c": None},
        "StopSignal": "SIGQUIT",
    },
    "container": "0123",
    "container_config": {"Cmd": ["/bin/sh"]},
    "created": "2024-05-06T07:08:09.123456789Z",
    "docker_version": "20.10.24",
    "history": [
        {"created": "2024-05-06T07:08:08Z", "created_by": "/bin/sh -c #(nop) ADD file:x in / "},
        {"created_by": "CMD", "empty_layer": True, "comment": "buildkit", "author": "me"},
        {"created_by": "RUN x", "empty_layer": False},
    ],
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": list(DIFF_IDS)},
}


def parse(document: object) -> ImageConfig:
    return parse_config(json.dumps(document).encode())


def entries(*empty: bool | None) -> tuple[HistoryEntry, ...]:
    return tuple(HistoryEntry(created_by=str(i), empty_layer=e) for i, e in enumerate(empty))


def test_a_config_of_dockers_is_read():
    config = parse(DOCKER)

    assert Platform("amd64", "linux") == config.platform
    assert config.diff_ids == DIFF_IDS
    assert config.config is not None
    assert (
        config.config.user,
        config.config.working_dir,
        config.config.stop_signal,
    ) == ("app", "/srv", "SIGQUIT")
    assert list(config.config.exposed_ports or {}) == ["80/tcp", "53/udp"]
    assert config.config.env == ("PATH=/bin", "A=b=c")
    assert config.config.entrypoint == ("/app", "--serve")
    assert (config.config.cmd, config.config.volumes) == (None, None)
    assert config.config.labels == {"a": "b", "c": None}
    assert HistoryEntry(None, "CMD", "me", "buildkit", True) == (config.history or ())[1]


def test_the_time_keeps_its_nanoseconds():
    assert parse(DOCKER).created == "2024-05-06T07:08:09.123456789Z"


def test_a_config_of_ocis_needs_hardly_anything():
    config = parse({"architecture": "arm64", "os": "linux", "variant": "v8", "author": "me"})

    assert Platform("arm64", "linux", "v8") == config.platform
    assert config.author == "me"
    assert (config.diff_ids, config.config, config.history) == ((), None, None)


def test_a_config_of_windows_says_which_build_it_needs():
    document = {"architecture": "amd64", "os": "windows", "os.version": "10.0.17763.1"}

    assert Platform("amd64", "windows", "", "10.0.17763.1") == parse(document).platform


def test_a_config_that_does_not_say_has_no_platform():
    assert None is parse({}).platform
    assert Platform("", "linux") == parse({"os": "linux"}).platform


@pytest.mark.parametrize(
    "member",
    ["variant", "os.version", "created", "author", "config", "rootfs", "history"],
)
def test_a_null_is_as_good_as_nothing(member):
    document = {name: value for name, value in DOCKER.items() if name != member}

    assert parse(document) == parse({**document, member: None})


def test_nulls_within_are_as_good_as_nothing():
    lists = dict.fromkeys(["Env", "Entrypoint", "Cmd", "ExposedPorts", "Volumes", "Labels"])
    inner = lists | dict.fromkeys(["User", "WorkingDir", "StopSignal"])

    assert ContainerConfig() == parse({"config": inner}).config
    assert parse({"rootfs": {"type": "layers", "diff_ids": None}}).diff_ids == ()


def test_a_config_stays_equal_through_a_pickle():
    document = {**DOCKER, "config": {"Env": ["a=b"], "Labels": {"a": None}}}

    assert parse(document) == pickle.loads(pickle.dumps(parse(document)))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"<html>",
        b"\xff",
        b'{"os": 5}',
        b'{"rootfs": {"diff_ids": ["sha256:abc"]}}',
        b'{"rootfs": {"diff_ids": [5]}}',
        b'{"config": {"Cmd": [5]}}',
        b'{"history": {}}',
        b'{"x":' + b"[" * 100_000,
        b'{"config":{"ExposedPorts":{"x":' + b"[" * 100_000,
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_what_is_no_config_is_refused(raw):
    with pytest.raises(ProtocolError, match=r"team/app:1 is not a valid image config"):
        parse_config(raw, source="team/app:1")


@given(st.binary())
def test_no_bytes_raise_anything_else(raw):
    try:
        assert isinstance(parse_config(raw), ImageConfig)
    except ProtocolError:
        return


@given(st.data())
def test_no_damaged_config_raises_anything_else(data):
    raw = json.dumps(DOCKER).encode()
    at = data.draw(st.integers(0, len(raw)))
    damaged = raw[:at] + data.draw(st.binary(max_size=3)) + raw[at + 1 :]
    try:
        assert isinstance(parse_config(damaged), ImageConfig)
    except ProtocolError:
        return


@pytest.mark.parametrize(
    ("empty", "expected"),
    [
        ((None, True, False), (LAYERS[0], None, LAYERS[1])),
        ((True, True, None, None), (None, None, *LAYERS)),
        ((None, None), LAYERS),
        # Squashed, or written by a tool that keeps no books: which made which is not known.
        ((None,), (None,)),
        ((None, None, None), (None, None, None)),
        ((True, True), (None, None)),
        ((), ()),
    ],
)
def test_each_step_stands_beside_the_layer_that_it_made(empty, expected):
    history = entries(*empty)
    steps = align_history(ImageConfig(history=history), LAYERS)

    assert tuple(map(HistoryStep, history, expected)) == steps


def test_a_config_without_history_has_no_steps():
    assert align_history(ImageConfig(), LAYERS) == ()


def test_steps_that_made_no_layer_fit_an_image_without_layers():
    history = entries(True, True)

    assert tuple(HistoryStep(entry, None) for entry in history) == align_history(
        ImageConfig(history=history), ()
    )
