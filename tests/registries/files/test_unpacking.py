"""Bytes unpacked as they come, in pieces of any size."""

from __future__ import annotations

import gzip
import random
import subprocess
import zlib

import pytest

from ghostnb.registries.files.unpacking import DAMAGES, unpacked
from tests.parts.layers import zstd

TEXT = b"".join(b"line %d of something that packs well\n" % n for n in range(60_000))
NOISE = random.Random(4).randbytes(700_000)


def pieces(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def real_zstd(data: bytes) -> bytes:
    from backports.zstd import CompressionParameter, compress

    return compress(data, options={CompressionParameter.checksum_flag: True})


@pytest.mark.parametrize("size", [1, 3, 1000, 2**18, 2**24])
@pytest.mark.parametrize("pack", [gzip.compress, zstd, real_zstd, bytes])
def test_what_was_packed_comes_back(pack, size):
    content = TEXT[:100_000] + NOISE[:50_000]
    assert b"".join(unpacked(pieces(pack(content), size))) == content


@pytest.mark.parametrize("pack", [gzip.compress, real_zstd])
def test_several_streams_one_after_the_other(pack):
    packed = pack(TEXT[:5000]) + pack(b"") + pack(NOISE[:5000])
    for size in (7, 4000, 2**20):
        assert b"".join(unpacked(pieces(packed, size))) == TEXT[:5000] + NOISE[:5000]


def test_zeros_behind_a_gzip_stream_are_filling():
    assert b"".join(unpacked([gzip.compress(b"a") + bytes(100), bytes(50)])) == b"a"


def test_frames_of_zstd_that_are_to_be_skipped():
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"meta"
    assert b"".join(unpacked([real_zstd(b"abc") + skipped])) == b"abc"


@pytest.mark.parametrize("content", [b"", b"a", b"\x1f", b"\x28\xb5\x2f", bytes(1024)])
def test_what_is_not_packed_is_passed_on(content):
    assert b"".join(unpacked(pieces(content, 1))) == content


@pytest.mark.parametrize("pack", [gzip.compress, real_zstd])
def test_a_bomb_comes_in_small_pieces(pack):
    packed = pack(bytes(2**27))
    assert len(packed) < 2**18
    sizes = [len(piece) for piece in unpacked([packed])]
    assert sum(sizes) == 2**27
    assert max(sizes) <= 2**20


@pytest.mark.parametrize("pack", [gzip.compress, real_zstd])
def test_what_is_cut_off_is_told(pack):
    packed = pack(TEXT)
    for cut in (1, 100, len(packed) // 2):
        with pytest.raises(DAMAGES):
            list(unpacked(pieces(packed[:-cut], 999)))


@pytest.mark.parametrize("pack", [gzip.compress, real_zstd])
def test_what_is_damaged_is_told(pack):
    packed = bytearray(pack(TEXT))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(DAMAGES):
        list(unpacked([bytes(packed)]))


def test_what_follows_a_gzip_stream_and_is_none_is_told():
    with pytest.raises(zlib.error):
        list(unpacked([gzip.compress(b"a") + b"trailer"]))


def test_the_gzip_of_the_command_line(tmp_path):
    path = tmp_path / "content"
    path.write_bytes(TEXT)
    packed = subprocess.run(["gzip", "-9c", path], check=True, capture_output=True).stdout
    assert b"".join(unpacked(pieces(packed, 5000))) == TEXT
