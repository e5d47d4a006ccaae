import base64
import traceback
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from ghostnb.errors import ProtocolError, UnauthorizedError, UnsafeRedirectError
from ghostnb.wire.challenges import Challenge
from ghostnb.wire.messages import Reply, Request
from ghostnb.wire.tokens import Credentials, Token, decode_token, token_realm, token_request

SCOPES = ("repository:team/app:pull", "registry:catalog:*")
PASSWORD = Credentials("me", "s3cret")
IDENTITY = Credentials("me", identity_token="s3cret")


def ask(
    realm: str = "https://r.example/token",
    *,
    url: str = "https://r.example",
    credentials: Credentials | None = None,
    scopes: tuple[str, ...] = SCOPES,
    service: str = "a service",
    token_host: str = "",
) -> Request:
    challenge = Challenge("bearer", realm, service)
    return token_request(
        challenge, scopes, credentials, registry="team", registry_url=url, token_host=token_host
    )


def reply(body: str | bytes, **headers: str) -> Reply:
    raw = body.encode() if isinstance(body, str) else body
    return Reply(200, headers, raw, "https://auth.example/token?account=s3cret")


def test_an_anonymous_token_is_asked_for_by_get():
    request = ask()

    assert (request.method, request.headers, request.body) == ("GET", {}, b"")
    assert request.url[:24] == "https://r.example/token?"
    assert [("service", "a service"), *(("scope", scope) for scope in SCOPES)] == parse_qsl(
        urlsplit(request.url).query
    )


def test_a_password_goes_into_the_authorization_header_and_nowhere_else():
    request = ask(credentials=PASSWORD)

    assert request.headers == {"authorization": "Basic bWU6czNjcmV0"}
    assert parse_qs(urlsplit(request.url).query)["account"] == ["me"]
    assert "s3cret" not in request.url + request.what + repr(request)


def test_a_password_may_have_any_character():
    pair = base64.b64decode(Credentials("mé", "p:ä🔑").basic().removeprefix("Basic "))

    assert pair.decode() == "mé:p:ä🔑"


def test_an_identity_token_is_exchanged_by_an_oauth2_form():
    request = ask(credentials=IDENTITY)

    assert (request.method, request.url) == ("POST", "https://r.example/token")
    assert request.headers == {"content-type": "application/x-www-form-urlencoded"}
    assert {
        "grant_type": "refresh_token",
        "service": "a service",
        "client_id": "ghostnb",
        "scope": " ".join(SCOPES),
        "refresh_token": "s3cret",
    } == dict(parse_qsl(request.body.decode()))
    assert "s3cret" not in request.url + request.what + repr(request)


@pytest.mark.parametrize("credentials", [PASSWORD, IDENTITY])
def test_credentials_are_never_shown(credentials):
    assert repr(credentials) == "Credentials(username='me')"


def test_a_token_is_never_shown():
    assert repr(Token("s3cret", 60)) == "Token(lifetime_seconds=60)"


@pytest.mark.parametrize(
    ("realm", "service", "expected"),
    [
        ("https://r.example/token", "", "https://r.example/token?scope=a%3Ab"),
        ("https://r.example/t", "s", "https://r.example/t?service=s&scope=a%3Ab"),
        ("https://r.example/t?x=y", "s", "https://r.example/t?x=y&service=s&scope=a%3Ab"),
        ("/token", "s", "https://r.example/token?service=s&scope=a%3Ab"),
    ],
)
def test_the_query_is_added_to_the_realm(realm, service, expected):
    assert expected == ask(realm, service=service, scopes=("a:b",)).url


@pytest.mark.parametrize(
    ("scopes", "what"),
    [(SCOPES, f"a token for {' '.join(SCOPES)}"), ((), "a token for the registry")],
)
def test_a_token_request_says_in_words_what_it_asks_for(scopes, what):
    assert what == ask(scopes=scopes).what


RELATED = [
    ("https://r.example", "https://r.example/token"),
    ("https://r.example:5000", "https://r.example:5001/token"),
    ("http://r.example", "https://r.example/token"),
    ("https://R.Example", "https://r.eXample/token"),
    ("https://registry-1.docker.io", "https://auth.docker.io/token"),
    ("https://index.docker.io", "https://auth.docker.io/token"),
    ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
    ("https://registry.digitalocean.com", "https://api.digitalocean.com/v2/registry/auth"),
    ("https://team.azurecr.io", "https://team.azurecr.io/oauth2/token"),
    ("https://team.example", "https://auth.team.example/token"),
    ("https://registry.shop.co.uk", "https://shop.co.uk/token"),
    ("http://localhost:5000", "http://localhost:5001/token"),
    ("http://10.0.0.1:5000", "http://10.0.0.1:5001/token"),
    ("http://[::1]:5000", "http://[::1]:5001/token"),
]
STRANGE = [
    ("https://registry.team.example", "https://auth.team.example/token"),
    ("https://registry.gitlab.com", "https://auth.gitlab.com/jwt/auth"),
    ("https://registry-1.docker.io", "https://evil.docker.io/token"),
    ("https://auth.docker.io", "https://registry-1.docker.io/token"),
    ("https://team.azurecr.io", "https://evil.azurecr.io/token"),
    ("https://team.azurecr.io", "https://azurecr.io/token"),
    ("https://team.azurecr.us", "https://azurecr.us/token"),
    ("https://1.dkr.ecr.eu-west-1.amazonaws.com", "https://ecr.eu-west-1.amazonaws.com/token"),
    ("https://shop.co.uk", "https://evil.co.uk/token"),
    ("https://shop.co.uk", "https://co.uk/token"),
    ("https://registry", "https://auth.registry/token"),
    ("https://r.example", "https://evil.example/token"),
    ("https://r.example", "https://example/token"),
    ("https://registry.gitlab.com", "https://evilgitlab.com/token"),
    ("https://registry.gitlab.com", "https://gitlab.com.evil.example/token"),
    ("https://r.example", "https://evilr.example/token"),
    ("http://localhost:5000", "http://r.example/token"),
    ("http://10.0.0.1", "http://0.0.1/token"),
    ("http://10.0.0.1", "http://9.0.0.1/token"),
    ("http://10.0.0.1", "http://x.10.0.0.1/token"),
    ("http://[2001:db8::1]", "http://[2001:db8::2]/token"),
    ("http://[::ffff:10.0.0.1]", "http://[::fffe:10.0.0.1]/token"),
]


