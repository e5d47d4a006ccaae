"""Arguments of a wrong type: which, what is wanted, what came; before anything is asked."""

import re

import pytest

import ghostnb
from ghostnb import KeepNewest, RegistryClient, run
from tests.parts.archives import archived_layout
from tests.parts.images import plain_image

PLATFORM = "a text such as 'linux/amd64', or several of them,"
WHAT = "a reference such as 'team/app:1.0', several of them, or a frame of tags"
PROTECT = "a reference or pattern such as '*:latest', a frame of tags, an Engine, or several"
FILE = "a path such as 'model.bin', or several of them,"
PLACE = "a path such as 'backup', or a RegistryClient,"
WRONG = [3, None, b"a:1"]


@pytest.fixture
def client():
    """A client whose registry does not answer: whoever asks it fails otherwise."""
    with_client = RegistryClient("http://127.0.0.1:9")
    yield with_client
    run(with_client.aclose())


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    ("call", "name", "wanted"),
    [
        (lambda one, given: ghostnb.plan_delete(one, given), "what", WHAT),
        (lambda one, given: ghostnb.plan_delete(one, [given]), "what", WHAT),
        (lambda one, given: ghostnb.plan_delete(one, "a:1", protect=given), "protect", PROTECT),
        (
            lambda one, given: ghostnb.plan_delete(one, "a:1", protect=["b", given]),
            "protect",
            PROTECT,
        ),
        (
            lambda one, given: ghostnb.plan_retention(one, KeepNewest(1), protect=given),
            "protect",
            PROTECT,
        ),
        (lambda one, given: ghostnb.copy(one, one, "a:1", platforms=given), "platforms", PLATFORM),
        (
            lambda one, given: ghostnb.copy(one, one, "a:1", platforms=[given]),
            "platforms",
            PLATFORM,
        ),
        (
            lambda one, given: ghostnb.plan_copy(one, one, "a:1", platforms=given),
            "platforms",
            PLATFORM,
        ),
        (lambda one, given: ghostnb.plan_sync(one, one, platforms=given), "platforms", PLATFORM),
        (lambda one, given: one.push("x", "a:1", platforms=given), "platforms", PLATFORM),
        (lambda one, given: one.push(given, "a:1"), "path", FILE),
        (lambda one, given: one.push(["x", given], "a:1"), "path", FILE),
        (lambda one, given: ghostnb.plan_backup(one, given), "target", PLACE),
        (lambda one, given: ghostnb.plan_restore(given, one), "source", PLACE),
        (lambda one, given: ghostnb.verify(given), "source", PLACE),
        (lambda one, given: ghostnb.catalogue(given), "source", PLACE),
    ],
)
def test_a_wrong_type_is_told_by_name_with_what_is_wanted(client, call, name, wanted, wrong):
    with pytest.raises(TypeError) as caught:
        run(call(client, wrong))
    assert str(caught.value) == f"{name}: {wanted} is wanted, not {wrong!r}."


def test_annotations_are_a_mapping(client):
    with pytest.raises(TypeError, match=r"^annotations: a mapping such as .* is wanted, not 3"):
        run(client.push("x", "a:1", annotations=3))


def test_repositories_that_go_are_named_by_texts(client):
    with pytest.raises(TypeError, match=r"^repositories: .*'team/\*'.* not 3"):
        run(ghostnb.plan_delete(client, repositories=3))


@pytest.fixture
def two(tmp_path):
    """An image in an archive, and a directory where nothing is yet."""
    path = archived_layout(tmp_path / "a.tar", {"team/app:1": plain_image("one")})
    return RegistryClient(f"oci:{path}"), RegistryClient(f"oci:{tmp_path}/b")


@pytest.mark.parametrize("wrong", ["x", 3, ["a"], {"a": 3}, {1: "x"}])
def test_a_rename_is_a_mapping_of_texts_or_a_function(two, wrong):
    source, target = two
    shown = re.escape(repr(wrong))
    for planning in (
        ghostnb.plan_sync(source, target, rename=wrong),
        ghostnb.plan_restore(source, target, rename=wrong),
    ):
        with pytest.raises(TypeError, match=f"^rename: a mapping such as .* not {shown}"):
            run(planning)


@pytest.mark.parametrize("name", [None, 3, b"mirror/app"])
def test_a_function_that_renames_gives_texts(two, name):
    source, target = two
    with pytest.raises(TypeError, match=r"^rename: .*'mirror/team/app'.*for 'team/app'") as caught:
        run(ghostnb.plan_sync(source, target, rename=lambda _: name))
    assert str(caught.value).endswith(f"gave {name!r}.")
    assert len(run(ghostnb.plan_sync(source, target, rename=str)).frame) == 1
