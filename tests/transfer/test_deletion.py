"""What deleting means: worked out by hand, one small registry at a time."""

from __future__ import annotations

import asyncio

import pandas as pd
import pytest

from ghostnb.errors import (
    ForbiddenError,
    InvalidReferenceError,
    NotFoundError,
    UnsupportedError,
)
from ghostnb.oci import Digest
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.registries.walk import Tally
from ghostnb.transfer import DeletionPlan, plan_deletion
from ghostnb.transfer.deleting.census import read_census
from tests.parts.images import artifact, index, plain_image
from tests.parts.layers import layer_of
from tests.parts.standard import EMPTIED_REPOSITORY
from tests.registries.conftest import ask, push
from tests.transfer.deleting import (
    TagsOnly,
    Unlisted,
    actions,
    apply,
    as_frame,
    counted,
    filled,
    plan,
    rows,
    tags,
)

BASE = layer_of("base", size_bytes=5000)
ONE = plain_image("one", layers=1, base=[BASE])
TWO = plain_image("two", layers=1, base=[BASE])
ARM = plain_image("arm", layers=1, base=[BASE], platform="linux/arm64")
BOTH = index([ONE, ARM])
SIGNATURE = artifact("application/x-signature", [layer_of("signature")], subject=ONE)
BOM = artifact("application/x-sbom", [layer_of("sbom")], subject=SIGNATURE)
FALLBACK = ONE.digest.replace(":", "-")
NAME = "team/app"


def own_bytes(document) -> int:
    """Count a manifest with what it names, the base and the empty config left out."""
    blobs = {blob.digest: blob.data for blob in document.blobs if blob.digest != BASE.digest}
    blobs.pop("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", None)
    return document.size_bytes + sum(map(len, blobs.values()))


def memory(**images) -> MemoryRegistry:
    """Fill a registry: a keyword is a tag of NAME, or a manifest without one if it begins so: _"""
    return filled(MemoryRegistry("reg"), {f"{NAME}:{tag}": one for tag, one in images.items()})


# Tags


def test_the_last_tag_takes_its_manifest_along():
    wanted = plan(memory(v1=ONE, v2=TWO), f"{NAME}:v1")
    assert rows(wanted) == [("delete", f"{NAME}:v1", "its last tag was asked for")]
    assert wanted.bytes_freed == own_bytes(ONE)


def test_the_last_of_all_frees_what_was_shared():
    wanted = plan(memory(v1=ONE, v2=TWO), [f"{NAME}:v1", f"{NAME}:v2"])
    assert wanted.frame["bytes_freed"].tolist() == [
        own_bytes(ONE),
        own_bytes(TWO) + len(BASE.data),
    ]


def test_a_tag_goes_alone_where_its_manifest_has_another():
    registry = memory(v1=ONE, latest=ONE, stable=ONE)
    wanted = plan(registry, f"{NAME}:v1")
    assert rows(wanted) == [("untag", f"{NAME}:v1", "other tags of its manifest stay")]
    assert wanted.frame["siblings"].tolist() == ["latest, stable"]
    assert wanted.bytes_freed == 0
    apply(wanted)
    assert set(tags(registry)) == {f"{NAME}:latest", f"{NAME}:stable"}


def test_all_tags_of_a_manifest_are_one_deletion():
    registry = memory(v1=ONE, latest=ONE)
    wanted = plan(registry, [f"{NAME}:latest", f"{NAME}:v1"])
    assert [name for _, name, _ in rows(wanted)] == [f"{NAME}:latest", f"{NAME}:v1"]
    assert len(wanted.steps) == 1
    assert wanted.frame["bytes_freed"].tolist() == [wanted.bytes_freed, 0]
    apply(wanted)
    assert tags(registry) == {}
    assert wanted.results["outcome"].tolist() == ["done", "done"]


def test_a_tag_goes_alone_where_an_index_holds_its_manifest():
    wanted = plan(memory(amd64=ONE, all=BOTH), f"{NAME}:amd64")
    assert rows(wanted) == [
        ("untag", f"{NAME}:amd64", f"the index {BOTH.digest} holds its manifest")
    ]
    assert wanted.frame["parents"].tolist() == [BOTH.digest]


