"""The frames of registries, repositories, tags and search results."""

import json

import pandas as pd
import pytest

from ghostnb.frames import (
    RegistryRecord,
    registries_frame,
    repositories_frame,
    search_frame,
    tags_frame,
    usage_frame,
)
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.records import RepositoryRecord, SearchRecord, TagRecord, UsageRecord

TEXT, COUNT, TIME, FLAG = "string", "Int64", "datetime64[ns, UTC]", "boolean"
# As DESIGN.md has them, written out again.
COLUMNS = {
    registries_frame: {
        "name": TEXT,
        "url": TEXT,
        "kind": TEXT,
        "has_auth": FLAG,
        "insecure": FLAG,
        "status": TEXT,
        "offers": TEXT,
    },
    repositories_frame: {
        "registry": TEXT,
        "repository": TEXT,
        "description": TEXT,
        "tag_count": COUNT,
        "pull_count": COUNT,
        "star_count": COUNT,
        "official": FLAG,
        "updated": TIME,
    },
    tags_frame: {
        "registry": TEXT,
        "repository": TEXT,
        "tag": TEXT,
        "digest": TEXT,
        "media_type": TEXT,
        "size_bytes": COUNT,
        "created": TIME,
        "platforms": TEXT,
        "last_pulled": TIME,
    },
    usage_frame: {
        "registry": TEXT,
        "namespace": TEXT,
        "repository_count": COUNT,
        "stored_bytes": COUNT,
        "quota_bytes": COUNT,
    },
    search_frame: {
        "registry": TEXT,
        "repository": TEXT,
        "tag": TEXT,
        "digest": TEXT,
        "size_bytes": COUNT,
        "created": TIME,
        "description": TEXT,
        "pull_count": COUNT,
        "star_count": COUNT,
        "official": FLAG,
    },
}
WHEN = "2024-06-01T09:30:00.123456789Z"
FULL = {
    registries_frame: RegistryRecord(
        "r", "https://r", "docker-hub", True, False, "ok", ("tag details", "search")
    ),
    repositories_frame: RepositoryRecord("r", "a/b", "about", 3, 2**53, 4, True, WHEN),
    tags_frame: TagRecord(
        "r", "a/b", "1", "sha256:0", "m/t", 2**53, WHEN, ("linux/amd64", "linux/arm64/v8"), WHEN
    ),
    usage_frame: UsageRecord("r", "a", 3, 2**53, 2**53),
    search_frame: SearchRecord("r", "a/b", "1", "sha256:0", 2**53, WHEN, "about", 2**53, 4, False),
}
JOINED = {"platforms": "linux/amd64, linux/arm64/v8", "offers": "tag details, search"}
BARE = {
    registries_frame: RegistryRecord("r", "https://r", "distribution", False, True),
    repositories_frame: RepositoryRecord("r", "a/b"),
    tags_frame: TagRecord("r", "a/b", "1"),
    usage_frame: UsageRecord("r", "a"),
    search_frame: SearchRecord("r", "a/b"),
}
every_frame = pytest.mark.parametrize("tabulate", COLUMNS)


@every_frame
def test_columns_are_as_designed_also_when_empty_or_little_is_known(tabulate):
    for records in ([], [BARE[tabulate]], [FULL[tabulate]], [BARE[tabulate], FULL[tabulate]]):
        frame = tabulate(records)

        assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == COLUMNS[tabulate]
        assert list(frame.columns) == list(COLUMNS[tabulate])
        assert len(frame) == len(records)


@every_frame
def test_every_value_of_a_record_arrives(tabulate):
    frame = tabulate([FULL[tabulate]])

    for name, dtype in COLUMNS[tabulate].items():
        expected = getattr(FULL[tabulate], name)
        if dtype == TIME:
            expected = pd.Timestamp(expected)
        if isinstance(expected, tuple):
            expected = JOINED[name]
        assert frame[name][0] == expected


@every_frame
def test_what_a_record_does_not_know_is_na(tabulate):
    frame = tabulate([BARE[tabulate]])
    known = {name for name in COLUMNS[tabulate] if getattr(BARE[tabulate], name) is not None}

    assert set(frame.columns[frame.notna().iloc[0]]) == known


@every_frame
def test_frames_live_on_in_pandas(tabulate):
    frame = tabulate([FULL[tabulate], BARE[tabulate]])
    first = frame.columns[0]
    both = pd.concat([frame, frame], ignore_index=True)

    assert both.dtypes.equals(frame.dtypes)
    assert len(json.loads(frame.to_json(orient="records", date_format="iso"))) == 2
    assert frame.groupby(first).size().to_dict() == {"r": 2}
    assert "r" in frame.to_html()
    assert "r" in frame.to_csv()


def test_platforms_that_are_unknown_are_na_and_none_is_an_empty_text():
    frame = tags_frame([TagRecord("r", "a", "1"), TagRecord("r", "a", "2", platforms=())])

    assert frame["platforms"].tolist() == [pd.NA, ""]


def test_a_registrys_record_holds_no_credentials():
    config = RegistryConfig("r", "https://r.example", username="me", password="s3cret")
    frame = registries_frame([RegistryRecord.of(config, "distribution")])

    assert frame["has_auth"].tolist() == [True]
    assert "s3cret" not in frame.to_csv() + repr(RegistryRecord.of(config, "x"))
    assert not (frame == "me").to_numpy(dtype=bool, na_value=False).any()
