"""Listing, as OCI distribution-spec v1.1, "Content Discovery", has it."""

from __future__ import annotations

import random
import re
from urllib.parse import quote

import pytest

from ghostnb.oci import Digest
from ghostnb.registries.memory import MemoryRegistry
from tests.drift.calling import Caller, check_refusal, push, put, upload
from tests.drift.forking import forked_drift
from tests.parts.images import Document, artifact, encode, index, plain_image
from tests.parts.media_types import OCI_CONFIG, OCI_INDEX

IMAGE = plain_image("image")
TAGS = sorted(["1.0", "1.10", "1.9", "latest", "Latest", "_x", "v2.0.0-rc.1", "2024_01_02"])


def following(reply):
    """Read where the rest is, as RFC 8288 has it; None at the end."""
    found = re.fullmatch(r'<([^>]+)>; rel="next"', reply.headers.get("link", ""))
    return found[1] if found else None


def pages(call, target, key):
    """Follow the links to the end."""
    found = []
    while target:
        reply = call("GET", target)
        assert reply.status == 200, reply
        found.append(reply.json[key])
        target = following(reply)
        assert len(found) < 200
    return found


def tag_all(call, repository, tags=TAGS):
    push(call, repository, "", IMAGE)
    for tag in random.Random(1).sample(tags, len(tags)):
        assert put(call, repository, tag, IMAGE).status == 201


# Tags: end-8


def test_tags_are_in_order(call, repository):
    tag_all(call, repository)
    reply = call("GET", f"/v2/{repository}/tags/list")
    assert reply.json == {"name": repository, "tags": TAGS}
    assert reply.headers["content-type"] == "application/json"
    assert "link" not in reply.headers
    assert call("HEAD", f"/v2/{repository}/tags/list").lasting_headers == reply.lasting_headers


@pytest.mark.parametrize("count", [1, 3, 7, 8, 100])
def test_tags_come_in_pages(call, repository, count):
    tag_all(call, repository)
    found = pages(call, f"/v2/{repository}/tags/list?n={count}", "tags")
    assert found == [TAGS[start : start + count] for start in range(0, len(TAGS), count)]


@pytest.mark.parametrize("last", ["", "1.0", "latest", "zzz", "1.5", "_x", "ü%2F&=", "_"])
def test_tags_begin_after_the_last_whether_there_is_such_or_not(call, repository, last):
    tag_all(call, repository)
    expected = [tag for tag in TAGS if tag > last]
    target = f"/v2/{repository}/tags/list?last={quote(last)}"
    assert call("GET", target).json["tags"] == expected
    reply = call("GET", f"{target}&n=2")
    assert reply.json["tags"] == expected[:2]
    assert (following(reply) is not None) == (len(expected) > 2)


def test_no_tags_are_asked_for(call, repository):
    tag_all(call, repository)
    reply = call("GET", f"/v2/{repository}/tags/list?n=0")
    assert (reply.status, reply.json["tags"]) == (200, [])
    assert "link" not in reply.headers


@pytest.mark.parametrize("count", ["-1", "x", "1.5", "", "9" * 5000, "%D9%A3"])
@pytest.mark.parametrize("listing", ["{}/tags/list", "_catalog"])
def test_a_number_of_names_that_is_none_is_refused(call, repository, listing, count):
    push(call, repository, "tag", IMAGE)
    reply = call("GET", f"/v2/{listing.format(repository)}?n={count}")
    check_refusal(reply, 400, "PAGINATION_NUMBER_INVALID")


def test_a_repository_that_is_not_there_has_no_tags(call, repository):
    check_refusal(call("GET", f"/v2/{repository}/tags/list"), 404, "NAME_UNKNOWN")


def test_a_repository_without_tags_has_an_empty_list(call, repository):
    push(call, repository, "", IMAGE)
    assert call("GET", f"/v2/{repository}/tags/list").json == {"name": repository, "tags": []}


# The catalog


def test_the_catalog_comes_in_pages():
    names = sorted(["a", "b/c", "b/c/d", "b-c", "b.c", "z"])
    with forked_drift(MemoryRegistry) as running, Caller(running.url) as call:
        reply = call("GET", "/v2/_catalog")
        assert (reply.status, reply.json) == (200, {"repositories": []})
        for name in names:
            push(call, name, "tag", IMAGE)
        reply = call("GET", "/v2/_catalog")
        assert reply.json == {"repositories": names}
        assert "link" not in reply.headers
        assert pages(call, "/v2/_catalog?n=4", "repositories") == [names[:4], names[4:]]
        assert call("GET", "/v2/_catalog?last=b.c").json["repositories"] == ["b/c", "b/c/d", "z"]
        assert call("GET", "/v2/_catalog?n=0").json["repositories"] == []


def test_a_page_has_an_end():
    with forked_drift(MemoryRegistry, page_size=3) as running, Caller(running.url) as call:
        tag_all(call, "team/app")
        for query in ("", "?n=1000"):
            found = pages(call, f"/v2/team/app/tags/list{query}", "tags")
            assert found == [TAGS[0:3], TAGS[3:6], TAGS[6:8]]