def test_the_same_manifest_in_another_repository_stays_there():
    registry = filled(MemoryRegistry(), {"a/app:v1": ONE, "b/app:v1": ONE})
    wanted = plan(registry, "a/app:v1")
    assert wanted.bytes_freed == 0
    apply(wanted)
    assert set(tags(registry)) == {"b/app:v1"}


# Indexes


def test_an_index_goes_before_what_it_alone_holds():
    registry = memory(all=BOTH, v2=TWO)
    wanted = plan(registry, f"{NAME}:all")
    assert rows(wanted) == [
        ("delete", f"{NAME}:all", "its last tag was asked for"),
        ("delete", f"{NAME}@{ONE.digest}", f"only {BOTH.digest} held it"),
        ("delete", f"{NAME}@{ARM.digest}", f"only {BOTH.digest} held it"),
    ]
    assert wanted.frame["bytes_freed"].tolist() == [
        BOTH.size_bytes,
        own_bytes(ONE),
        own_bytes(ARM),
    ]
    apply(wanted)


def test_what_an_index_holds_stays_where_a_tag_leads_to_it():
    wanted = plan(memory(all=BOTH, v1=ONE), f"{NAME}:all")
    assert actions(wanted) == {"delete": {f"{NAME}:all", f"{NAME}@{ARM.digest}"}}


def test_what_two_indexes_hold_goes_with_the_last():
    other = index([ONE, TWO])
    registry = memory(one=BOTH, other=other)
    assert actions(plan(registry, f"{NAME}:one")) == {
        "delete": {f"{NAME}:one", f"{NAME}@{ARM.digest}"}
    }
    both = plan(registry, [f"{NAME}:one", f"{NAME}:other"])
    assert len(both.steps) == 5
    apply(both)


def test_an_index_in_an_index_goes_level_by_level():
    nested = index([BOTH, TWO])
    registry = memory(top=nested)
    wanted = plan(registry, f"{NAME}:top")
    digests = wanted.frame["digest"].tolist()
    assert digests[0] == nested.digest
    assert digests.index(BOTH.digest) < digests.index(ONE.digest)
    assert len(digests) == 5
    apply(wanted)
    assert asyncio.run(registry.usage())[1] > 0  # blobs wait for their collection
    assert asyncio.run(registry.collect_garbage(grace_seconds=0)).bytes_freed > 0
    assert asyncio.run(registry.usage()) == (0, 0)


# Digests


def test_a_digest_goes_with_all_its_tags():
    wanted = plan(memory(v1=ONE, latest=ONE), f"{NAME}@{ONE.digest}")
    assert rows(wanted) == [
        ("delete", f"{NAME}:latest", "asked for"),
        ("delete", f"{NAME}:v1", "asked for"),
    ]


def test_a_digest_that_an_index_holds_is_kept():
    wanted = plan(memory(all=BOTH), f"{NAME}@{ONE.digest}")
    assert rows(wanted) == [("keep", f"{NAME}@{ONE.digest}", f"the index {BOTH.digest} holds it")]
    assert wanted.is_done
    assert len(wanted.results) == 0


def test_a_digest_of_which_one_tag_is_protected_is_kept():
    wanted = plan(memory(v1=ONE, stable=ONE), f"{NAME}@{ONE.digest}", protect="*:stable")
    assert rows(wanted) == [
        ("keep", f"{NAME}:stable", "protected by *:stable"),
        ("keep", f"{NAME}:v1", "protected by *:stable"),
    ]


def test_a_tag_and_a_digest_mean_the_digest():
    registry = memory(v1=ONE, latest=ONE)
    wanted = plan(registry, f"{NAME}:v1@{ONE.digest}")
    assert actions(wanted) == {"delete": {f"{NAME}:v1", f"{NAME}:latest"}}


def test_a_digest_that_no_tag_leads_to_is_found_where_it_is_not_listed():
    registry = filled(TagsOnly(), {f"{NAME}:v1": ONE, f"{NAME}:_": BOTH})
    wanted = plan(registry, f"{NAME}@{BOTH.digest}")
    assert actions(wanted) == {"delete": {f"{NAME}@{BOTH.digest}", f"{NAME}@{ARM.digest}"}}
    apply(wanted)


# What is attached


