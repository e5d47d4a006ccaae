"""Passwords for private registries: by boto3 where it is, else as they are configured."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import threading
import time
import traceback

import boto3
import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    EndpointConnectionError,
    PartialCredentialsError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)
from botocore.httpsession import URLLib3Session

from ghostnb.errors import ForbiddenError, TransportError, UnauthorizedError, UnsupportedError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.session import credentials as source
from ghostnb.registries.vendors.ecr import sdk
from ghostnb.registries.vendors.ecr.hosts import private_place
from tests.parts.images import plain_image
from tests.registries.vendors.ecr.replay import HOST, PASSWORD, authorization
from tests.registries.vendors.ecr.runs import URL, listed, run
from tests.warned import told


@pytest.fixture
def image(ecr):
    made = plain_image("web")
    ecr.held.add("team/web:1.2", made)
    return made


@pytest.fixture
def docker(home):
    """Let Docker be logged in."""
    pair = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
    path = home / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"auths": {HOST: {"auth": pair}}}))


@pytest.fixture
def no_boto3(monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] in ("boto3", "botocore")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.setitem(sys.modules, "botocore", None)


def test_aws_credentials_get_a_password_which_is_the_registrys_alone(aws, ecr, image):
    aws.expect("get_authorization_token", authorization())

    async def work(registry):
        found = await registry.manifest("team/web", "1.2")
        return found.digest, await registry.blob("team/web", found.config)

    digest, config = run(ecr, work)

    assert digest == image.digest
    assert json.loads(config) == image.config
    assert aws.asked == ["GetAuthorizationToken"]
    assert ecr.count("GET https://prod-eu-west-1-starport") == 1


def test_many_questions_get_one_password(aws, ecr, image):
    aws.expect("get_authorization_token", authorization())

    async def work(registry):
        await asyncio.gather(*(listed("tags", "team/web")(registry) for _ in range(8)))

    run(ecr, work)
    assert [service for service, _ in aws.made] == ["ecr"]


def test_a_configured_password_comes_first(aws, ecr, image):
    options = {"username": "AWS", "password": PASSWORD}

    assert run(ecr, listed("tags", "team/web"), **options) == ["1.2"]
    assert aws.made == []


def test_tags_come_by_the_thousand_where_a_token_leads_on(aws, ecr):
    aws.expect("get_authorization_token", authorization())
    for n in range(1500):
        ecr.held.images[f"team/web:1.{n}"] = None

    assert len(set(run(ecr, listed("tags", "team/web")))) == 1500
    assert ecr.count(f"GET {URL}/v2/team/web/tags/list") == 3  # the first was without a password


@pytest.mark.parametrize("hours", [0.1, -1])
def test_a_password_is_renewed_before_it_is_over(aws, ecr, image, monkeypatch, hours):
    monkeypatch.setattr(source, "_KEEP_SECONDS", 0.0)
    aws.expect("get_authorization_token", authorization("first", hours))
    aws.expect("get_authorization_token", authorization("second"))
    ecr.passwords = {"first", "second"}

    async def work(registry):
        await registry.resolve("team/web", "1.2")
        ecr.passwords.remove("first")
        await registry.resolve("team/web", "1.2")
        await registry.resolve("team/web", "1.2")

    run(ecr, work)
    assert aws.asked == ["GetAuthorizationToken"] * 2
    assert ecr.refused == 0


def test_a_password_that_is_refused_is_renewed_once(aws, ecr, image, monkeypatch):
    monkeypatch.setattr(source, "_PAUSE_SECONDS", 0.0)
    aws.expect("get_authorization_token", authorization("first"))
    aws.expect("get_authorization_token", authorization("second"))
    ecr.passwords = {"first", "second"}

    async def work(registry):
        await registry.resolve("team/web", "1.2")
        ecr.passwords.remove("first")
        await registry.resolve("team/web", "1.2")

    run(ecr, work)
    assert ecr.refused == 1
    # With AWS credentials looked up anew.
    assert len(aws.made) == 2


def test_aws_credentials_that_are_refused_are_looked_up_anew(aws, ecr, image, monkeypatch):
    aws.refuse("get_authorization_token", "UnrecognizedClientException")
    aws.expect("get_authorization_token", authorization())

    async def work(registry):
        with pytest.raises(UnauthorizedError, match="UnrecognizedClientException"):
            await listed("tags", "team/web")(registry)
        # Who was told so looks into it, and tries again.
        monkeypatch.setattr(source, "_PAUSE_SECONDS", 0.0)
        return await listed("tags", "team/web")(registry)

    assert run(ecr, work) == ["1.2"]
    assert len(aws.made) == 2


def test_a_password_that_is_over_is_said_and_renewed(aws, ecr, image, monkeypatch):
    aws.expect("get_authorization_token", authorization("first"))
    aws.expect("get_authorization_token", authorization("second"))
    ecr.passwords = {"first", "second"}

    async def work(registry):
        await registry.resolve("team/web", "1.2")
        ecr.passwords.remove("first")
        ecr.expired.add("first")
        with pytest.raises(ForbiddenError, match=r"has expired.*try again") as raised:
            await registry.manifest("team/web", "1.2")
        monkeypatch.setattr(source, "_KEEP_SECONDS", 0.0)
        await registry.resolve("team/web", "1.2")
        return str(raised.value)

    said = run(ecr, work)
    assert "first" not in said


def test_without_aws_credentials_dockers_are_used(ecr, image, docker):
    assert run(ecr, listed("tags", "team/web")) == ["1.2"]


def test_without_boto3_everything_works_by_dockers_credentials(no_boto3, ecr, image, docker):
    with pytest.warns(UserWarning, match=r"pip install 'ghostnb\[aws\]'") as warned:
        (repository,) = run(ecr, listed("repositories"))
        (found,) = run(ecr, listed("search", "web", limit=5))
        (tag,) = run(ecr, listed("tag_details", "team/web"))

    assert repository.repository == found.repository == "team/web"
    assert (tag.digest, tag.platforms) == (image.digest, ("linux/amd64",))
    # One for each list: what is searched is listed, too.
    assert len(told(warned)) == 4
    with pytest.raises(UnsupportedError, match="boto3"):
        run(ecr, lambda registry: registry.delete_tag("team/web", "1.2"))


def test_without_boto3_a_profile_is_an_error(no_boto3, ecr, docker):
    with pytest.raises(UnsupportedError, match=r"pip install 'ghostnb\[aws\]'"):
        run(ecr, listed("tags", "team/web"), profile="work")


def test_without_any_credentials_it_says_how_to_get_some(ecr):
    with pytest.raises(UnauthorizedError, match=r"Unable to locate credentials.*Log in: aws ecr"):
        run(ecr, listed("tags", "team/web"))

    with pytest.raises(UnauthorizedError, match=f"docker login .* --password-stdin {HOST}"):
        run(ecr, listed("tags", "team/web"))
    with pytest.raises(UnauthorizedError, match="Unable to locate credentials"):
        run(ecr, listed("repositories"))


def test_a_fallback_warns_once(ecr, image, docker):
    async def work(registry):
        for _ in range(3):
            await listed("repositories")(registry)

    with pytest.warns(UserWarning, match="Unable to locate credentials") as warned:
        run(ecr, work)
    assert len(told(warned)) == 1


def test_who_logs_in_after_an_error_is_found(ecr, image, no_credentials, monkeypatch):
    monkeypatch.setattr(source, "_PAUSE_SECONDS", 0.0)
    stubbed = []

    async def work(registry):
        with pytest.raises(UnauthorizedError):
            await listed("tags", "team/web")(registry)
        (no_credentials / "credentials").write_text(
            "[default]\naws_access_key_id = AKIDTEST\naws_secret_access_key = k3y\n"
        )
        monkeypatch.setattr(boto3.Session, "client", lambda *_, **__: FakeClient(stubbed))
        return await listed("tags", "team/web")(registry)

    assert run(ecr, work) == ["1.2"]
    assert stubbed == ["get_authorization_token"]


class FakeClient:
    """A client of which only one operation is called."""

    def __init__(self, asked):
        self._asked = asked

    def get_authorization_token(self):
        self._asked.append("get_authorization_token")
        return authorization()


def test_looking_anew_waits_for_no_thread_that_looks(aws, monkeypatch):
    looked, let_go = threading.Event(), threading.Event()
    config = RegistryConfig("aws", URL)
    made = sdk.SDK(config, private_place(HOST))
    find = made._new_session

    def slowly():
        looked.set()
        assert let_go.wait(20)
        return find()

    monkeypatch.setattr(made, "_new_session", slowly)
    aws.expect("get_authorization_token", authorization())
    asking = threading.Thread(target=made.call, args=("ecr", "get_authorization_token", "it", {}))
    forgetting = threading.Thread(target=made.forget, daemon=True)
    asking.start()
    assert looked.wait(20)
    forgetting.start()
    forgetting.join(2)
    has_waited = forgetting.is_alive()
    let_go.set()
    asking.join(20)

    assert not has_waited, "the event loop would have stood still"
    # What was looked up before that is not kept.
    assert made._held.session is None


# Profiles


def test_the_profile_is_the_registrys(ecr, image, no_credentials, monkeypatch):
    seen = []
    (no_credentials / "config").write_text(
        "[profile work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = k3y\n"
    )
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")

    def client(session, service, **options):
        seen.append((session.profile_name, session.get_credentials().access_key))
        return FakeClient([])

    monkeypatch.setattr(boto3.Session, "client", client)

    assert run(ecr, listed("tags", "team/web"), profile="work") == ["1.2"]
    assert seen == [("work", "AKIDWORK")]


def test_a_profile_that_is_not_there_is_an_error_though_docker_has_a_password(ecr, image, docker):
    with pytest.raises(UnauthorizedError, match=r"\(work\) could not be found.*list-profiles"):
        run(ecr, listed("tags", "team/web"), profile="work")


def test_a_profile_without_credentials_gets_nobody_elses(ecr, docker, no_credentials, monkeypatch):
    (no_credentials / "config").write_text("[profile work]\nregion = eu-west-1\n")
    (no_credentials / "of_ec2").write_text("AWSAccessKeyId=AKIDFILE\nAWSSecretKey=k3y\n")
    monkeypatch.setenv("AWS_CREDENTIAL_FILE", str(no_credentials / "of_ec2"))
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/credentials")
    # The fixture fails where an instance's metadata is asked for.
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")

    with pytest.raises(UnauthorizedError, match="Unable to locate credentials"):
        run(ecr, listed("tags", "team/web"), profile="work")


def test_a_profile_of_the_environment_that_is_not_there_leaves_dockers_password(
    ecr, image, docker, monkeypatch
):
    monkeypatch.setenv("AWS_PROFILE", "gone")

    assert run(ecr, listed("tags", "team/web")) == ["1.2"]
    with pytest.warns(UserWarning, match=r"\(gone\) could not be found"):
        assert len(run(ecr, listed("repositories"))) == 1


def test_files_that_cannot_be_read_are_said(ecr, no_credentials):
    (no_credentials / "config").write_text("[profile\n")

    with pytest.raises(UnauthorizedError, match="Unable to parse config file"):
        run(ecr, listed("tags", "team/web"), profile="work")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UnauthorizedSSOTokenError(), "aws sso login --profile work"),
        (TokenRetrievalError(provider="sso", error_msg="expired"), "aws sso login --profile work"),
        (PartialCredentialsError(provider="env", cred_var="secret_key"), "get-caller-identity"),
    ],
)
def test_credentials_that_are_over_are_said_with_the_way_on(
    aws, ecr, error, words, no_credentials, docker
):
    (no_credentials / "config").write_text(
        "[profile work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = k3y\n"
    )
    aws.raise_next(error)

    with pytest.raises(UnauthorizedError) as raised:
        run(ecr, listed("tags", "team/web"), profile="work")
    assert words in str(raised.value)


def test_credentials_that_are_over_leave_dockers_password_where_no_profile_is_named(
    aws, ecr, image, docker
):
    aws.raise_next(UnauthorizedSSOTokenError())

    assert run(ecr, listed("tags", "team/web")) == ["1.2"]


def test_credentials_that_are_over_are_in_the_registrys_refusal(aws, ecr):
    aws.raise_next(UnauthorizedSSOTokenError())

    with pytest.raises(UnauthorizedError, match=r"SSO session .* has expired.*aws sso login\b"):
        run(ecr, listed("tags", "team/web"))


def test_an_api_that_is_not_there_leaves_dockers_password(aws, ecr, image, docker):
    aws.raise_next(EndpointConnectionError(endpoint_url="https://api.ecr.eu-west-1.amazonaws.com"))

    assert run(ecr, listed("tags", "team/web")) == ["1.2"]


def test_an_api_that_is_not_there_is_an_error_where_a_profile_is_named(
    aws, ecr, no_credentials, docker
):
    (no_credentials / "config").write_text(
        "[profile work]\naws_access_key_id = AKIDWORK\naws_secret_access_key = k3y\n"
    )
    for _ in range(2):
        aws.raise_next(EndpointConnectionError(endpoint_url="https://api.ecr.eu-west-1.aws"))

    with pytest.raises(TransportError, match="Could not connect to the endpoint"):
        run(ecr, listed("tags", "team/web"), profile="work")


@pytest.mark.parametrize("output", ["no JSON: s3cr3t", '{"Version": 1, "SecretAccessKey": "s3cr3t'])
def test_a_program_that_prints_no_credentials_is_said_and_not_shown(ecr, no_credentials, output):
    printed = no_credentials / "printed"
    printed.write_text(output)
    (no_credentials / "config").write_text(f"[profile work]\ncredential_process = cat {printed}\n")

    with pytest.raises(UnauthorizedError, match="custom-process") as raised:
        run(ecr, listed("tags", "team/web"), profile="work")
    assert "s3cr3t" not in "".join(traceback.format_exception(raised.value))


# The metadata of an instance


def test_an_instances_metadata_is_asked_for_once_where_nobody_answers(
    ecr, image, docker, monkeypatch
):
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    asked = []

    def send(self, request):
        asked.append((request.url, self._timeout))
        raise ConnectTimeoutError(endpoint_url=request.url)

    monkeypatch.setattr(URLLib3Session, "send", send)

    for _ in range(3):
        assert run(ecr, listed("tags", "team/web")) == ["1.2"]

    # A second for each, if the user has not said more.
    assert len(asked) == 2
    assert all(url.startswith("http://169.254.169.254/") for url, _ in asked)
    assert {timeout for _, timeout in asked} == {1}


def test_an_instances_metadata_is_asked_for_again_after_a_while(ecr, monkeypatch):
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    elapsed, asked = [0.0], []
    real = time.monotonic
    monkeypatch.setattr(sdk.time, "monotonic", lambda: real() + elapsed[0])

    def send(self, request):
        asked.append(request.url)
        raise ConnectTimeoutError(endpoint_url=request.url)

    monkeypatch.setattr(URLLib3Session, "send", send)

    for seconds in (0, 500, 700):
        elapsed[0] = seconds
        with pytest.raises(UnauthorizedError):
            run(ecr, listed("repositories"))

    assert len(asked) == 4