# Referrers: end-12


def attach(call, repository, kind, subject, **notes):
    document = artifact(kind, [], subject=subject, annotations=notes or None)
    push(call, repository, "", document)
    return document


def listed(reply):
    assert reply.status == 200, reply
    assert reply.headers["content-type"] == OCI_INDEX
    assert reply.json["schemaVersion"] == 2
    assert reply.json["mediaType"] == OCI_INDEX
    return {entry["digest"]: entry for entry in reply.json["manifests"]}


def test_what_is_attached_is_listed(call, repository):
    push(call, repository, "tag", IMAGE)
    first = attach(call, repository, "application/vnd.example.sig", IMAGE, note="ü")
    second = attach(call, repository, "application/vnd.example.sbom", IMAGE)
    by_config = plain_image("attached", subject=IMAGE)
    push(call, repository, "", by_config)
    other = attach(call, repository, "application/vnd.example.sig", first)
    reply = call("GET", f"/v2/{repository}/referrers/{IMAGE.digest}")
    found = listed(reply)
    assert set(found) == {first.digest, second.digest, by_config.digest}
    assert found[first.digest] == {
        "mediaType": first.media_type,
        "digest": first.digest,
        "size": len(first.raw),
        "artifactType": "application/vnd.example.sig",
        "annotations": {"note": "ü"},
    }
    assert "annotations" not in found[second.digest]
    assert found[by_config.digest]["artifactType"] == OCI_CONFIG
    assert "oci-filters-applied" not in reply.headers
    assert set(listed(call("GET", f"/v2/{repository}/referrers/{first.digest}"))) == {other.digest}
    # Elsewhere nothing is attached.
    push(call, f"{repository}/other", "tag", IMAGE)
    assert listed(call("GET", f"/v2/{repository}/other/referrers/{IMAGE.digest}")) == {}


def test_an_index_may_be_attached_and_be_attached_to(call, repository):
    subject = index([IMAGE])
    push(call, repository, "multi", subject)
    signature = attach(call, repository, "application/vnd.example.sig", subject)
    whole = {**index([IMAGE]).manifest, "subject": subject.descriptor(), "artifactType": "a/b"}
    attached = Document(OCI_INDEX, encode(whole))
    assert put(call, repository, attached.digest, attached).headers["oci-subject"] == subject.digest
    found = listed(call("GET", f"/v2/{repository}/referrers/{subject.digest}"))
    assert set(found) == {signature.digest, attached.digest}
    assert found[attached.digest]["artifactType"] == "a/b"


def test_referrers_are_filtered(call, repository):
    signature = attach(call, repository, "application/vnd.example.sig", IMAGE)
    attach(call, repository, "application/vnd.example.sbom", IMAGE)
    target = f"/v2/{repository}/referrers/{IMAGE.digest}?artifactType="
    for wanted, expected in (
        ("application/vnd.example.sig", {signature.digest}),
        ("application%2Fvnd.example.sig", {signature.digest}),
        ("application/vnd.example", set()),
    ):
        reply = call("GET", target + wanted)
        assert set(listed(reply)) == expected
        assert reply.headers["oci-filters-applied"] == "artifactType"
    reply = call("GET", target)
    assert len(listed(reply)) == 2
    assert "oci-filters-applied" not in reply.headers


def test_nothing_is_attached_to_what_is_unknown(call, repository):
    absent = Digest.of(b"absent")
    assert listed(call("GET", f"/v2/{repository}/referrers/{absent}")) == {}
    push(call, repository, "tag", IMAGE)
    assert listed(call("GET", f"/v2/{repository}/referrers/{absent}")) == {}
    for digest in ("sha256:abc", "latest", "md5:" + "0" * 32):
        check_refusal(call("GET", f"/v2/{repository}/referrers/{digest}"), 400, "DIGEST_INVALID")


def test_what_is_deleted_is_not_attached_any_more(call, repository):
    signature = attach(call, repository, "application/vnd.example.sig", IMAGE)
    target = f"/v2/{repository}/referrers/{IMAGE.digest}"
    assert set(listed(call("GET", target))) == {signature.digest}
    assert call("DELETE", f"/v2/{repository}/manifests/{signature.digest}").status == 202
    assert listed(call("GET", target)) == {}


def test_an_answer_is_never_larger_than_a_manifest_may_be(call, repository):
    upload(call, repository, b"{}")
    attached = [
        artifact("application/x", [], subject=IMAGE, annotations={str(n): "x" * 1_500_000})
        for n in range(5)
    ]
    for document in attached:
        assert put(call, repository, document.digest, document).status == 201
    target, found = f"/v2/{repository}/referrers/{IMAGE.digest}?artifactType=application/x", []
    while target:
        reply = call("GET", target)
        assert len(reply.body) <= 4 * 2**20
        assert reply.headers["oci-filters-applied"] == "artifactType"
        found += list(listed(reply))
        target = following(reply)
    assert found == sorted(document.digest for document in attached)
