"""What texts and frames mean, where something is to be deleted or kept."""

from __future__ import annotations

import pandas as pd
import pytest

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Digest, Reference
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.deleting.picks import Pick, picks_of, protection_of
from tests.transfer.deleting import as_frame

REGISTRY = MemoryRegistry("reg")
DIGEST = Digest(f"sha256:{'a' * 64}")


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("team/app:v1", [Pick("team/app", "v1")]),
        (Reference.within("team/app:v1", ""), [Pick("team/app", "v1")]),
        (f"team/app@{DIGEST}", [Pick("team/app", "", DIGEST)]),
        (f"team/app:v1@{DIGEST}", [Pick("team/app", "", DIGEST)]),
        (["a:v1", "b:v1", "a:v1"], [Pick("a", "v1"), Pick("b", "v1")]),
        (as_frame("a:v1", "a:v1"), [Pick("a", "v1")]),
        (as_frame("a:v1").assign(digest=DIGEST), [Pick("a", "v1", DIGEST)]),
        ([], []),
    ],
)
def test_what_is_meant(what, expected):
    assert picks_of(REGISTRY, what) == expected


@pytest.mark.parametrize("text", ["team/app", "team/app:", "team/app:a b", "team/app@sha256:1"])
def test_what_means_nothing(text):
    with pytest.raises(InvalidReferenceError):
        picks_of(REGISTRY, text)


@pytest.mark.parametrize("read", [picks_of, protection_of])
@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ([], "repository and tag are missing in this one."),
        (["repository"], "tag is missing in this one."),
        (["tag", "digest"], "repository is missing in this one."),
    ],
)
def test_what_a_frame_lacks_is_said_in_a_sentence(read, columns, problem):
    with pytest.raises(ValueError, match="rename its columns") as caught:
        read(REGISTRY, pd.DataFrame(columns=columns))
    message = str(caught.value)
    assert f"A frame of tags has the columns repository and tag; {problem}" in message


def test_names_are_completed_as_the_registry_does():
    hub = HTTPRegistry(RegistryConfig("hub", "https://registry-1.docker.io"))
    assert picks_of(hub, "nginx:1") == [Pick("library/nginx", "1")]
    assert protection_of(hub, "nginx:1").of_tag("library/nginx", "1") == "nginx:1"
    assert protection_of(hub, "nginx").of_tag("library/nginx", "1") == "nginx"


@pytest.mark.parametrize(
    ("text", "is_protected"),
    [
        ("team/app:v1", True),
        ("team/app:v2", False),
        ("team/other:v1", False),
        ("team/app", True),
        ("team", False),
        ("*", True),
        ("*:v1", True),
        ("*:v*", True),
        ("team/*:v?", True),
        ("team/*:[x-z]1", False),
        ("team/*", True),
        ("other/*", False),
        (f"team/app@{DIGEST}", False),
    ],
)
def test_what_protects_a_tag(text, is_protected):
    assert protection_of(REGISTRY, text).of_tag("team/app", "v1") == (text if is_protected else "")


@pytest.mark.parametrize(
    ("text", "is_protected"),
    [
        (DIGEST, True),
        (f"team/app@{DIGEST}", True),
        (f"team/app:v1@{DIGEST}", True),
        (f"team/*@{DIGEST}", True),
        (f"other/*@{DIGEST}", False),
        (f"team/app@sha256:{'b' * 64}", False),
        ("team/app:v1", False),
    ],
)
def test_what_protects_a_manifest(text, is_protected):
    assert protection_of(REGISTRY, text).of_digest("team/app", DIGEST) == (
        text if is_protected else ""
    )


def test_the_registrys_own_host_may_stand_before_what_is_protected():
    registry = HTTPRegistry(RegistryConfig("reg", "http://localhost:5000"))
    protection = protection_of(registry, ["localhost:5000/team/app:v1"])
    assert protection.of_tag("team/app", "v1")


@pytest.mark.parametrize("text", ["team/app:a b", "TEAM/app", f"team/app@{DIGEST}0"])
def test_what_cannot_protect_anything_is_refused(text):
    with pytest.raises(InvalidReferenceError):
        protection_of(REGISTRY, text)


@pytest.mark.parametrize("column", ["digest", "image_digest"])
def test_a_frame_protects_its_digests_under_every_name(column):
    frame = as_frame("team/app:v1").assign(**{"digest": pd.NA, column: DIGEST})
    protection = protection_of(REGISTRY, frame)
    for repository in ("team/app", "team/other"):
        assert protection.of_digest(repository, DIGEST) == "team/app:v1"
    assert protection.of_tag("team/app", "v1") == "team/app:v1"
    assert protection.of_tag("team/app", "v2") == ""


def test_the_digests_of_layers_protect_nothing():
    frame = as_frame("team/app:v1").assign(image_digest=pd.NA, digest=DIGEST)
    assert protection_of(REGISTRY, frame).of_digest("team/app", DIGEST) == ""