def test_what_is_attached_goes_too_and_what_is_attached_to_that():
    wanted = plan(memory(v1=ONE, _s=SIGNATURE, _b=BOM, v2=TWO), f"{NAME}:v1")
    assert rows(wanted) == [
        ("delete", f"{NAME}:v1", "its last tag was asked for"),
        ("delete", f"{NAME}@{SIGNATURE.digest}", f"attached to {ONE.digest}"),
        ("delete", f"{NAME}@{BOM.digest}", f"attached to {SIGNATURE.digest}"),
    ]
    assert wanted.frame["referrers"].tolist() == [SIGNATURE.digest, BOM.digest, pd.NA]
    apply(wanted)


def test_what_is_attached_can_be_left():
    registry = memory(v1=ONE, _s=SIGNATURE, v2=TWO)
    assert actions(plan(registry, f"{NAME}:v1", referrers=False)) == {"delete": {f"{NAME}:v1"}}


@pytest.mark.parametrize("ending", ["", ".sig", ".att"])
def test_tags_that_are_made_of_a_digest_go_with_it(ending):
    cosign = plain_image("signature of cosign", layers=1)
    registry = memory(**{"v1": ONE, "v2": TWO, f"{FALLBACK}{ending}": cosign})
    wanted = plan(registry, f"{NAME}:v1")
    assert actions(wanted) == {"delete": {f"{NAME}:v1", f"{NAME}:{FALLBACK}{ending}"}}
    assert plan(registry, f"{NAME}:v1", referrers=False).frame["tag"].tolist() == ["v1"]


def test_an_index_of_referrers_goes_with_all_that_it_lists():
    registry = filled(TagsOnly(), {f"{NAME}:v1": ONE, f"{NAME}:{FALLBACK}": index([SIGNATURE])})
    wanted = plan(registry, f"{NAME}:v1")
    assert wanted.frame["digest"].tolist() == [
        ONE.digest,
        index([SIGNATURE]).digest,
        SIGNATURE.digest,
    ]
    apply(wanted)


def test_a_list_of_what_is_attached_goes_with_the_last_that_it_lists():
    other = artifact("application/x-other", [], subject=ONE)
    listed = index([SIGNATURE, other])
    registry = memory(**{"v1": ONE, FALLBACK: listed})
    names = [f"{NAME}@{one.digest}" for one in (SIGNATURE, other)]
    assert rows(plan(registry, names[0])) == [
        ("keep", names[0], f"the index {listed.digest} holds it")
    ]
    wanted = plan(registry, names)
    assert rows(wanted) == [
        ("delete", f"{NAME}:{FALLBACK}", "all that it lists goes"),
        *(("delete", name, "asked for") for name in sorted(names)),
    ]
    apply(wanted)
    assert set(tags(registry)) == {f"{NAME}:v1"}


def test_a_list_that_is_protected_or_has_another_tag_keeps_what_it_lists():
    listed, name = index([SIGNATURE]), f"{NAME}@{SIGNATURE.digest}"
    registry = memory(**{"v1": ONE, FALLBACK: listed, "copy": listed})
    assert actions(plan(registry, name)) == {"keep": {name}}
    registry = memory(**{"v1": ONE, FALLBACK: listed})
    assert actions(plan(registry, name, protect=f"{NAME}:v1")) == {"keep": {name}}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_is_attached_is_deleted_where_a_tag_lists_it(count, fresh_registry):
    attached = [artifact(f"application/x-{n}", [], subject=ONE) for n in range(3)]
    going = [f"{NAME}@{one.digest}" for one in attached[:count]]

    async def question(registry):
        await push(registry, f"{NAME}:v1", ONE)
        for one in attached:
            await push(registry, f"{NAME}:", one)
        wanted = await plan_deletion(registry, going)
        reasons = dict(zip(wanted.frame["digest"], wanted.frame["reason"], strict=True))
        await wanted.apply()
        assert set(wanted.results["outcome"]) == {"done"}
        left = await registry.referrers(NAME, Digest(ONE.digest))
        assert [one.digest for one in left] == [one.digest for one in attached[count:]]
        names = {tag async for tag in registry.tags(NAME)}
        assert names == ({"v1"} if count == 3 else {"v1", FALLBACK})
        with pytest.raises(NotFoundError):
            await registry.resolve(NAME, attached[0].digest)
        return reasons[attached[0].digest]

    config = RegistryConfig("reg", fresh_registry.url, insecure=True)
    reason = ask(HTTPRegistry(config, cache=ContentCache()), question)
    assert reason == ("asked for" if count == 3 else f"asked for; {FALLBACK} will list it no more")


