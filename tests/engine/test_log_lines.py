"""A container's output as it may come from a socket: cut anywhere."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.engine.log_lines import MAX_LINE_CHARACTERS, log_lines

OUT, ERR = 1, 2


def frame(stream: int, data: bytes) -> bytes:
    return struct.pack(">BxxxL", stream, len(data)) + data


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("size", [1, 3, 7, 8, 9, 1000])
def test_streams_do_not_mix_within_a_line(size: int) -> None:
    data = b"".join(
        [
            frame(OUT, b"half of "),
            frame(ERR, b"a warn"),
            frame(OUT, b""),
            frame(OUT, b"a line\nnext"),
            frame(ERR, b"ing\n"),
        ]
    )
    lines = list(log_lines(cut(data, size), multiplexed=True))
    assert lines == ["half of a line", "a warning", "next"]


def test_a_character_that_is_cut_in_two_is_whole_again() -> None:
    first, second = "é".encode()[:1], "é".encode()[1:]
    data = frame(OUT, b"caf" + first) + frame(ERR, b"x\n") + frame(OUT, second + b"\n")
    assert list(log_lines([data], multiplexed=True)) == ["x", "café"]


def test_a_terminals_stream_has_no_frames() -> None:
    assert list(log_lines([b"a\r", b"\nb\rc\r\n", b"\xff"], multiplexed=False)) == [
        *("a", "b\rc", "\N{REPLACEMENT CHARACTER}")
    ]


def test_empty_lines_are_lines() -> None:
    assert list(log_lines([b"\n\na\n"], multiplexed=False)) == ["", "", "a"]
    assert list(log_lines([], multiplexed=True)) == []


def test_a_stream_that_ends_in_a_frame_gives_what_came() -> None:
    assert list(log_lines([frame(OUT, b"abcdef")[:-2]], multiplexed=True)) == ["abcd"]
    assert list(log_lines([frame(OUT, b"ab\n"), b"\1\0"], multiplexed=True)) == ["ab"]


@pytest.mark.parametrize("size", [16_384, 1_000_000])
def test_a_line_without_an_end_comes_in_pieces(size: int) -> None:
    length = 3 * MAX_LINE_CHARACTERS + 5
    data = "é" * length
    pieces = list(log_lines(cut(data.encode() + b"\nz\n", size), multiplexed=False))
    assert [len(piece) for piece in pieces] == [*[MAX_LINE_CHARACTERS] * 3, 5, 1]
    assert "".join(pieces) == data + "z"


@given(st.lists(st.tuples(st.sampled_from([OUT, ERR]), st.binary(max_size=20))), st.integers(1, 40))
def test_nothing_is_lost_however_it_is_cut(frames: list[tuple[int, bytes]], size: int) -> None:
    data = b"".join(frame(stream, piece) for stream, piece in frames)
    # at the very end nobody can tell whether a carriage return was half of an end
    lines = [line.removesuffix("\r") for line in log_lines(cut(data, size), multiplexed=True)]
    expected = []
    for wanted in (OUT, ERR):
        text = b"".join(piece for stream, piece in frames if stream == wanted)
        expected += text.decode(errors="replace").removesuffix("\n").split("\n") if text else []
    assert sorted(lines) == sorted(line.removesuffix("\r") for line in expected)
