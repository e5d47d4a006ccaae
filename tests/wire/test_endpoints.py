import pytest

from ghostnb.oci import Digest, media_types
from ghostnb.wire.endpoints import CATALOG_SCOPE, Endpoint, pull_scope

BASE = "https://r.example:5000/under"
DIGEST = Digest.of(b"")
PULL = ("repository:team/app:pull",)


@pytest.mark.parametrize(
    ("request_", "method", "url", "scopes"),
    [
        (Endpoint(BASE).ping(), "GET", "/v2/", ()),
        (Endpoint(BASE).catalog(None), "GET", "/v2/_catalog", ("registry:catalog:*",)),
        (Endpoint(BASE).catalog(100), "GET", "/v2/_catalog?n=100", (CATALOG_SCOPE,)),
        (
            Endpoint(BASE).catalog(100, "a/b&c=d e?#+é"),
            "GET",
            "/v2/_catalog?n=100&last=a%2Fb%26c%3Dd%20e%3F%23%2B%C3%A9",
            (CATALOG_SCOPE,),
        ),
        (Endpoint(BASE).tags("team/app", None), "GET", "/v2/team/app/tags/list", PULL),
        (Endpoint(BASE).tags("team/app", 9), "GET", "/v2/team/app/tags/list?n=9", PULL),
        (
            Endpoint(BASE).tags("team/app", None, "1.0"),
            "GET",
            "/v2/team/app/tags/list?last=1.0",
            PULL,
        ),
        (Endpoint(BASE).manifest("team/app", "1.0"), "GET", "/v2/team/app/manifests/1.0", PULL),
        (
            Endpoint(BASE).manifest("team/app", DIGEST, method="HEAD"),
            "HEAD",
            f"/v2/team/app/manifests/{DIGEST}",
            PULL,
        ),
        (Endpoint(BASE).blob("team/app", DIGEST), "GET", f"/v2/team/app/blobs/{DIGEST}", PULL),
    ],
)
def test_each_request_goes_where_the_specification_says(request_, method, url, scopes):
    assert (method, BASE + url, scopes, b"") == (
        request_.method,
        request_.url,
        request_.scopes,
        request_.body,
    )


def test_a_manifest_is_asked_for_in_every_form_that_can_be_read():
    expected = {"accept": ", ".join(media_types.ACCEPTED_MANIFESTS)}

    assert expected == Endpoint(BASE).manifest("team/app", "1.0").headers


def test_a_blob_is_asked_for_without_any_coding_on_the_way():
    assert Endpoint(BASE).blob("a", DIGEST).headers == {"accept-encoding": "identity"}


@pytest.mark.parametrize(("first", "expected"), [(1, "bytes=1-9"), (9, "bytes=9-9")])
def test_the_rest_of_a_blob_is_asked_for_by_a_closed_range(first, expected):
    request = Endpoint(BASE).blob("team/app", DIGEST, first=first, last=9)

    assert {"accept-encoding": "identity", "range": expected} == request.headers


def test_a_blob_from_its_beginning_is_asked_for_whole():
    assert Endpoint(BASE).blob("a", DIGEST) == Endpoint(BASE).blob("a", DIGEST, first=0, last=9)


@pytest.mark.parametrize(
    ("request_", "what"),
    [
        (Endpoint(BASE).ping(), "the ping"),
        (Endpoint(BASE).catalog(None), "the list of repositories"),
        (Endpoint(BASE).tags("team/app", None), "the tags of team/app"),
        (Endpoint(BASE).manifest("team/app", "1.0"), "team/app:1.0"),
        (Endpoint(BASE).manifest("team/app", DIGEST), f"team/app@{DIGEST}"),
        (Endpoint(BASE).blob("team/app", DIGEST), f"blob {DIGEST} of team/app"),
    ],
)
def test_each_request_says_in_words_what_it_asks_for(request_, what):
    assert what == request_.what


def test_the_host_is_what_stands_before_the_first_slash_of_a_reference():
    hosts = [Endpoint(url).host for url in (BASE, "http://[::1]:5000", "https://ghcr.io")]

    assert hosts == ["r.example:5000", "[::1]:5000", "ghcr.io"]


def test_the_scope_of_reading_is_pull():
    assert (pull_scope("team/app"),) == PULL
