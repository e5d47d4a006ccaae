"""What boto3 raises is of this package's tree, and tells no secret."""

from __future__ import annotations

import traceback

import botocore.exceptions as raised_by_boto
import pytest

from ghostnb.errors import (
    ForbiddenError,
    NotFoundError,
    ProtocolError,
    RateLimitedError,
    RegistryError,
    RejectedError,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnauthorizedError,
    UnsupportedError,
)
from tests.parts.images import plain_image
from tests.registries.vendors.ecr.replay import PASSWORD, document
from tests.registries.vendors.ecr.runs import REPOSITORIES, listed, run
from tests.warned import told

LOGIN = {"username": "AWS", "password": PASSWORD}
URL = "https://api.ecr.eu-west-1.amazonaws.com/"


def refusal(ecr, **options):
    """Give the error itself, before the lists fall back."""

    async def work(registry):
        with pytest.raises(RegistryError) as raised:
            await registry._vendor._api.read("describe_images", dict, "images", **PLACE)
        return raised.value

    return run(ecr, work, **options)


PLACE = {"registryId": "123456789012", "repositoryName": "team/web"}


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("UnrecognizedClientException", 400, UnauthorizedError),
        ("InvalidSignatureException", 400, UnauthorizedError),
        ("ExpiredTokenException", 400, UnauthorizedError),
        ("AccessDeniedException", 400, ForbiddenError),
        ("RepositoryNotFoundException", 400, NotFoundError),
        ("ImageNotFoundException", 400, NotFoundError),
        ("ThrottlingException", 400, RateLimitedError),
        ("ServerException", 500, ServerError),
        ("InvalidParameterException", 400, RejectedError),
        ("UnsupportedCommandException", 400, UnsupportedError),
        ("NeverHeardOf", 400, RejectedError),
        ("NeverHeardOf", 403, ForbiddenError),
        ("NeverHeardOf", 429, RateLimitedError),
        ("NeverHeardOf", 503, ServerError),
    ],
)
def test_codes_tell_what_statuses_do_not(aws, ecr, code, status, kind):
    aws.refuse("describe_images", code, "As it says.", status)

    error = refusal(ecr)

    assert type(error) is kind
    assert f"aws asked Amazon in eu-west-1 for images was refused ({code}: As it says.)" in str(
        error
    )
    assert (error.registry, error.diagnostics[0].code, error.status) == ("aws", code, None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (raised_by_boto.NoCredentialsError(), UnauthorizedError),
        (raised_by_boto.SSOTokenLoadError(error_msg="none"), UnauthorizedError),
        (
            raised_by_boto.CredentialRetrievalError(provider="custom-process", error_msg="x"),
            UnauthorizedError,
        ),
        (raised_by_boto.EndpointConnectionError(endpoint_url=URL), TransportError),
        (raised_by_boto.SSLError(endpoint_url=URL, error="self-signed"), TransportError),
        (raised_by_boto.ProxyConnectionError(proxy_url="http://proxy:1"), TransportError),
        (raised_by_boto.ConnectionClosedError(endpoint_url=URL), TransportError),
        (raised_by_boto.ConnectTimeoutError(endpoint_url=URL), TransportTimeoutError),
        (raised_by_boto.ReadTimeoutError(endpoint_url=URL), TransportTimeoutError),
        (raised_by_boto.NoRegionError(), UnsupportedError),
        (raised_by_boto.EndpointResolutionError(msg="No FIPS"), UnsupportedError),
        (raised_by_boto.ParamValidationError(report="too short"), RejectedError),
        (ValueError("not a date"), ProtocolError),
        (raised_by_boto.DataNotFoundError(data_path="x"), RegistryError),
    ],
)
def test_what_boto_raises_itself_is_of_the_class_that_fits(aws, ecr, error, kind):
    aws.raise_next(error)

    caught = refusal(ecr)

    assert isinstance(caught, kind)
    assert (type(caught) is RegistryError) == (kind is RegistryError)
    assert "aws asked Amazon in eu-west-1 for images: " in str(caught)


def test_no_secret_is_in_what_is_told(aws, ecr):
    signed = "The request signature does not match.\n\nThe string was\nx-amz-security-token:s3cr3t"
    aws.refuse("describe_images", "InvalidSignatureException", signed, 400)

    error = refusal(ecr)

    shown = "".join(traceback.format_exception(error)) + repr(vars(error))
    assert "signature does not match" in shown
    assert "s3cr3t" not in shown
    assert "clock" in error.hint


def test_no_password_is_shown(aws, ecr):
    from tests.registries.vendors.ecr.replay import authorization

    aws.expect("get_authorization_token", authorization())
    ecr.held.add("team/web:1.2", plain_image("web"))

    async def work(registry):
        await listed("tags", "team/web")(registry)
        vendor = registry._vendor
        return repr(registry) + repr(vendor) + repr(vendor._api) + repr(vendor._api._sdk)

    shown = run(ecr, work)
    assert PASSWORD not in shown
    assert "k3y" not in shown


