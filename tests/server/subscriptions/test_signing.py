import base64

import pytest

from ghostnb.errors import ConfigError
from ghostnb.server.subscriptions.signing import decode_secret, new_secret, signed_headers


def test_the_specifications_own_example_is_signed_alike():
    # standard-webhooks/standard-webhooks, the example of its libraries' tests
    key = decode_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    found = signed_headers(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')

    assert found == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_new_secrets_are_of_32_bytes_and_never_the_same():
    made = {new_secret() for _ in range(10)}

    assert len(made) == 10
    assert {len(decode_secret(secret)) for secret in made} == {32}


def of_bytes(count):
    return "whsec_" + base64.b64encode(b"\xfb" * count).decode()


@pytest.mark.parametrize("count", [24, 64])
def test_24_to_64_bytes_are_a_key(count):
    assert decode_secret(of_bytes(count)) == b"\xfb" * count


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "whsec_",
        "s3cret" * 6,
        "whsec_" + "s3cret! " * 6,
        "whsec_" + "ü" * 40,
        of_bytes(23),
        of_bytes(65),
        of_bytes(32).rstrip("="),
        of_bytes(32).removeprefix("whsec_"),
        of_bytes(32).replace("+", "-"),
        None,
        5,
    ],
)
def test_what_is_no_secret_is_refused_and_not_shown(secret):
    with pytest.raises(ConfigError, match="must be whsec_ and the base64 of 24 to 64") as caught:
        decode_secret(secret)

    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None