def test_what_is_attached_and_has_a_tag_of_its_own_is_kept():
    wanted = plan(memory(v1=ONE, signature=SIGNATURE), f"{NAME}:v1")
    assert rows(wanted) == [
        ("delete", f"{NAME}:v1", "its last tag was asked for"),
        ("keep", f"{NAME}:signature", "its tags stay: signature"),
    ]


def test_what_an_index_held_stays_attached_to_what_stays():
    attached = index([SIGNATURE])
    wanted = plan(memory(v1=ONE, signatures=attached), f"{NAME}:signatures")
    assert actions(wanted) == {"delete": {f"{NAME}:signatures"}}


# Protection


@pytest.mark.parametrize(
    "protect", [f"{NAME}:all", "*:a*", "team/*:all", NAME, BOTH.digest, f"{NAME}@{BOTH.digest}"]
)
def test_what_is_protected_protects_what_it_holds(protect):
    registry = memory(all=BOTH, v1=ONE)
    wanted = plan(registry, [f"{NAME}:all", f"{NAME}@{ONE.digest}"], protect=[protect])
    assert actions(wanted) == {"keep": {f"{NAME}:all", f"{NAME}:v1"}}
    assert wanted.frame["reason"].str.contains(protect, regex=False).all()


def test_what_is_attached_to_what_is_protected_stays():
    registry = memory(**{"v1": ONE, f"{FALLBACK}.sig": TWO, "_s": SIGNATURE})
    wanted = plan(
        registry, [f"{NAME}:{FALLBACK}.sig", f"{NAME}@{SIGNATURE.digest}"], protect=f"{NAME}:v1"
    )
    assert actions(wanted) == {"keep": {f"{NAME}:{FALLBACK}.sig", f"{NAME}@{SIGNATURE.digest}"}}


def test_a_frame_protects_its_tags_and_no_others():
    registry = memory(v1=ONE, v2=TWO)
    wanted = plan(registry, repositories=[NAME], protect=as_frame(f"{NAME}:v1"))
    assert actions(wanted) == {"keep": {f"{NAME}:v1"}, "delete": {f"{NAME}:v2"}}


def test_what_a_frame_protects_stays_when_its_tag_has_moved():
    registry = memory(v1=TWO, old=ONE)
    frame = as_frame(f"{NAME}:v1").assign(digest=ONE.digest)
    wanted = plan(registry, f"{NAME}@{ONE.digest}", protect=frame)
    assert rows(wanted) == [("keep", f"{NAME}:old", f"protected by {NAME}:v1")]


def test_another_tag_of_what_is_protected_may_go():
    wanted = plan(memory(v1=ONE, stable=ONE), f"{NAME}:v1", protect=f"{NAME}:stable")
    assert actions(wanted) == {"untag": {f"{NAME}:v1"}}


def test_the_last_tag_of_a_digest_that_is_protected_stays():
    wanted = plan(memory(v1=ONE), f"{NAME}:v1", protect=ONE.digest)
    assert rows(wanted) == [("keep", f"{NAME}:v1", f"protected by {ONE.digest}")]


def test_a_misspelt_name_that_protects_nothing_is_noted():
    wanted = plan(memory(v1=ONE, v2=TWO), f"{NAME}:v1", protect=[f"{NAME}:v3", f"{NAME}:v2"])
    assert wanted.notes == (f"reg has no {NAME}:v3, which was to be protected.",)


# What can be asked for


def test_whole_repositories():
    registry = filled(MemoryRegistry(), {"a/app:v1": ONE, "a/app:_": SIGNATURE, "b/app:v1": TWO})
    wanted = plan(registry, repositories="a/app")
    assert actions(wanted) == {"delete": {"a/app:v1", f"a/app@{SIGNATURE.digest}"}}
    apply(wanted)
    assert set(tags(registry)) == {"b/app:v1"}


