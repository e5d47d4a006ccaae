import pickle

import pytest

from ghostnb.errors import InvalidReferenceError
from ghostnb.oci import Digest

EMPTY = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
EMPTY_SHA512 = (
    "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e"
)
WELL_FORMED = [
    EMPTY,
    EMPTY_SHA512,
    "sha384:abc",
    "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8",
    "sha256+b64u:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
]


@pytest.mark.parametrize("text", WELL_FORMED)
def test_a_digest_is_its_text(text):
    assert text == Digest(text) == str(Digest(text))
    assert tuple(text.split(":")) == (Digest(text).algorithm, Digest(text).encoded)


@pytest.mark.parametrize("text", WELL_FORMED)
def test_a_digest_stays_one_through_a_pickle(text):
    copy = pickle.loads(pickle.dumps(Digest(text)))

    assert (Digest, text) == (type(copy), copy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        ":abc",
        EMPTY[:-1],
        EMPTY + "0",
        EMPTY.upper(),
        "sha256:" + "E" * 64,
        "sha256:" + "g" * 64,
        "sha512:" + "0" * 64,
        EMPTY + "\n",
        " " + EMPTY,
        "SHA384:abc",
        "sha384:a/b",
        "+sha:abc",
        "a++b:abc",
        "sha256:\u0661" + "0" * 63,
        "x" * 100_000,
    ],
)
def test_what_is_no_digest_is_refused_in_a_short_message(text):
    with pytest.raises(InvalidReferenceError, match="is not a digest") as caught:
        Digest(text)

    assert len(str(caught.value)) < 400


def test_a_digest_is_computed_from_bytes():
    assert Digest.of(b"") == EMPTY
    assert Digest.of(b"", "sha512") == EMPTY_SHA512


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_digest_matches_the_bytes_it_was_computed_from_and_no_others(algorithm):
    digest = Digest.of(b"some bytes", algorithm)

    assert digest.matches(b"some bytes")
    assert not digest.matches(b"other bytes")


def test_a_stream_is_checked_with_the_digests_own_algorithm():
    for algorithm in ("sha256", "sha512"):
        assert algorithm == Digest.of(b"", algorithm).hasher().name


def test_an_algorithm_that_is_not_known_cannot_be_checked():
    with pytest.raises(InvalidReferenceError, match="uses sha384, which cannot be checked"):
        Digest("sha384:abc").matches(b"")


def test_a_digest_shows_what_it_is():
    assert f"Digest('{EMPTY}')" == repr(Digest(EMPTY))
    assert Digest(EMPTY).short == "e3b0c44298fc"
    assert f"{Digest(EMPTY)}" == EMPTY
