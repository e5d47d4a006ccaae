"""Server-sent events, wherever they are cut, and what an agent may tell by them."""

import itertools
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ghostnb.errors import ProtocolError
from ghostnb.wire.event_stream import EventStream, Message, decode_event
from ghostnb.wire.events import Event

DIGEST = f"sha256:{'a' * 64}"


def heard(text, *, size=None):
    raw = text.encode() if isinstance(text, str) else text
    stream, size = EventStream("The agent"), size or len(raw) or 1
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    return [message for piece in pieces for message in stream.feed(piece)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The standard's own examples.
        ("data: YHOO\ndata: +2\ndata: 10\n\n", [Message("", "YHOO\n+2\n10")]),
        (
            ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
            "data:  third event\n\n",
            [Message("1", "first event"), Message("", "second event"), Message("", " third event")],
        ),
        ("data\n\ndata\ndata\n\ndata:\n", [Message("", ""), Message("", "\n")]),
        ("data:test\n\ndata: test\n\n", [Message("", "test")] * 2),
        ("event: add\ndata: 73857293\n\n", [Message("", "73857293", "add")]),
        # An event's id and type without data are no message; the id stays, the type does not.
        ("id: 7\nevent: add\n\ndata: x\n\n", [Message("7", "x")]),
        ("id: 7\ndata: x\n\ndata: y\n\n", [Message("7", "x"), Message("7", "y")]),
        ("id: 7\ndata: x\n\nid: 8\0\ndata: y\n\n", [Message("7", "x"), Message("7", "y")]),
        # Ends of lines, also mixed.
        ("data: a\r\rdata: b\r\n\r\ndata: c\n\r", [Message("", one) for one in "abc"]),
        ("data: a\r\n\ndata: b\r\ndata: c\r\n\n", [Message("", "a"), Message("", "b\nc")]),
        ("data: a\x0bb\x0cc\x85d\u2028e\n\n", [Message("", "a\x0bb\x0cc\x85d\u2028e")]),
        # One mark of the order of bytes, and only at the beginning.
        ("\ufeffdata: a\n\n", [Message("", "a")]),
        ("\ufeff\ufeffdata: a\n\ndata: b\n\n", [Message("", "b")]),
        ("data: a\n\n\ufeffdata: b\n\n", [Message("", "a")]),
        (b"data: \xe2\x82\n\n", [Message("", "\ufffd")]),
        # What has no end is no message; unknown fields are passed over.
        ("data: a\n\ndata: b\n", [Message("", "a")]),
        ("datum: a\nDATA: b\n data: c\n\n", []),
    ],
)
@pytest.mark.parametrize("size", [None, 1, 3])
def test_a_stream_is_read_as_the_standard_says(text, expected, size):
    assert heard(text, size=size) == expected


words = st.sampled_from(
    ["data", "id", "event", "retry", ":", " ", "\r", "\n", "\r\n", "\n\n", "\ufeff", "\0", "é", "7"]
)


@given(st.lists(words), st.lists(st.integers(0, 60)))
@example(["data", ":", "a", "\r\n", "\r\n"], [6, 7])
def test_where_it_is_cut_makes_no_difference(parts, cuts):
    raw = "".join(parts).encode()
    places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    stream = EventStream("The agent")
    found = []
    for start, end in itertools.pairwise(places):
        found += stream.feed(raw[start:end])

    assert found == EventStream("The agent").feed(raw)


@given(st.binary())
def test_any_bytes_are_a_stream(raw):
    assert all(isinstance(one.data, str) for one in EventStream("The agent").feed(raw))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2500", 2.5), ("0", 0.0), ("", None), ("-1", None), ("1.5", None), ("٣", None)],
)
def test_how_long_to_stay_away_is_read_where_it_is_a_number(text, seconds):
    stream = EventStream("The agent")
    stream.feed(f"retry: {text}\n".encode())
    assert stream.retry_seconds == seconds


def test_what_has_no_end_is_not_waited_for():
    stream = EventStream("The agent", max_line_bytes=100, max_message_bytes=250)
    assert stream.feed((b": " + b"x" * 98 + b"\n") * 50) == []
    stream.feed(b"data: " + b"x" * 94 + b"\n")
    with pytest.raises(ProtocolError, match="The agent sent a message of more than 250 bytes"):
        stream.feed((b"data: " + b"x" * 94 + b"\n") * 2)
    stream = EventStream("The agent", max_line_bytes=100)
    stream.feed(b"data: " + b"x" * 94)
    with pytest.raises(ProtocolError, match="a line of more than 100 bytes"):
        stream.feed(b"x")


def told(**fields):
    given = {"id": "a1", "time": "2026-01-01T00:00:00Z", "source": "agent", "action": "push"}
    return json.dumps({**given, **fields})


def test_an_event_is_read_whole_and_what_is_not_known_is_passed_over():
    data = told(
        registry="local",
        host="localhost:5000",
        repository="team/app",
        tag="1.0",
        digest=DIGEST,
        media_type="application/vnd.oci.image.manifest.v1+json",
        size_bytes=7,
        actor="ci",
        outcome="failure",
        message="It\nbroke.",
        colour="blue",
    )
    assert decode_event(data, "The agent") == Event(
        "a1",
        "2026-01-01T00:00:00Z",
        "agent",
        "push",
        "local",
        "localhost:5000",
        "team/app",
        "1.0",
        DIGEST,
        "application/vnd.oci.image.manifest.v1+json",
        7,
        "ci",
        "failure",
        "It broke.",
    )
    assert decode_event(told(), "The agent") == Event("a1", "2026-01-01T00:00:00Z", "agent", "push")


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ("", r"\$: Input data was truncated"),
        ("[]", r"\$: Expected `object`, got `array`"),
        ("{}", r"\$: Object missing required field `id`"),
        (told(id=""), r"\$.id: "),
        (told(id=7), r"\$.id: Expected `str`, got `int`"),
        (told(id="x" * 256), r"\$.id: Expected `str` of length <= 255"),
        (told(time="soon"), r"\$.time: 'soon' is not a time"),
        (told(action=None), r"\$.action: Expected `str`, got `null`"),
        (told(registry="x" * 300), r"\$.registry: "),
        (told(repository="Team/../App"), r"\$.repository: "),
        (told(tag="-no"), r"\$.tag: "),
        (told(digest="sha256:short"), r"\$.digest: "),
        (told(size_bytes="7"), r"\$.size_bytes: Expected `int \| null`, got `str`"),
        (told(message={}), r"\$.message: "),
        ("[" * 100_000, r"\$: "),
    ],
)
def test_what_is_no_event_is_said_with_its_place(data, place):
    with pytest.raises(
        ProtocolError, match=f"The agent told of an event that cannot be read at {place}"
    ) as e:
        decode_event(data, "The agent")
    assert len(e.value.message) < 400


def test_what_an_event_says_can_be_shown():
    event = decode_event(told(id="<b>", actor="a\x1b[31m\u202e", message="x" * 9000), "The agent")
    assert (event.actor, len(event.message)) == ("a�[31m�", 2000)
    assert event.id.isalnum()