def test_untagged_manifests():
    registry = memory(_old=TWO, all=BOTH, _s=SIGNATURE)
    wanted = plan(registry, untagged=True)
    assert rows(wanted) == [("delete", f"{NAME}@{TWO.digest}", "no tag leads to it")]


def test_a_frame_of_tags():
    registry = memory(v1=ONE, v2=TWO)
    frame = as_frame(f"{NAME}:v1", f"{NAME}:v1").assign(registry="reg")
    assert actions(plan(registry, frame)) == {"delete": {f"{NAME}:v1"}}
    assert actions(plan(registry, frame.assign(digest=pd.NA))) == {"delete": {f"{NAME}:v1"}}
    assert actions(plan(registry, frame.assign(digest=ONE.digest))) == {"delete": {f"{NAME}:v1"}}


def test_a_tag_that_is_elsewhere_than_its_frame_says_is_kept():
    frame = as_frame(f"{NAME}:v1").assign(digest=TWO.digest)
    wanted = plan(memory(v1=ONE), frame)
    assert rows(wanted) == [("keep", f"{NAME}:v1", f"it does not point to {TWO.digest} any more")]


def test_in_a_frame_of_layers_the_digest_is_not_the_tags():
    frame = as_frame(f"{NAME}:v1").assign(image_digest=ONE.digest, digest=BASE.digest)
    assert actions(plan(memory(v1=ONE), frame)) == {"delete": {f"{NAME}:v1"}}


def test_a_row_without_a_tag_means_its_digest():
    frame = as_frame(f"{NAME}:v1").assign(tag=pd.NA, digest=ONE.digest)
    assert actions(plan(memory(v1=ONE, v2=ONE), frame)) == {"delete": {f"{NAME}:v1", f"{NAME}:v2"}}


def test_nothing_to_do_is_an_empty_frame_of_the_same_columns():
    empty, full = plan(memory(v1=ONE)), plan(memory(v1=ONE), f"{NAME}:v1")
    assert len(empty.frame) == 0
    assert empty.frame.dtypes.equals(full.frame.dtypes)
    assert list(full.frame) == [
        "action",
        "registry",
        "repository",
        "tag",
        "digest",
        "media_type",
        "reason",
        "siblings",
        "parents",
        "referrers",
        "bytes_freed",
    ]
    assert (empty.bytes_freed, empty.is_done) == (0, True)
    apply(empty)


def test_with_nothing_to_do_nothing_is_asked():
    registry = memory(v1=ONE)
    read = [counted(registry, name) for name in ("check_deletable", "manifests", "manifest")]
    assert plan(registry, [], protect="*:latest").is_done
    assert read == [[], [], []]


@pytest.mark.parametrize(("tag", "reads"), [("v1", ["a/app"]), ("v2", ["a/app", "b/app"])])
def test_other_repositories_are_read_for_the_bytes_of_what_goes_alone(tag, reads):
    registry = filled(
        MemoryRegistry(), {"a/app:v1": ONE, "a/app:latest": ONE, "a/app:v2": TWO, "b/app:v": ARM}
    )
    read = counted(registry, "manifests")
    plan(registry, f"a/app:{tag}")
    assert read == reads


# Refusals


def test_everything_that_is_absent_is_named_at_once():
    registry = memory(v1=ONE)
    what = [f"{NAME}:v1", f"{NAME}:v9", f"{NAME}@{TWO.digest}", "team/else:v1"]
    with pytest.raises(NotFoundError) as caught:
        plan(registry, what, repositories=["team/none"])
    for name in (*what[1:], "team/none"):
        assert name in caught.value.message
    assert f"{NAME}:v1," not in caught.value.message


def test_a_pattern_may_fit_a_repository_that_is_empty_by_now(registry):
    """docker-registry lists it for ever."""
    config = RegistryConfig("reg", registry.url, insecure=True)

    def planned(*repositories):
        client = HTTPRegistry(config, cache=ContentCache())
        return ask(client, lambda one: plan_deletion(one, repositories=repositories, what_if=True))

    assert actions(planned("team/empt*")) == {"delete": {"team/empty:latest"}}
    with pytest.raises(NotFoundError, match=f"no {EMPTIED_REPOSITORY};"):
        planned("team/empt*", EMPTIED_REPOSITORY)


