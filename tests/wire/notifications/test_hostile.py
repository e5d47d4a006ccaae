"""Hostile bodies: nothing but events that can be shown, or the one error."""

import json
import re
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.oci import Digest, check_repository, check_tag
from ghostnb.wire.notifications import MAX_BODY_BYTES, SOURCES, Delivery, NotificationError
from tests.wire.notifications import (
    test_distribution,
    test_docker_hub,
    test_github,
    test_harbor,
    test_quay,
)

ENVELOPE = {"events": [test_distribution.PULL, test_distribution.DELETE]}
DOCUMENTS = {
    "distribution": [ENVELOPE],
    "gitlab": [ENVELOPE, {"object_kind": "push"}],
    "harbor": [
        test_harbor.PUSHED,
        test_harbor.DELETED_CLOUD,
        test_harbor.SCANNED,
        test_harbor.QUOTA,
        test_harbor.REPLICATED,
        test_harbor.RETAINED,
    ],
    "docker-hub": [test_docker_hub.PUSH],
    "quay": [test_quay.PUSH, test_quay.BUILT, test_quay.FAILED, test_quay.VULNERABLE],
    "github": [test_github.PUBLISHED],
}
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(alphabet=st.characters(exclude_categories=["Cs"]))
    | st.sampled_from(
        ["a/b", "latest", "sha256:" + "a" * 64, "\x1b[2J", "\u202e", "<b>", "A" * 999]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
every_source = pytest.mark.parametrize("source", SOURCES)


def check(source, body, headers=None):
    """Decode, and hold what comes against what may be shown."""
    try:
        events = SOURCES[source].decode(Delivery(body, headers or {}))
    except NotificationError as e:
        check_error(str(e))
        return
    for event in events:
        check_event(event)


def check_error(message):
    assert message.isprintable()
    assert len(message) < 700


def check_event(event):
    datetime.fromisoformat(event.time)
    assert event.time.endswith("Z")
    assert re.fullmatch(r"[\w.:-]{1,128}", event.id, re.ASCII)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)?", event.action)
    assert event.outcome in ("success", "failure", "denied")
    for part, checked in ((event.repository, check_repository), (event.tag, check_tag)):
        assert part is None or part == checked(part)
    assert event.digest is None or Digest(event.digest) == event.digest
    for text in (event.host, event.media_type, event.actor, event.message):
        assert text is None or (text.isprintable() and len(text) <= 260)
    assert event.size_bytes is None or 0 <= event.size_bytes <= 2**53


def changed(document, data):
    """Replace one value, anywhere in the document, or leave it out."""
    if not isinstance(document, dict | list) or not document or data.draw(st.booleans()):
        return data.draw(values)
    copy = dict(document) if isinstance(document, dict) else list(document)
    key = data.draw(st.sampled_from(list(copy) if isinstance(copy, dict) else range(len(copy))))
    if data.draw(st.integers(0, 9)) == 0:
        del copy[key]
    else:
        copy[key] = changed(copy[key], data)
    return copy


@every_source
@given(body=st.binary())
def test_bytes(source, body):
    check(source, body)


@every_source
@given(document=values)
def test_any_json(source, document):
    check(source, json.dumps(document).encode())


@every_source
@given(data=st.data())
def test_documents_of_which_a_part_is_something_else(source, data):
    document = data.draw(st.sampled_from(DOCUMENTS[source]))
    check(source, json.dumps(changed(document, data)).encode())


@given(body=st.binary() | st.text().map(lambda text: b"payload=" + text.encode("utf-8", "replace")))
def test_any_form(body):
    check("github", body, {"content-type": "application/x-www-form-urlencoded; charset=utf-8"})


@every_source
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 1_000_000,
        b'{"x":' * 100_000,
        b'{"x":' + b"[" * 1_000_000,
        b'{"events":' + b"[" * 1_000_000,
        b'{"type":"' + b"a" * 1_000_000 + b'"}',
        b'{"repository":"' + b"a-" * 500_000 + b'"}',
        b'{"repository":"' + b"a/" * 500_000 + b'","updated_tags":["x"]}',
        b'{"events":[' + b",".join([b"{}"] * 100_000) + b"]}",
        b'{"events":[' + b",".join([b'{"id":"","action":"","timestamp":""}'] * 50_000) + b"]}",
        b'{"events":' + b"9" * 1_000_000 + b"}",
        b'{"type":"\\ud800"}',
        b'{"type":"\\u0000"}',
        b'{"push_data":{"pushed_at":1e999}}',
        b'{"action":"published","package":{"id":1e400,"name":null}}',
        b" " * (MAX_BODY_BYTES + 1),
        b"",
        b"null",
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_deep_or_long_or_many_is_refused_soon(source, body):
    begin = time.perf_counter()
    check(source, body)

    assert time.perf_counter() - begin < 10  # seconds; nothing here takes quadratic time


@every_source
def test_what_is_too_long_is_not_even_read(source):
    body = b'{"events":[],"object_kind":"' + b"x" * MAX_BODY_BYTES + b'"}'
    with pytest.raises(NotificationError, match=r"2,097,1\d\d bytes came, and 2,097,152 are read"):
        SOURCES[source].decode(Delivery(body))


@every_source
def test_the_documents_themselves_give_events(source):
    for document in DOCUMENTS[source]:
        events = SOURCES[source].decode(Delivery(json.dumps(document).encode()))
        assert events or document == {"object_kind": "push"}
        for event in events:
            assert source == event.source
            check_event(event)
