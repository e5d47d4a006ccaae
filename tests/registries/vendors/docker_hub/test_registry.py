"""The registry behind Docker Hub: tokens, manifests, the pull limit."""

from __future__ import annotations

import pytest

from ghostnb.errors import NotFoundError, RateLimitedError, UnauthorizedError
from ghostnb.oci import Digest, Platform
from ghostnb.registries.reading import read_image
from ghostnb.wire.rate_limits import RateLimit
from tests.parts.images import index, plain_image
from tests.registries.vendors.docker_hub.replay import REPLIES, answer, document
from tests.registries.vendors.docker_hub.runs import HUB_URL, listed, logged_in, run

LIMIT = RateLimit(100, 76, 21600, "192.0.2.1")


def test_ping_tells_the_pull_limit_and_uses_no_pull(hub):
    async def work(registry):
        return await registry.ping(), registry.rate_limit

    ping, limit = run(hub, work, **logged_in())

    assert (ping.kind, ping.authenticated, ping.rate_limit) == ("docker-hub", True, LIMIT)
    assert limit == LIMIT
    assert f"HEAD {HUB_URL}/v2/ratelimitpreview/test/manifests/latest" == hub.asked[-1]
    assert hub.count(f"GET {HUB_URL}/v2/ratelimitpreview") == 0
    assert any("scope=repository%3Aratelimitpreview%2Ftest%3Apull" in line for line in hub.asked)


def test_no_headers_mean_no_limit(hub):
    hub.limits = {}

    async def work(registry):
        return await registry.ping(), registry.rate_limit

    ping, limit = run(hub, work)

    assert (ping.rate_limit, limit, ping.authenticated) == (None, None, False)


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_limit_that_cannot_be_told_spoils_no_ping(hub, status):
    address = "registry-1.docker.io/v2/ratelimitpreview/test/manifests/latest"
    hub.planned[address] = [answer(status) for _ in range(3)]

    async def work(registry):
        return await registry.ping()

    assert run(hub, work).rate_limit is None
    assert hub.count(f"HEAD https://{address}") == 1


def test_a_token_server_that_refuses_the_limit_spoils_no_ping(hub):
    hub.planned["auth.docker.io/token"] = [
        answer(200, {"token": "registry.0.jwt"}),
        answer(400, document("token_refused")),
    ]

    async def work(registry):
        return await registry.ping()

    assert run(hub, work).rate_limit is None


def test_a_limit_that_is_used_up_is_told(hub):
    empty = {**hub.limits, "ratelimit-remaining": "0;w=21600"}
    address = "registry-1.docker.io/v2/ratelimitpreview/test/manifests/latest"
    hub.planned[address] = [
        answer(401, headers={"www-authenticate": _challenge("ratelimitpreview/test")}),
        answer(429, headers=empty),
    ]

    async def work(registry):
        return await registry.ping()

    assert run(hub, work).rate_limit.remaining == 0


def test_the_limit_is_asked_of_the_configured_host(hub):
    hub.serve("mirror.example.com")

    async def work(registry):
        return await registry.ping()

    ping = run(hub, work, url="https://mirror.example.com", kind="docker-hub")

    assert ping.rate_limit == LIMIT
    assert hub.count(f"HEAD {HUB_URL}") == 0


def test_an_image_costs_one_get_a_manifest_and_a_head_each_time(hub):
    amd64, arm64 = (plain_image(p, platform=p) for p in ("linux/amd64", "linux/arm64/v8"))
    top = index([amd64, arm64], attested=True)
    hub.images["library/nginx:latest"] = top

    async def work(registry):
        reference = registry.reference("nginx")
        wanted = Platform.parse("linux/amd64")
        return [await read_image(registry, reference, wanted) for _ in range(2)]

    first, second = run(hub, work)

    assert amd64.digest == first.digest == second.digest
    manifests = f"{HUB_URL}/v2/library/nginx/manifests"
    # The first HEAD is answered with the challenge, and sent again with a token.
    assert hub.count(f"HEAD {manifests}/latest") == 3
    assert hub.count(f"GET {manifests}/latest") == 0
    assert hub.count(f"GET {manifests}/{top.digest}") == 1
    assert hub.count(f"GET {manifests}/{amd64.digest}") == 1
    assert hub.count(f"GET {manifests}/{arm64.digest}") == 0
    assert hub.count("GET https://production.cloudflare.docker.com/") == 1
    assert hub.count("GET https://auth.docker.io/token") == 1


def test_an_image_tells_the_pull_limit_on_its_way(hub):
    hub.images["library/nginx:latest"] = plain_image("nginx")

    async def work(registry):
        await registry.manifest("nginx", "latest")
        return registry.rate_limit

    assert run(hub, work) == LIMIT


def test_a_manifest_by_digest_needs_no_head(hub):
    top = plain_image("nginx")
    hub.images["library/nginx:latest"] = top

    async def work(registry):
        return await registry.manifest("nginx", top.digest)

    assert Digest(top.digest) == run(hub, work).digest
    assert hub.count("HEAD") == 0


@pytest.mark.parametrize("options", [{}, logged_in()])
def test_an_unknown_repository_is_401_and_may_not_exist(hub, options):
    with pytest.raises(UnauthorizedError, match=r"does not exist.*docker login") as raised:
        run(hub, listed("tags", "acme/nothing"), **options)

    assert "the tags of acme/nothing" in str(raised.value)
    assert "registry-1.docker.io" not in raised.value.hint


def test_an_unknown_tag_is_not_found(hub):
    async def work(registry):
        return await registry.manifest("nginx", "gone")

    with pytest.raises(NotFoundError):
        run(hub, work)


def test_a_pull_too_many_is_said(hub):
    top = plain_image("nginx")
    hub.images["library/nginx:latest"] = top
    address = f"registry-1.docker.io/v2/library/nginx/manifests/{top.digest}"
    hub.planned[address] = [
        answer(429, document("registry_too_many"), hub.limits) for _ in range(2)
    ]

    async def work(registry):
        await registry.manifest("nginx", "latest")

    with pytest.raises(RateLimitedError, match=r"TOOMANYREQUESTS.*log in to raise") as raised:
        run(hub, work)

    assert raised.value.status == 429


def test_a_wrong_password_is_refused_by_the_token_server(hub):
    async def work(registry):
        return await registry.ping()

    with pytest.raises(UnauthorizedError, match="'ada'") as raised:
        run(hub, work, **logged_in("wr0ng"))

    assert "wr0ng" not in str(raised.value)


def test_every_reply_names_its_source():
    named = (REPLIES / "README.md").read_text(encoding="utf-8")

    for path in REPLIES.glob("*.json"):
        assert f"`{path.name}`" in named


def _challenge(repository: str) -> str:
    return (
        'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",'
        f'scope="repository:{repository}:pull"'
    )
