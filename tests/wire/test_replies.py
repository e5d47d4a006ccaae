import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.errors import (
    Diagnostic,
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.wire.endpoints import Endpoint
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.replies import decode_diagnostics, error_for

REQUEST = Request("GET", "https://r.example/v2/team/app/manifests/1?sig=s3cret", "team/app:1")
SHOWN = "https://r.example/v2/team/app/manifests/1?sig=…"


def errors(*entries: object) -> bytes:
    return json.dumps({"errors": list(entries)}).encode()


def refuse(status: int, body: bytes = b"", **headers: str) -> RegistryError:
    reply = Reply(status, headers, body, REQUEST.url)
    return error_for(REQUEST, reply, registry="team", host="r.example")


BY_STATUS = [
    (401, UnauthorizedError),
    (403, ForbiddenError),
    (404, NotFoundError),
    (405, UnsupportedError),
    (429, RateLimitedError),
    (500, ServerError),
    (502, ServerError),
    (503, ServerError),
    (400, RejectedError),
    (418, RejectedError),
    (301, ServerError),
    (204, ServerError),
]


@pytest.mark.parametrize(("status", "kind"), BY_STATUS)
@pytest.mark.parametrize(
    "body", [b"", b"<html><h1>No</h1></html>", b"\xff", b"null", b"[]", b"{}", b'{"errors": null}']
)
def test_a_status_is_enough_to_tell_what_went_wrong(status, kind, body):
    error = refuse(status, body)

    assert (kind, status, ()) == (type(error), error.status, error.diagnostics)
    assert f"team at {SHOWN} refused team/app:1 (HTTP {status})." == error.message


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("UNAUTHORIZED", UnauthorizedError),
        ("DENIED", ForbiddenError),
        ("NAME_UNKNOWN", NotFoundError),
        ("MANIFEST_UNKNOWN", NotFoundError),
        ("BLOB_UNKNOWN", NotFoundError),
        ("UNSUPPORTED", UnsupportedError),
        ("TOOMANYREQUESTS", RateLimitedError),
        ("NAME_INVALID", RejectedError),
        ("PAGINATION_NUMBER_INVALID", RejectedError),
        ("SOMETHING_ELSE", RejectedError),
    ],
)
def test_a_code_tells_more_than_a_bad_request(code, kind):
    error = refuse(400, errors({"code": code, "message": "said so"}))

    assert kind is type(error)
    assert f"team at {SHOWN} refused team/app:1 ({code}: said so)." == error.message


@pytest.mark.parametrize(("status", "kind"), [row for row in BY_STATUS if row[0] not in (400, 418)])
@pytest.mark.parametrize("code", ["DENIED", "NAME_UNKNOWN", "UNAUTHORIZED", "UNSUPPORTED"])
def test_an_exact_status_beats_the_code(status, kind, code):
    error = refuse(status, errors({"code": code}))

    assert (kind, (Diagnostic(code),)) == (type(error), error.diagnostics)


@pytest.mark.parametrize("status", [status for status, _ in BY_STATUS])
def test_every_refusal_says_what_to_try_next(status):
    error = refuse(status)

    assert error.hint
    assert str(error) == f"{error.message} {error.hint}"


def test_who_is_not_known_is_told_how_to_log_in():
    assert "docker login r.example" in refuse(401).hint


def test_plain_http_on_a_tls_port_is_told_from_a_bad_request():
    error = refuse(400, b"Client sent an HTTP request to an HTTPS server.\n")

    assert (ProtocolError, 400, SHOWN) == (type(error), error.status, error.url)
    assert "speaks HTTPS" in error.message
    assert error.hint == "Use https://r.example as its URL."


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, {"retry-after": "7"}, 7.0),
        (429, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        (429, {"retry-after": "soon"}, None),
        (429, {}, None),
    ],
)
def test_too_many_requests_says_how_long_to_wait(status, headers, expected):
    error = refuse(status, **headers)

    assert isinstance(error, RateLimitedError)
    assert expected == error.retry_after_seconds


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ({"code": "X"}, Diagnostic("X")),
        ({"code": "X", "message": None, "detail": None}, Diagnostic("X")),
        ({"code": "X", "message": "m", "detail": "d"}, Diagnostic("X", "m", '"d"')),
        ({"code": "X", "detail": {"Tag": "1"}}, Diagnostic("X", "", '{"Tag": "1"}')),
        ({"code": "X", "detail": [{"a": 1}]}, Diagnostic("X", "", '[{"a": 1}]')),
        ({"code": 404, "message": "m", "other": 1}, Diagnostic("404", "m")),
        ({}, Diagnostic("")),
    ],
)
def test_what_the_registry_said_is_kept(entry, expected):
    assert (expected,) == decode_diagnostics(errors(entry))


def test_what_the_registry_said_is_shortened():
    entry = {"code": "C" * 9999, "message": "m" * 9999, "detail": "d" * 9999}
    error = refuse(400, errors(*[entry] * 100))

    assert (Diagnostic("C" * 200, "m" * 200, '"' + "d" * 199),) * 5 == error.diagnostics
    assert len(str(error)) < 3000


@given(st.binary())
def test_no_body_raises(body):
    for status in (400, 404, 500):
        assert status == refuse(status, body).status


def test_deep_nesting_is_no_diagnostic():
    assert decode_diagnostics(b'{"errors":[{"detail":' + b"[" * 100_000) == ()


def test_nothing_secret_is_shown():
    error = refuse(403, errors({"code": "DENIED"}))

    assert "s3cret" not in str(error) + repr(error) + error.url
    assert error.url == SHOWN


def test_an_error_keeps_its_fields_through_a_pickle():
    error = refuse(429, errors({"code": "X", "detail": 1}), **{"retry-after": "7"})
    copy = pickle.loads(pickle.dumps(error))

    assert (type(error), str(error), vars(error)) == (type(copy), str(copy), vars(copy))
    assert copy.retry_after_seconds == 7.0


@pytest.mark.parametrize("body", [b"", errors({"code": "BLOB_UNKNOWN"})])
def test_nobody_spelt_a_blob_wrongly(body):
    endpoint, digest = Endpoint("https://r.example"), "sha256:" + "a" * 64
    for request in (endpoint.blob("app", digest), endpoint.blob_size("app", digest)):
        error = error_for(request, Reply(404, {}, body), registry="team", host="r.example")
        assert type(error) is NotFoundError
        assert "spelling" not in error.hint
        assert "garbage collection" in error.hint
        assert "Push that image again" in error.hint


def test_a_repository_of_a_blob_may_be_spelt_wrongly():
    request = Endpoint("https://r.example").blob("app", "sha256:" + "a" * 64)
    reply = Reply(404, {}, errors({"code": "NAME_UNKNOWN"}))
    error = error_for(request, reply, registry="team", host="r.example")
    assert "spelling" in error.hint
