"""The bytes that deletions free, worked out by hand and by a second, slow way."""

from __future__ import annotations

import random
import time

import numpy as np
import pandas as pd
import pytest

from ghostnb.analysis import freed_bytes

COLUMNS = {
    "repository": "string",
    "manifest": "string",
    "digest": "string",
    "size_bytes": "Int64",
}


def table(*rows: tuple[str, str, dict[str, int]]) -> pd.DataFrame:
    """Make contents of (repository, manifest, {digest: size}) rows."""
    flat = [
        (repository, manifest, digest.rstrip("'"), size)
        for repository, manifest, content in rows
        for digest, size in content.items()
    ]
    return pd.DataFrame(flat, columns=list(COLUMNS)).astype(COLUMNS)


def gone(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(pairs), columns=["repository", "manifest"]).astype("string")


def freed(contents: pd.DataFrame, *pairs: tuple[str, str]) -> list[int]:
    return freed_bytes(contents, gone(*pairs)).tolist()


SHARED = table(
    ("app", "m1", {"m1": 10, "c1": 20, "base": 1000, "own1": 300}),
    ("app", "m2", {"m2": 11, "c2": 21, "base": 1000, "own2": 500}),
)


def test_a_shared_layer_goes_with_the_last_that_needs_it():
    assert freed(SHARED, ("app", "m1")) == [330]
    assert freed(SHARED, ("app", "m1"), ("app", "m2")) == [330, 1532]
    assert freed(SHARED, ("app", "m2"), ("app", "m1")) == [532, 1330]


def test_a_layer_that_is_twice_in_an_image_is_there_once():
    contents = table(("app", "m", {"m": 10, "c": 20, "l": 100, "l'": 100}))
    assert contents["digest"].tolist() == ["m", "c", "l", "l"]
    assert freed(contents, ("app", "m")) == [130]


def test_a_manifest_of_two_repositories_stays_until_it_is_gone_from_both():
    contents = table(("a", "m", {"m": 10, "l": 100}), ("b", "m", {"m": 10, "l": 100}))
    assert freed(contents, ("a", "m")) == [0]
    assert freed(contents, ("b", "m"), ("a", "m")) == [0, 110]


def test_children_of_an_index_share():
    contents = table(
        ("app", "index", {"index": 5}),
        ("app", "amd64", {"amd64": 10, "ca": 20, "base": 1000}),
        ("app", "arm64", {"arm64": 11, "ca'": 20, "base": 1000, "arm": 7}),
    )
    assert freed(contents, ("app", "index")) == [5]
    assert freed(contents, ("app", "index"), ("app", "amd64")) == [5, 10]
    all_of_it = ("app", "index"), ("app", "amd64"), ("app", "arm64")
    assert freed(contents, *all_of_it) == [5, 10, 1038]


def test_the_same_names_in_another_repository_are_others():
    contents = table(("a", "m1", {"m1": 1}), ("b", "m2", {"m2": 2}))
    assert freed(contents, ("a", "m2"), ("b", "m1")) == [0, 0]


def test_nothing_at_all():
    assert freed(SHARED) == []
    assert freed(table(), ("app", "m1")) == [0]
    nothing = freed_bytes(table(), gone())
    assert nothing.dtype == "Int64"
    assert nothing.name == "bytes_freed"


def test_an_unknown_size_counts_nothing_unless_another_row_knows_it():
    contents = table(("a", "m", {"m": 1, "l": 5, "k": 7}), ("a", "n", {"n": 1, "l": 5}))
    contents.loc[[1, 2], "size_bytes"] = pd.NA
    assert freed(contents, ("a", "m"), ("a", "n")) == [1, 6]


def test_bytes_beyond_what_floats_hold_are_exact():
    size = 2**53
    contents = table(("a", "m", {"m": size, "l": 1}), ("a", "n", {"n": size, "k": 1}))
    assert freed(contents, ("a", "m"), ("a", "n")) == [size + 1, size + 1]


def test_the_index_is_that_of_what_goes():
    rows = gone(("app", "m1"), ("app", "m2"))
    rows.index = pd.Index([7, 3])
    assert freed_bytes(SHARED, rows).to_dict() == {7: 330, 3: 1532}


@pytest.mark.parametrize("kind", ["string", "category"])
@pytest.mark.parametrize("seed", range(20))
def test_as_a_registry_would_count_it(seed: int, kind: str):
    contents, order = generated(random.Random(seed))
    expected, before = [], held(contents, set())
    for position in range(len(order)):
        after = held(contents, set(order[: position + 1]))
        expected.append(before - after)
        before = after
    kinds = dict.fromkeys(["repository", "manifest", "digest"], kind)
    assert freed(contents.astype(kinds), *order) == expected


def generated(chance: random.Random) -> tuple[pd.DataFrame, list[tuple[str, str]]]:
    sizes = {f"l{n}": chance.randrange(1000) for n in range(12)}
    layers = {f"m{n}": chance.choices(list(sizes), k=chance.randrange(5)) for n in range(8)}
    pairs = [(f"r{n}", name) for n in range(3) for name in layers if chance.random() < 0.6]
    rows = [
        (*pair, digest, sizes.get(digest, 50))
        for pair in pairs
        for digest in (pair[1], *layers[pair[1]])
    ]
    contents = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
    return contents, chance.sample(pairs, k=chance.randrange(len(pairs) + 1))


def held(contents: pd.DataFrame, without: set[tuple[str, str]]) -> int:
    rows = contents.itertuples(index=False)
    return sum({row[2]: row[3] for row in rows if (row[0], row[1]) not in without}.values())


def test_a_million_rows_take_less_than_a_second():
    count, each = 100_000, 10
    manifests = np.repeat(np.arange(count), each)
    chance = np.random.default_rng(1)
    contents = pd.DataFrame(
        {
            "repository": pd.Categorical.from_codes(
                manifests % 500, [f"team/app-{n}" for n in range(500)]
            ),
            "manifest": pd.Categorical.from_codes(
                manifests, [f"sha256:{n:064x}" for n in range(count)]
            ),
            "digest": pd.Categorical.from_codes(
                chance.integers(0, 300_000, count * each),
                [f"sha256:{n:064x}" for n in range(300_000)],
            ),
            "size_bytes": pd.array(chance.integers(0, 2**30, count * each), "Int64"),
        }
    )
    going = contents.iloc[:: each * 2][["repository", "manifest"]]
    started = time.process_time()
    result = freed_bytes(contents, going)
    assert time.process_time() - started < 1
    assert len(result) == count // 2
    assert result.sum() > 0
