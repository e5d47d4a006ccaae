"""Addresses with a path: refused where registries have none, explained where they may have one."""

import pytest

from ghostnb import Fleet, RegistryClient
from ghostnb.errors import ConfigError, NotFoundError, ProtocolError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.vendors import check_address
from tests.parts.faults import faulty_server
from tests.parts.registries import docker_registry
from tests.parts.replies import error, html, reply
from tests.registries.asking import ask, ping, refused

AMAZON = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"
HUB = "https://registry-1.docker.io"


@pytest.mark.parametrize(
    ("url", "address", "namespace"),
    [
        ("https://ghcr.io/acme", "https://ghcr.io", "acme"),
        ("https://GHCR.io:443/acme/", "https://ghcr.io", "acme"),
        ("https://ghcr.io/v2/acme", "https://ghcr.io", "acme"),
        ("https://quay.io/acme", "https://quay.io", "acme"),
        ("https://quay.io/acme/app", "https://quay.io", "acme"),
        ("https://quay.io/repository/acme/app", "https://quay.io", "acme"),
        ("https://ghcr.io/acme/app", "https://ghcr.io", "acme"),
        ("https://ghcr.io/acme/app:1.0", "https://ghcr.io", "acme"),
        ("https://registry.gitlab.com/group/app:1.0", "https://registry.gitlab.com", "group"),
        ("https://registry.gitlab.com/group/sub", "https://registry.gitlab.com", "group/sub"),
        ("https://index.docker.io/library", HUB, "library"),
        ("https://docker.io/library/nginx", HUB, "library"),
        ("https://eu-docker.pkg.dev/project/repo", "https://eu-docker.pkg.dev", "project/repo"),
        (f"{AMAZON}/team", AMAZON, "team"),
        ("https://public.ecr.aws/acme", "https://public.ecr.aws", "acme"),
        ("https://acme.azurecr.io/team", "https://acme.azurecr.io", "team"),
    ],
)
@pytest.mark.parametrize("kind", ["auto", "distribution"])
def test_a_path_at_a_known_host_is_refused_with_what_to_write(url, address, namespace, kind):
    config = RegistryConfig("mine", url, kind=kind)

    with pytest.raises(ConfigError) as raised:
        check_address(config)

    assert f" is at {address}, and {namespace} is its namespace." in raised.value.message
    assert raised.value.message.startswith(f"The URL of mine, {config.url}, has a path: ")
    assert raised.value.hint == f'Write: url = "{address}", namespace = "{namespace}"'


def test_what_docker_calls_the_hub_has_no_namespace_in_it():
    with pytest.raises(ConfigError, match="v1 is no part of that") as raised:
        check_address(RegistryConfig("hub", "https://index.docker.io/v1/"))

    assert raised.value.hint == f'Write: url = "{HUB}"'


def test_a_namespace_that_is_configured_stays():
    with pytest.raises(ConfigError) as raised:
        check_address(RegistryConfig("mine", "https://ghcr.io/acme", namespace="other"))

    assert raised.value.hint == 'Write: url = "https://ghcr.io"'


@pytest.mark.parametrize(
    "given",
    [
        {"url": "https://ghcr.io/"},
        {"url": "https://ghcr.io/v2/"},
        {"url": "https://registry.example.com/prefix"},
        {"url": "https://ghcr.io.example.com/acme"},
        {"url": "oci:/ghcr.io/acme"},
        {"url": "https://ghcr.io/api/v1/registries/mine", "kind": "agent"},
        {"url": "https://ghcr.io/api/v1/registries/mine", "kind": "agent:ghcr"},
    ],
)
def test_other_addresses_are_left_alone(given):
    RegistryClient(RegistryConfig("mine", **given))


def test_nobody_holds_a_registry_at_such_an_address():
    with pytest.raises(ConfigError, match="acme is its namespace"):
        RegistryClient("ghcr.io/acme")

    fleet = Fleet()
    with pytest.raises(ConfigError, match="acme is its namespace"):
        fleet.add(RegistryConfig("mine", "https://ghcr.io/acme"))
    assert len(fleet) == 0


def test_an_address_with_a_path_where_nothing_is_says_where_it_may_be():
    with docker_registry() as running:
        hint = f'it is a namespace. Write: url = "{running.url}", namespace = "group/project"'
        words = ("no registry does", "If group/project is a project or a group in the", hint)
        refused(NotFoundError, *words, url=f"{running.url}/group/project")


def test_also_where_the_registry_says_itself_that_nothing_is_there():
    with faulty_server({"*": error(404, "NAME_UNKNOWN")}) as server:
        found = refused(NotFoundError, 'namespace = "acme"', url=f"{server.url}/acme")
        assert "NAME_UNKNOWN" in str(found)
        assert "namespace" not in str(refused(NotFoundError, url=server.url))


def test_a_web_page_below_a_path_is_no_registry():
    with faulty_server({"*": html()}) as server:
        words = ("answered the ping with a web page", 'namespace = "project"')
        refused(ProtocolError, *words, url=f"{server.url}/project")


def test_a_registry_below_a_path_may_call_its_answer_a_web_page():
    headers = {"content-type": "text/html", "docker-distribution-api-version": "registry/2.0"}
    with faulty_server({"/prefix/v2/": reply(headers=headers)}) as server:
        assert ask(f"{server.url}/prefix", ping) is False


def test_what_an_agent_does_not_have_is_no_namespace():
    with faulty_server({"*": error(404, "NAME_UNKNOWN")}) as server:
        url = f"{server.url}/api/v1/registries/mine"
        with pytest.raises(NotFoundError) as raised:
            ask(url, ping, kind="agent", token="t")
        assert "namespace" not in str(raised.value)
