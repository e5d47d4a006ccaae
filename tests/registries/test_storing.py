"""What registries that keep their content themselves say in the same words."""

from ghostnb.oci import Digest
from ghostnb.registries.storing import no_such_blob

DIGEST = Digest("sha256:" + "a" * 64)


def test_where_a_foreign_layer_is_shows_no_secret():
    url = "https://me:s3cret@storage.example/layer?sig=s3cret&expires=1"
    error = no_such_blob("reg", "team/windows", DIGEST, [url])
    assert "https://storage.example/layer?sig=…&expires=…" in str(error)
    assert "s3cret" not in f"{error} {error!r} {error.hint}"


def test_where_a_foreign_layer_is_says_no_more_than_can_be_read():
    many = [f"https://storage.example/{number}{'x' * 5000}" for number in range(1000)]
    assert len(str(no_such_blob("reg", "team/windows", DIGEST, many))) < 1000


def test_a_blob_that_is_not_there_says_why_that_may_be():
    for urls in (None, ()):
        assert "Push that image again" in no_such_blob("reg", "app", DIGEST, urls).hint
