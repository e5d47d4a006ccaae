"""Which hosts are Amazon's, and where the API of each is."""

from __future__ import annotations

import asyncio
import re

import pytest

from ghostnb.errors import RegistryError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from tests.registries.vendors.ecr.replay import ACCOUNT, HOST, REPLIES, ECRReplay, authorization
from tests.registries.vendors.ecr.runs import URL, listed, run

PRIVATE = {
    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com": "api.ecr.eu-west-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.us-gov-west-1.amazonaws.com": "api.ecr.us-gov-west-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com": "ecr-fips.us-east-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn": "api.ecr.cn-north-1.amazonaws.com.cn",
    f"{ACCOUNT}.dkr-ecr.eu-west-1.on.aws": "ecr.eu-west-1.api.aws",
    f"{ACCOUNT}.dkr-ecr-fips.us-east-1.on.aws": "ecr-fips.us-east-1.api.aws",
    f"{ACCOUNT}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn": (
        "ecr.cn-north-1.api.amazonwebservices.com.cn"
    ),
    f"{ACCOUNT}.dkr.ecr.us-iso-east-1.c2s.ic.gov": "api.ecr.us-iso-east-1.c2s.ic.gov",
    f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu": "api.ecr.eusc-de-east-1.amazonaws.eu",
}
NOBODYS = [
    f"{HOST}.evil.example",
    f"evil-{HOST}",
    f"x.{HOST}",
    "1234.dkr.ecr.eu-west-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com.evil",
    f"{ACCOUNT}.dkr.ecr.eu.west.amazonaws.com",
    f"{ACCOUNT}.dkrxecr.eu-west-1.amazonaws.com",
    f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.org",
    "bucket.s3.eu-west-1.amazonaws.com",
    "public.ecr.aws.evil.example",
    "notpublic.ecr.aws",
]


def kind_at(url, **options):
    return HTTPRegistry(RegistryConfig("aws", url, **options)).kind


@pytest.mark.parametrize("host", PRIVATE)
def test_private_registries_are_known_by_their_hosts(host):
    assert kind_at(f"https://{host}") == "ecr"
    assert kind_at(f"https://{host.upper()}:443") == "ecr"


@pytest.mark.parametrize("host", ["public.ecr.aws", "ecr-public.aws.com"])
def test_the_public_registry_is_known_by_its_hosts(host):
    assert kind_at(f"https://{host}") == "ecr-public"


@pytest.mark.parametrize("host", NOBODYS)
def test_what_only_looks_so_is_not_amazons(host):
    assert kind_at(f"https://{host}") == "auto"


@pytest.mark.parametrize(("host", "api"), PRIVATE.items())
def test_the_api_is_the_hosts(keys, sent, host, api, monkeypatch):
    # Where another region is the user's own.
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    replay = ECRReplay(host)
    replay.passwords = set()

    # An empty answer is none of Amazon's: the registry is asked, which lets nobody in here.
    with pytest.raises(RegistryError):
        run(replay, listed("repositories"), url=f"https://{host}")

    # botocore has changed the name of the one for FIPS.
    assert {one.url.replace("api.ecr-fips", "ecr-fips") for one in sent} == {f"https://{api}/"}
    region = re.search(r"ecr(?:-fips)?\.([a-z0-9-]+)", host)[1]
    assert {scope(one) for one in sent} == {f"{region}/ecr"}


def scope(request):
    """Give the part of an Authorization that names region and service, no secret."""
    sent = str(request.headers["Authorization"])
    return re.search(r"Credential=AKIDTEST/\d{8}/([^,]+)/aws4_request", sent)[1]


def test_something_between_is_known_by_what_it_wants_and_gets_nothing_of_aws(aws):
    host = "mirror.example.com"
    replay = ECRReplay(host)
    replay.hosts[host] = replay.hosts.pop(host)

    async def work(registry):
        with pytest.raises(RegistryError):
            await registry.ping()
        return registry.kind

    assert run(replay, work, url=f"https://{host}") == "ecr"
    assert aws.made == []


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("https://mirror.example.com", {"kind": "ecr"}),
        (URL, {"insecure": True}),
        (URL, {"stored_credentials": False}),
        (f"https://{HOST}:5000", {}),
        ("https://mirror.example.com", {"kind": "ecr-public"}),
    ],
)
def test_what_may_be_somebody_elses_gets_no_password_and_asks_no_api(aws, url, options):
    registry = HTTPRegistry(RegistryConfig("aws", url, **options))
    vendor = registry._vendor

    async def work():
        assert await vendor.credentials() is None
        assert await vendor.rights() == ""
        assert await vendor.check_deletable("team/web") is False
        assert await vendor.delete_tag("team/web", "1") is False

    asyncio.run(work())
    assert vendor.repositories(None) is None
    assert vendor.tag_details("team/web") is None
    assert vendor.search("x", limit=1) is None
    assert aws.made == []


def test_a_host_in_plain_http_gets_no_password(aws):
    registry = HTTPRegistry(RegistryConfig("aws", f"http://{HOST}", insecure=True))

    assert asyncio.run(registry._vendor.credentials()) is None


def test_what_its_own_api_does_is_told(aws, ecr):
    aws.expect("get_authorization_token", authorization())
    aws.refuse("sts.get_caller_identity", "InternalFailure", status=500)

    async def work(registry):
        return await registry.ping()

    ping = run(ecr, work)
    offered = ("repositories", "tag details", "search", "tag deletion")
    assert (ping.kind, ping.offers) == ("ecr", offered)


def test_every_reply_names_its_source():
    named = (REPLIES / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in REPLIES.glob("*.json")}

    assert {name for name in files if f"| `{name}` |" in named} == files
    assert named.count(".json` |") == len(files)
