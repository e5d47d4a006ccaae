"""Which image stands on which."""

from __future__ import annotations

import pandas as pd
import pytest

from ghostnb.analysis import bases, rebuilds
from tests.analysis.inventories import FOREIGN, Named, image, inventory

DAYS = {n: f"2026-01-{n:02}T00:00:00Z" for n in (1, 2, 3, 11)}


def layer(name, day=1, size=100):
    return Named(name, size, created=DAYS.get(day))


OLD, NEW = layer("python 3.12.1", 1), layer("python 3.12.2", 11)
FAMILY = inventory(
    image("base:1", [layer("os", size=1000)]),
    image("python:3.12.1", [layer("os", size=1000), OLD]),
    image("python:3.12", [layer("os", size=1000), NEW]),
    image("python:latest", [layer("os", size=1000), NEW]),
    image("app:1", [layer("os", size=1000), OLD, layer("app 1", 2, 7)]),
    image("app:2", [layer("os", size=1000), NEW, layer("app 2", 11, 8)]),
    image("lonely:1", [layer("scratch", size=5)]),
)


def stands(frame):
    """Give each tag's base."""
    names = frame["repository"] + ":" + frame["tag"]
    found = frame["base_repository"] + ":" + frame["base_tags"]
    return dict(zip(names, found.astype(object).where(found.notna(), None), strict=True))


def test_an_image_stands_on_the_largest_that_it_begins_with():
    frame = bases(FAMILY)
    assert stands(frame) == {
        "base:1": None,
        "python:3.12.1": "base:1",
        "python:3.12": "base:1",
        "python:latest": "base:1",
        "app:1": "python:3.12.1",
        "app:2": "python:3.12, latest",
        "lonely:1": None,
    }
    figures = frame.set_index(["repository", "tag"])[["base_layers", "base_bytes", "own_bytes"]]
    assert figures.loc[("app", "1")].tolist() == [2, 1100, 7]
    assert figures.loc[("base", "1")].tolist() == [0, 0, 1000]
    types = ["string"] * 9 + ["Int64"] * 3
    assert frame.dtypes.astype(str).tolist() == types


def test_a_copy_is_no_base():
    assert stands(bases(inventory(image("a:1", ["app"]), image("b:1", ["app"])))) == {
        "a:1": None,
        "b:1": None,
    }


def test_layers_that_are_compressed_anew_are_the_same():
    frame = inventory(image("base:1", ["base"]), image("app:1", ["base", "app"]))
    is_app = frame["repository"] == "app"
    digests = frame["digest"].astype("string")
    frame["digest"] = digests.mask(is_app, digests.str.replace("sha256:", "sha512:")).astype(
        "category"
    )
    assert stands(bases(frame))["app:1"] == "base:1"


def test_a_base_in_another_registry_and_rather_one_in_the_same():
    app = image("app:1", ["base", "app"])
    far = [image("library/base:1", ["base"], registry="b")]
    found = bases(inventory(app, *far))
    assert stands(found)["app:1"] == "library/base:1"
    assert found["base_registry"].dropna().tolist() == ["b"]
    near = [image("our/mirror/of/base:9", ["base"]), image("our/base:9", ["base"])]
    assert stands(bases(inventory(app, *far, *near)))["app:1"] == "our/base:9"


def test_platforms_stand_on_their_own():
    arm = "linux/arm64"
    frame = bases(
        inventory(
            image("base:1", [layer("os amd")]),
            image("base:1", [layer("os arm")], platform=arm),
            image("app:1", [layer("os amd"), layer("app")]),
            image("app:1", [layer("os arm"), layer("app")], platform=arm),
        )
    )
    apps = frame[frame["repository"] == "app"].set_index("platform")
    base = frame[frame["repository"] == "base"].set_index("platform")["image_digest"]
    assert apps["base_digest"].to_dict() == base.to_dict()


def test_a_base_without_a_tag():
    found = bases(inventory(image("base", ["base"]), image("app:1", ["base", "app"])))
    assert found["base_repository"].dropna().tolist() == ["base"]
    assert found["base_tags"].isna().all()
    assert found["base_digest"].notna().tolist() == [False, True]


def test_what_is_not_known_of_layers_is_left_out():
    frame = inventory(image("base:1", ["base"]), image("chart:1", ["base", "app"]))
    frame.loc[frame["position"] == 1, "diff_id"] = pd.NA
    assert stands(bases(frame)) == {"base:1": None}


def test_signatures_are_no_images():
    kind = "application/vnd.dev.cosign.simplesigning.v1+json"
    signature = image("base:sha256-1.sig", [Named("app", media_type=kind)], platform=None)
    assert stands(bases(inventory(image("base:1", ["base"]), signature))) == {"base:1": None}


def test_foreign_layers_count_for_no_bytes():
    windows = Named("windows", media_type=FOREIGN)
    frame = bases(
        inventory(image("win:1", [windows, "base"]), image("app:1", [windows, "base", "app"]))
    )
    assert stands(frame) == {"win:1": None, "app:1": "win:1"}
    figures = frame[["base_layers", "base_bytes", "own_bytes"]]
    assert figures.to_numpy().tolist() == [[0, 0, 1000], [2, 1000, 50]]


