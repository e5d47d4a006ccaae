import pytest

from ghostnb.wire.rate_limits import RateLimit, parse_rate_limit


@pytest.mark.parametrize(
    ("limit", "remaining", "expected"),
    [
        # Docker, "Docker Hub pull usage and limits"
        ("100;w=21600", "76;w=21600", RateLimit(100, 76, 21600)),
        ("100", "76", RateLimit(100, 76, None)),
        ("100;w=21600", None, RateLimit(100, None, 21600)),
        (None, "76;w=21600", RateLimit(None, 76, 21600)),
        (" 100 ; w=21600 ", "0;w=21600", RateLimit(100, 0, 21600)),
        ("100;burst=5", "76", RateLimit(100, 76, None)),
        (None, None, None),
        ("", "", None),
        ("many", "few", None),
        ("-1", "-1", None),
        ("1" * 5000, "²", None),
        ("100;w=x", "many", RateLimit(100, None, None)),
    ],
)
def test_the_headers_say_how_many_pulls_are_left(limit, remaining, expected):
    headers = {"ratelimit-limit": limit, "ratelimit-remaining": remaining}
    given = {name: value for name, value in headers.items() if value is not None}

    assert expected == parse_rate_limit(given)


def test_the_source_is_who_is_counted():
    headers = {"ratelimit-limit": "100;w=21600", "docker-ratelimit-source": "192.0.2.1"}

    assert RateLimit(100, None, 21600, "192.0.2.1") == parse_rate_limit(headers)
    assert None is parse_rate_limit({"docker-ratelimit-source": "192.0.2.1"})
