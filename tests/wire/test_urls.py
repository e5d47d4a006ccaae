import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ghostnb.errors import UnsafeRedirectError
from ghostnb.wire.urls import guard, is_internal, is_loopback, keeps_credentials, origin

PUBLIC = "https://r.example/v2/a/blobs/x"
PLAIN = "http://r.example:5000/v2/"
LOCAL = "http://localhost:5000/v2/"

INTERNAL = [
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.255.0.1", "0.0.0.0",
    "169.254.169.254", "::1", "::", "fe80::1", "fe80::1%eth0", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "127.1", "2130706433", "0x7f000001", "0177.1",
    "2852039166", "127.0.0.1.", "0",
]  # fmt: skip
LINK_LOCAL = {
    "169.254.169.254", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe",
    "2852039166",
}  # fmt: skip
EXTERNAL = [
    "r.example", "localhost.example", "notlocalhost", "10.0.0.1", "192.168.1.1", "8.8.8.8", "1.1",
    "2001:db8::1", "::ffff:8.8.8.8", "127.0.0.1.example", "", "x\x00y", "ünicode",
]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "expected"),
    [(host, True) for host in INTERNAL] + [(host, False) for host in EXTERNAL],
)
def test_this_machine_and_link_local_addresses_are_internal(host, expected):
    assert expected is is_internal(host)


@pytest.mark.parametrize("host", INTERNAL + EXTERNAL)
def test_link_local_addresses_are_internal_and_not_this_machine(host):
    assert is_loopback(host) is (host in INTERNAL and host not in LINK_LOCAL)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Example.com/v2/", ("https", "example.com", 443)),
        ("HTTP://example.com", ("http", "example.com", 80)),
        ("http://example.com:5000", ("http", "example.com", 5000)),
        ("https://[::1]:5000/x", ("https", "::1", 5000)),
        ("https://me:secret@example.com", ("https", "example.com", 443)),
        ("oci:path", ("oci", "", 0)),
    ],
)
def test_an_origin_is_scheme_host_and_port(url, expected):
    assert expected == origin(url)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("https://r.example/a", "https://r.example/b?c", True),
        ("https://r.example", "https://R.EXAMPLE:443/", True),
        ("http://r.example", "http://r.example:80/", True),
        ("http://r.example", "https://r.example", True),
        ("http://r.example:80", "https://r.example:443", True),
        ("https://r.example", "http://r.example", False),
        ("http://r.example:5000", "https://r.example", False),
        ("http://r.example", "https://r.example:5000", False),
        ("http://r.example:5000", "https://r.example:5000", False),
        ("https://r.example", "https://r.example:444", False),
        ("https://r.example", "https://other.example", False),
        ("http://r.example", "https://other.example", False),
        ("https://r.example", "https://a.r.example", False),
        ("https://r.example", "https://r.example.evil.example", False),
        ("https://r.example", "https://r.example@evil.example", False),
    ],
)
def test_credentials_stay_with_their_origin_or_its_upgrade(source, target, expected):
    assert expected is keeps_credentials(source, target)


@pytest.mark.parametrize(
    ("source", "location", "expected"),
    [
        (PUBLIC, "https://storage.example/x?sig=y", "https://storage.example/x?sig=y"),
        (PUBLIC, "/v2/b", "https://r.example/v2/b"),
        (PUBLIC, "y?z", "https://r.example/v2/a/blobs/y?z"),
        (PUBLIC, "?n=1", f"{PUBLIC}?n=1"),
        (PUBLIC, "//cdn.example/x", "https://cdn.example/x"),
        (PUBLIC, "https://10.0.0.1/x", "https://10.0.0.1/x"),
        (PUBLIC, "https://my_store.xn--n3h.com/x", "https://my_store.xn--n3h.com/x"),
        (PUBLIC, "https://[2001:db8::1]:5000/x", "https://[2001:db8::1]:5000/x"),
        ("http://[fe80::1%eth0]:5000/", "/v2/x", "http://[fe80::1%eth0]:5000/v2/x"),
        (PLAIN, "https://storage.example/x", "https://storage.example/x"),
        (PLAIN, "http://storage.example/x", "http://storage.example/x"),
        (LOCAL, "http://127.0.0.1:9000/x", "http://127.0.0.1:9000/x"),
        (LOCAL, "http://storage.example/x", "http://storage.example/x"),
    ],
)
def test_what_is_safe_is_followed(source, location, expected):
    assert expected == guard(source, location, registry="r", role="redirect")


@pytest.mark.parametrize(
    ("source", "location", "why"),
    [
        (PUBLIC, "http://r.example/v2/", "would give up encryption"),
        (PUBLIC, "http://storage.example/", "would give up encryption"),
        (PUBLIC, "ftp://storage.example/", "is not a plain HTTP address"),
        (PUBLIC, "file:///etc/passwd", "is not a plain HTTP address"),
        (PUBLIC, "javascript:alert(1)", "is not a plain HTTP address"),
        (PUBLIC, "http:///x", "is not a plain HTTP address"),
        (PUBLIC, "https://me@storage.example/", "is not a plain HTTP address"),
        (PUBLIC, "https://:pw@storage.example/", "is not a plain HTTP address"),
        (PUBLIC, "https://r.example\\@evil.example/", "is not a plain HTTP address"),
        (PUBLIC, "https://localhost\\.r.example/token", "is not a plain HTTP address"),
        (PUBLIC, "https://127.0.0.%31/", "is not a plain HTTP address"),
        (PUBLIC, "https://%6cocalhost/", "is not a plain HTTP address"),
        (PUBLIC, "https://１２７.0.0.1/", "is not a plain HTTP address"),
        (PUBLIC, "https://ⅼocalhost/", "is not a plain HTTP address"),
        (PUBLIC, "https://storage.example:port/", "is not a URL"),
        (PUBLIC, "https://storage.example:99999/", "is not a URL"),
        (PUBLIC, "https://[::1/", "is not a URL"),
        *((PUBLIC, f"https://{host}/", "is inside this machine") for host in INTERNAL[:7]),
        (PUBLIC, "https://[::1]/", "is inside this machine"),
        (PUBLIC, "https://[::ffff:127.0.0.1]:80/", "is inside this machine"),
        (PUBLIC, "https://2852039166/", "is inside this machine"),
        (PUBLIC, "//localhost/x", "is inside this machine"),
        (PLAIN, "http://169.254.169.254/latest/meta-data/", "is inside this machine"),
        ("https://10.0.0.1/v2/", "https://127.0.0.1/", "is inside this machine"),
    ],
)
def test_what_is_not_safe_is_refused(source, location, why):
    with pytest.raises(UnsafeRedirectError, match=why) as caught:
        guard(source, location, registry="team", role="token realm")

    assert "team answered" in str(caught.value)
    assert "token realm" in str(caught.value)
    assert source == caught.value.url


@pytest.mark.parametrize(
    "location", ["ftp://me:s3cret@x/?sig=s3cret", "https://me:s3cret@x:port/", "http://x/?s=s3cret"]
)
def test_a_refusal_shows_nothing_secret(location):
    with pytest.raises(UnsafeRedirectError) as caught:
        guard(f"{PUBLIC}?sig=s3cret", location, registry="r", role="redirect")

    assert "s3cret" not in str(caught.value) + repr(caught.value) + caught.value.url


@given(st.text() | st.text(alphabet="htps:/@[]127.\\ ?#%x"))
@example("https://\ud800/")
def test_no_location_raises_anything_else(location):
    for source in (PUBLIC, LOCAL):
        try:
            assert guard(source, location, registry="r", role="redirect").startswith("http")
        except UnsafeRedirectError:
            continue