def test_rows_may_stand_in_any_order():
    pd.testing.assert_frame_equal(
        bases(FAMILY.sample(frac=1, random_state=3)).sort_values(
            ["repository", "tag"], ignore_index=True
        ),
        bases(FAMILY).sort_values(["repository", "tag"], ignore_index=True),
    )


@pytest.mark.parametrize("part", [inventory(), FAMILY.head(0)])
def test_bases_of_nothing(part):
    frame = bases(part)
    assert frame.shape == (0, 12)
    assert frame.dtypes.astype(str).tolist() == ["string"] * 9 + ["Int64"] * 3


def test_who_is_behind_a_base():
    frame = rebuilds(FAMILY, "python")
    assert frame[["repository", "tag", "base_tags", "newest_tags"]].to_numpy().tolist() == [
        ["app", "1", "3.12.1", "3.12, latest"],
        ["app", "2", "3.12, latest", "3.12, latest"],
    ]
    assert frame["behind"].tolist() == [1, 0]
    assert frame["days_behind"].tolist() == [10, 0]
    assert frame["is_outdated"].tolist() == [True, False]
    assert frame["base_created"].tolist() == [pd.Timestamp(DAYS[1]), pd.Timestamp(DAYS[11])]
    assert frame["newest_digest"].nunique() == 1
    assert frame["is_direct"].tolist() == [True, True]
    assert frame["own_bytes"].tolist() == [7, 8]
    assert frame.dtypes[["is_direct", "own_bytes"]].astype(str).tolist() == ["boolean", "Int64"]


def test_those_that_stand_on_it_by_way_of_another():
    frame = rebuilds(FAMILY, "base")
    assert sorted(frame["repository"] + ":" + frame["tag"]) == [
        "app:1",
        "app:2",
        "python:3.12",
        "python:3.12.1",
        "python:latest",
    ]
    assert not frame["is_outdated"].any()
    # Each python, too, is to be rebuilt before what stands on it.
    assert frame.groupby("repository")["is_direct"].agg(set).to_dict() == {
        "app": {False},
        "python": {True},
    }
    assert frame.groupby("repository")["own_bytes"].sum().to_dict() == {"app": 15, "python": 300}


def test_only_some_tags_are_bases():
    frame = rebuilds(FAMILY, "python:3.12.*")
    assert frame["tag"].tolist() == ["1"]
    assert frame["is_outdated"].tolist() == [False]


def test_each_platform_has_its_newest():
    arm = "linux/arm64"
    frame = rebuilds(
        inventory(
            image("base:1", [layer("amd 1", 1)]),
            image("base:2", [layer("amd 2", 2)]),
            image("base:1", [layer("arm 1", 1)], platform=arm),
            image("app:1", [layer("amd 1", 1), layer("app")]),
            image("app:1", [layer("arm 1", 1), layer("app")], platform=arm),
        ),
        "base",
    )
    assert frame["platform"].tolist() == ["linux/amd64", arm]
    assert frame["is_outdated"].tolist() == [True, False]
    assert frame["newest_tags"].tolist() == ["2", "1"]


def test_ages_that_are_not_known():
    frame = rebuilds(
        inventory(
            image("base:1", [layer("one", None)]),
            image("base:2", [layer("two", 2)]),
            image("app:1", [layer("one", None), layer("app")]),
        ),
        "base",
    )
    assert frame["newest_tags"].tolist() == ["2"]
    assert frame[["behind", "days_behind", "is_outdated"]].isna().to_numpy().tolist() == [
        [True] * 3
    ]


def test_a_base_that_nobody_stands_on():
    frame = rebuilds(FAMILY, "lonely")
    assert frame.shape == (0, 16)
    kinds = ["string"] * 7 + ["datetime64[ns, UTC]", "string", "string", "datetime64[ns, UTC]"]
    assert frame.dtypes.astype(str).tolist() == [
        *kinds,
        *("Int64", "Int64", "boolean", "boolean", "Int64"),
    ]


def test_only_of_one_registry():
    frame = inventory(
        image("base:1", ["base"]),
        image("base:1", ["base"], registry="b"),
        image("app:1", ["base", "app"]),
    )
    assert rebuilds(frame, "base", registry="b")["repository"].tolist() == ["app"]
    with pytest.raises(ValueError, match=r"registry: no image is of 'c'\. There are: a, b\."):
        rebuilds(frame, "base", registry="c")


@pytest.mark.parametrize(
    ("base", "words"),
    [
        (
            "pyhton",
            "no image fits 'pyhton'. Among the repositories are: base, python, app, lonely.",
        ),
        (
            "python:4*",
            "no image fits 'python:4[*]'. Among the tags of python are: 3.12.1, 3.12, la",
        ),
    ],
)
def test_a_base_that_is_not_there_is_told(base, words):
    with pytest.raises(ValueError, match=words):
        rebuilds(FAMILY, base)


def test_a_base_of_a_wrong_type():
    with pytest.raises(TypeError, match="base: a text such as"):
        rebuilds(FAMILY, 3)
    with pytest.raises(TypeError, match="A layers frame is wanted"):
        bases(None)