@pytest.mark.parametrize("token", ["", "no-base64!", "QVdT", "QVdTOg==", "OnB3"])
def test_a_password_that_cannot_be_read_is_an_error_that_does_not_show_it(aws, ecr, token):
    reply = document("authorization_token")
    reply["authorizationData"][0]["authorizationToken"] = token
    aws.expect("get_authorization_token", reply)

    async def work(registry):
        with pytest.raises(ProtocolError, match="a password for the registry") as raised:
            await registry._vendor._api.grant()
        return str(raised.value)

    said = run(ecr, work)
    assert not token or token not in said


# Lists fall back


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"message": "<html>Sign in</html>"},
        {"repositories": "none"},
        {"repositories": [{}]},
        {"repositories": [{"repositoryName": 7}]},
    ],
)
def test_an_answer_that_is_none_of_amazons_leaves_the_registrys_own_list(
    aws, ecr, reply, monkeypatch
):
    ecr.held.add("team/web:1.2", plain_image("web"))
    monkeypatch.setattr("ghostnb.registries.vendors.ecr.sdk.SDK.call", lambda *_: reply)

    with pytest.warns(UserWarning, match="Amazon ECR's own API was no help with repositories"):
        (found,) = run(ecr, listed("repositories"), **LOGIN)

    assert found.repository == "team/web"


def test_a_web_page_in_place_of_an_answer_leaves_the_registrys_own_list(keys, ecr, sent):
    # As a proxy's, with 200: here it is empty.
    ecr.held.add("team/web:1.2", plain_image("web"))

    with pytest.warns(UserWarning, match="repositories"):
        (found,) = run(ecr, listed("repositories"), **LOGIN)

    assert found.repository == "team/web"
    assert [request.headers["X-Amz-Target"].rpartition(b".")[2] for request in sent] == [
        b"DescribeRepositories"
    ]


def test_what_is_forbidden_leaves_the_registrys_own_list(aws, ecr):
    ecr.held.add("team/web:1.2", plain_image("web"))
    aws.refuse("describe_images", "AccessDeniedException", "Not you.")

    with pytest.warns(UserWarning, match=r"tag details.*AccessDeniedException: Not you") as warned:
        (found,) = run(ecr, listed("tag_details", "team/web"), **LOGIN)

    assert (found.tag, found.platforms) == ("1.2", ("linux/amd64",))
    assert len(told(warned)) == 1


def test_a_repository_that_is_not_there(aws, ecr):
    aws.refuse("describe_images", "RepositoryNotFoundException")

    with pytest.raises(NotFoundError, match=r"NAME_UNKNOWN.*before the first push"):
        run(ecr, listed("tag_details", "team/gone"), **LOGIN)


def test_a_list_that_breaks_off_goes_on_at_the_registry(aws, ecr):
    ecr.held.add("team/web:1.2", plain_image("web"))
    ecr.held.add("team-c/more:1", plain_image("more"))
    page = document("describe_repositories") | {"nextToken": "x"}
    aws.expect("describe_repositories", page, **REPOSITORIES)
    aws.refuse("describe_repositories", "ServerException", status=500)

    with pytest.warns(UserWarning, match="ServerException"):
        found = [one.repository for one in run(ecr, listed("repositories"), **LOGIN)]

    assert found == ["team/web", "team-b/tools.old_x", "team-c/more"]


# Rights


def rights(registry):
    return registry._vendor.rights()


def test_rights_are_whose_the_aws_credentials_are(aws, ecr):
    for _ in range(3):
        aws.expect("sts.get_caller_identity", document("caller_identity"))

    told = run(ecr, rights)
    assert told.startswith("arn:aws:iam::123456789012:user/ada; ")
    other = run(ecr, rights, url="https://210987654321.dkr.ecr.eu-west-1.amazonaws.com")
    assert "(account 123456789012, not the registry's)" in other
    assert "the configured user for images" in run(ecr, rights, **LOGIN)


@pytest.mark.parametrize("code", ["InvalidClientTokenId", "SignatureDoesNotMatch", "ExpiredToken"])
def test_wrong_credentials_have_no_rights(aws, ecr, code):
    aws.refuse("sts.get_caller_identity", code, status=403)

    with pytest.raises(UnauthorizedError, match=code):
        run(ecr, rights)


def test_no_credentials_have_no_rights(ecr):
    with pytest.raises(UnauthorizedError, match="Unable to locate credentials"):
        run(ecr, rights)


def test_a_ping_says_whose_the_credentials_are(aws, ecr):
    from tests.registries.vendors.ecr.replay import authorization

    aws.expect("get_authorization_token", authorization())
    aws.expect("sts.get_caller_identity", document("caller_identity"))

    ping = run(ecr, lambda registry: registry.ping())

    assert ping.authenticated
    assert "user/ada" in ping.rights