def test_a_name_without_a_tag_is_not_taken_for_latest():
    with pytest.raises(InvalidReferenceError, match="repositories="):
        plan(memory(latest=ONE), NAME)


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        (pd.DataFrame({"tag": ["v1"]}), "repository"),
        (as_frame(f"{NAME}:v1").assign(registry="other"), "other"),
        (as_frame(f"{NAME}:v1").assign(tag=pd.NA), "neither"),
    ],
)
def test_a_frame_that_does_not_say_what_is_meant(frame, match):
    with pytest.raises(ValueError, match=match):
        plan(memory(v1=ONE), frame)


def test_untagged_manifests_must_be_listed():
    with pytest.raises(UnsupportedError, match="without a tag"):
        plan(filled(TagsOnly(), {f"{NAME}:v1": ONE}), untagged=True)


def test_a_registry_is_asked_beforehand_whether_it_deletes():
    class Sealed(MemoryRegistry):
        async def check_deletable(self, repository):
            raise ForbiddenError(f"{repository} is sealed.")

    registry = filled(Sealed(), {f"{NAME}:v1": ONE, f"{NAME}:_": TWO})
    for options in ({"what": f"{NAME}:v1"}, {"untagged": True}):
        with pytest.raises(ForbiddenError, match="sealed"):
            plan(registry, **options)


def test_what_is_only_read_is_not_deleted_from():
    class Shown(MemoryRegistry):
        delete_tag = None

    with pytest.raises(UnsupportedError, match="only read"):
        plan(filled(Shown(), {f"{NAME}:v1": ONE}), f"{NAME}:v1")


# What cannot be known


def test_without_a_list_of_repositories_only_those_named_are_read():
    registry = filled(Unlisted(), {"a/app:v1": ONE, "b/app:v1": TWO})
    wanted = plan(registry, "a/app:v1")
    assert wanted.bytes_freed == own_bytes(ONE) + len(BASE.data)
    assert any("does not list its repositories" in note for note in wanted.notes)


def damaged(layout: LayoutRegistry, document) -> None:
    """Change a byte of a manifest's file."""
    place = layout.url.removeprefix("oci:") + "/blobs/" + document.digest.replace(":", "/")
    with open(place, "r+b") as file:
        file.write(b"#")


def test_an_index_that_cannot_be_read_keeps_what_it_may_hold(tmp_path):
    layout = filled(LayoutRegistry(tmp_path / "layout"), {f"{NAME}:all": BOTH, f"{NAME}:v2": TWO})
    damaged(layout, BOTH)
    wanted = plan(layout, f"{NAME}:v2")
    reason = f"{BOTH.digest} could not be read, and may hold it"
    assert rows(wanted) == [("untag", f"{NAME}:v2", reason)]
    assert wanted.bytes_freed == 0
    assert any("could not be read" in note for note in wanted.notes)


def test_an_index_that_cannot_be_read_can_go_itself(tmp_path):
    layout = filled(LayoutRegistry(tmp_path / "layout"), {f"{NAME}:all": BOTH, f"{NAME}:v2": TWO})
    damaged(layout, BOTH)
    wanted = plan(layout, [f"{NAME}:all", f"{NAME}:v2"])
    assert actions(wanted) == {"delete": {f"{NAME}:all", f"{NAME}:v2"}}
    apply(wanted)
    assert set(wanted.results["outcome"]) == {"done"}
    assert tags(layout) == {}


def test_an_image_that_cannot_be_read_holds_no_manifests(tmp_path):
    layout = filled(LayoutRegistry(tmp_path / "layout"), {f"{NAME}:v1": ONE, f"{NAME}:v2": TWO})
    damaged(layout, ONE)
    wanted = plan(layout, f"{NAME}:v2")
    assert actions(wanted) == {"delete": {f"{NAME}:v2"}}
    apply(wanted)
    assert wanted.results["outcome"].tolist() == ["done"]


def test_reading_counts_every_manifest_once():
    tally = Tally()
    census = asyncio.run(read_census(memory(all=BOTH, v1=ONE, v2=TWO), tally))
    assert (tally.done, tally.total, tally.failures) == (4, 4, [])
    assert set(census.contents["manifest"]) == {
        document.digest for document in (BOTH, ONE, ARM, TWO)
    }
    assert isinstance(plan(memory()), DeletionPlan)
