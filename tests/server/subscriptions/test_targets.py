import ipaddress

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghostnb.errors import ConfigError
from ghostnb.server.subscriptions.targets import Target, parse_target

HERE = ipaddress.ip_address("127.0.0.1")


@pytest.mark.parametrize(
    ("url", "expected", "authority"),
    [
        ("https://a.example", Target("https", "a.example", 443, "/"), "a.example"),
        ("HTTPS://A.Example:443/x", Target("https", "a.example", 443, "/x"), "a.example"),
        ("http://a.example/x?y=z", Target("http", "a.example", 80, "/x?y=z"), "a.example"),
        ("http://a.example?y", Target("http", "a.example", 80, "/?y"), "a.example"),
        ("http://10.0.0.1:8080/", Target("http", "10.0.0.1", 8080, "/"), "10.0.0.1:8080"),
        ("https://[2001:db8::1]/", Target("https", "2001:db8::1", 443, "/"), "[2001:db8::1]"),
        ("https://xn--n3h.com:444/%20", Target("https", "xn--n3h.com", 444, "/%20"),
         "xn--n3h.com:444"),
    ],
)  # fmt: skip
def test_the_parts_of_a_url_are_kept(url, expected, authority):
    found = parse_target(url)

    assert found == expected
    assert found.authority == authority


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "begins with https:// or http://"),
        ("a.example/x", "begins with https:// or http://"),
        ("ftp://a.example/", "begins with https:// or http://"),
        ("file:///etc/passwd", "begins with https:// or http://"),
        ("javascript:alert(1)", "begins with https:// or http://"),
        ("https:///x", "begins with https:// or http://"),
        ("https://[::1", "is not a URL"),
        ("https://a.example:99999/", "has a port that cannot be one"),
        ("https://a.example:x/", "has a port that cannot be one"),
        ("https://a.example:0/", "has a port that cannot be one"),
        ("https://me@a.example/", "holds a user name"),
        ("https://me:pw@a.example/", "holds a user name"),
        ("https://@a.example/", "holds a user name"),
        ("https://a.example\\@b.example/", "holds a user name"),
        ("https://a.example\\.b.example/", "others may read differently"),
        ("https://127.0.0.%31/", "others may read differently"),
        ("https://[fe80::1%eth0]/", "others may read differently"),
        ("https://１２７.0.0.1/", "must be written as %XX"),
        ("https://a.example/ü", "must be written as %XX"),
        ("https://a.exa\nmple/", "must be written as %XX"),
        ("https://a.example/ x", "must be written as %XX"),
        ("https://a.example/#x", "has a fragment"),
        ("https://a.example/" + "x" * 2000, "is longer than 2,000 characters"),
        (None, "is no text"),
        (["https://a.example/"], "is no text"),
    ],
)
def test_what_is_no_plain_http_address_is_refused_with_the_reason(url, why):
    with pytest.raises(ConfigError, match=f"The webhook's URL .* {why}"):
        parse_target(url, allow_internal=True)


INTERNAL = [
    "localhost", "LOCALHOST", "localhost.", "a.localhost", "127.0.0.1", "127.1", "2130706433",
    "0x7f000001", "0177.1", "0.0.0.0", "0", "127.0.0.1.", "[::1]", "[::]", "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]", "169.254.169.254", "[::ffff:169.254.169.254]", "2852039166", "[fe80::1]",
    "224.0.0.1", "[ff02::1]", "255.255.255.255", "[fd00:ec2::254]", "100.100.100.200",
]  # fmt: skip


@pytest.mark.parametrize("host", INTERNAL)
def test_this_machine_and_what_is_near_it_is_refused_unless_it_is_allowed(host):
    with pytest.raises(ConfigError, match=r"leads to (this machine|an? )"):
        parse_target(f"http://{host}:8888/api")

    assert parse_target(f"http://{host}:8888/api", allow_internal=True).port == 8888


@pytest.mark.parametrize("host", ["10.0.0.1", "192.168.1.1", "[fd12::1]", "hooks.corp", "1.1"])
def test_private_networks_are_allowed(host):
    assert parse_target(f"http://{host}/").port == 80


def test_a_refusal_shows_no_secret():
    for url in ("https://me:s3cret@a.example/", "ftp://a/?token=s3cret", "https://a/?b=s3cret#x"):
        with pytest.raises(ConfigError) as caught:
            parse_target(url)
        assert "s3cret" not in str(caught.value)


def test_a_target_does_not_show_its_path():
    assert "s3cret" not in repr(parse_target("https://a.example/s3cret?x=s3cret"))


def test_the_name_for_the_certificate_has_no_dot_at_its_end():
    found = parse_target("https://a.example./")

    assert (found.server_name, found.authority) == ("a.example", "a.example.")


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40))
def test_what_is_taken_is_asked_at_the_address_and_nowhere_else(rest):
    try:
        target = parse_target(f"https://a.example{rest}")
    except ConfigError:
        return
    request = httpx2.Request("POST", target.url_at(HERE))

    assert (request.url.scheme, request.url.host) == ("https", "127.0.0.1")
    assert (request.url.port or 443) == target.port