@pytest.mark.parametrize(("url", "realm"), RELATED)
@pytest.mark.parametrize("credentials", [PASSWORD, IDENTITY])
def test_credentials_go_to_a_token_server_that_is_the_registrys_by_its_name(
    url, realm, credentials
):
    assert ask(realm, url=url, credentials=credentials).url.startswith(realm)


@pytest.mark.parametrize(("url", "realm"), STRANGE)
@pytest.mark.parametrize("credentials", [PASSWORD, IDENTITY])
def test_credentials_go_to_no_other_token_server(url, realm, credentials):
    with pytest.raises(UnauthorizedError, match="were not sent there") as caught:
        ask(realm, url=url, credentials=credentials)

    there = urlsplit(realm).hostname
    assert f'token_host = "{there}" in registries.toml' in caught.value.hint
    assert f'RegistryConfig(name, url, token_host="{there}")' in caught.value.hint
    assert realm == caught.value.url
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("url", "realm"), STRANGE)
def test_another_token_server_may_be_asked_without_credentials(url, realm):
    assert ask(realm, url=url).url.startswith(realm)
    assert ask(realm, url=url).headers == {}


def test_another_token_server_may_be_named_by_the_user():
    request = ask("https://auth.other/t", credentials=PASSWORD, token_host="Auth.other")

    assert {"authorization": PASSWORD.basic()} == request.headers
    with pytest.raises(UnauthorizedError):
        ask("https://evil.other/t", credentials=PASSWORD, token_host="auth.other")


@pytest.mark.parametrize(
    "realm",
    [
        "http://r.example/token",
        "http://auth.other/token",
        "https://localhost/token",
        "https://127.0.0.1/token",
        "https://[::ffff:169.254.169.254]/token",
        "https://169.254.169.254/latest/api/token",
        "https://me:pw@r.example/token",
        "file:///etc/passwd",
        "https://r.example:port/token",
    ],
)
@pytest.mark.parametrize("credentials", [None, PASSWORD])
def test_a_realm_that_is_not_safe_is_never_asked(realm, credentials):
    with pytest.raises(UnsafeRedirectError, match=r"team answered .* with a token realm"):
        ask(realm, credentials=credentials, token_host="127.0.0.1")


@pytest.mark.parametrize(
    ("body", "value", "lifetime"),
    [
        ('{"token": "t"}', "t", 60),
        ('{"access_token": "t"}', "t", 60),
        ('{"token": "t", "access_token": "other", "expires_in": 300}', "t", 300),
        ('{"token": "", "access_token": "t"}', "t", 60),
        ('{"token": null, "access_token": "t", "expires_in": null}', "t", 60),
        ('{"token": "t", "expires_in": 299.5, "issued_at": "2024-01-01T00:00:00Z"}', "t", 299.5),
        ('{"token": "t", "expires_in": 0}', "t", 60),
        ('{"access_token": "t", "refresh_token": "r", "scope": "s", "expires_in": 1}', "t", 1),
    ],
)
def test_a_token_comes_under_either_name_and_lives_a_minute_unless_said(body, value, lifetime):
    assert Token(value, lifetime) == decode_token(reply(body), registry="team")


@pytest.mark.parametrize(
    "body",
    ["{}", '{"token": ""}', '{"token": "a\\nb"}', '{"token": "\\u00fc"}', '{"token": null}'],
)
def test_an_answer_without_a_usable_token_is_refused(body):
    with pytest.raises(ProtocolError, match="answered without a token") as caught:
        decode_token(reply(body), registry="team")

    assert "s3cret" not in str(caught.value) + caught.value.url
    assert (caught.value.status, caught.value.registry) == (200, "team")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>s3cret</html>",
        b"[]",
        b'{"token": 5}',
        b'{"token": "s3cret", "expires_in": "x"}',
        b'{"token": "s3cret',
        b"\xff",
        b'{"x":' + b"[" * 100_000,
    ],
    ids=lambda body: repr(body[:20]),
)
def test_an_answer_that_cannot_be_read_is_refused_and_not_shown(body):
    with pytest.raises(
        ProtocolError, match="The token server of team answered with text/html"
    ) as e:
        decode_token(reply(body, **{"content-type": "text/html"}), registry="team")

    assert "s3cret" not in "".join(traceback.format_exception(e.value)) + e.value.url


def test_a_token_server_is_given_only_to_who_may_ask_it():
    challenge = Challenge("bearer", "https://gitlab.com/jwt/auth", "container_registry")
    theirs = {"registry": "team", "registry_url": "https://registry.example.com"}

    assert token_realm(challenge, None, **theirs) == challenge.realm
    assert token_realm(challenge, PASSWORD, **theirs, token_host="gitlab.com") == challenge.realm
    with pytest.raises(UnauthorizedError, match="were not sent there"):
        token_realm(challenge, PASSWORD, **theirs)
    with pytest.raises(UnsafeRedirectError):
        token_realm(Challenge("bearer", "https://127.0.0.1/jwt/auth"), None, **theirs)
