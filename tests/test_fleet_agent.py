"""An agent's registries as a notebook user has them: all that they can do, and no credentials."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import ghostnb
from ghostnb import (
    ConfigError,
    Fleet,
    ForbiddenError,
    IntegrityError,
    KeepMatching,
    NotFoundError,
    RegistryClient,
    RegistryConfig,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
    run,
)
from ghostnb.registries.layout import LayoutRegistry
from tests.parts.agent import TOKEN, USERS, USERS_SETTINGS, RunningAgent, running_agent
from tests.parts.archives import archived_layout
from tests.parts.faults import faulty_server
from tests.parts.images import plain_image
from tests.parts.registries import RunningRegistry, docker_registry
from tests.parts.replies import error, redirect, reply
from tests.parts.standard import STANDARD_IMAGES, by_repository
from tests.parts.storage import write_storage
from tests.registries.conftest import push
from tests.server.content.conftest import added

IMAGE = plain_image("through-an-agent")


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """Run a registry with a password that the agent alone knows, and the standard set."""
    from tests.parts.registries import Htpasswd

    storage = tmp_path_factory.mktemp("storage")
    write_storage(storage, by_repository())
    with docker_registry(auth=Htpasswd(), storage_dir=storage, delete=True) as running:
        yield running


@pytest.fixture(scope="module")
def agent(
    registry: RunningRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAgent]:
    """Run an agent with that registry, a directory, and one that is down."""
    directory = tmp_path_factory.mktemp("agent")
    asyncio.run(push(LayoutRegistry(directory / "layout"), "first:1", IMAGE))
    registries = {
        "local": f'{registry.url}"\nusername = "ghost"\npassword = "nb-s3cret',
        "layout": f"oci:{directory / 'layout'}",
        "down": "http://localhost:9",
    }
    with running_agent(directory, registries, settings=USERS_SETTINGS) as running:
        yield running


@pytest.fixture
def fleet(agent: RunningAgent) -> Iterator[Fleet]:
    found = run(Fleet.from_agent(agent.url, TOKEN))
    yield found
    run(found.aclose())


@pytest.fixture
def fleet_with_hub(agent: RunningAgent) -> Iterator[Fleet]:
    """Give the agent Docker Hub, too, for tests that ask nothing of it."""
    with added(agent, "https://registry-1.docker.io", "hub"):
        found = run(Fleet.from_agent(agent.url, TOKEN))
        yield found
        run(found.aclose())


@pytest.fixture
def direct(registry: RunningRegistry) -> Iterator[RegistryClient]:
    """Ask the registry itself, by the same name."""
    client = RegistryClient(RegistryConfig("local", registry.url, "ghost", "nb-s3cret"))
    yield client
    run(client.aclose())


def as_user(agent: RunningAgent, user: str) -> RegistryClient:
    return run(Fleet.from_agent(agent.url, f"{user}-token"))["local"]


def test_the_agents_registries_are_there_by_their_names_and_kinds(fleet_with_hub: Fleet, agent):
    frame = fleet_with_hub.registries()

    assert list(frame["name"]) == ["local", "layout", "down", "hub"]
    assert list(frame["kind"]) == [
        "agent:auto",
        "agent:layout",
        "agent:auto",
        "agent:docker-hub",
    ]
    assert frame["url"][0] == f"{agent.url}/api/v1/registries/local"
    assert frame["has_auth"].all()


def in_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Sort what each registry gives in an order of its own."""
    plain = frame.astype(dict.fromkeys(frame.select_dtypes("category"), "string"))
    names = [name for name in ("repository", "tag", "image_digest", "position") if name in plain]
    return plain.sort_values(names, kind="stable").reset_index(drop=True)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.repositories(),
        lambda client: client.repositories(namespace="team"),
        lambda client: client.tags("library/alpine", details=True),
        lambda client: client.tag_details("library/alpine", ["3.19"]),
        lambda client: client.layers("team/multi:latest"),
        lambda client: client.history("library/nginx:1.27"),
        lambda client: client.search("alpine"),
        lambda client: client.inventory(progress=False),
        lambda client: client.files("library/alpine:3.20"),
    ],
)
def test_frames_are_those_of_the_registry_itself(fleet, direct, ask):
    found, expected = run(ask(fleet["local"])), run(ask(direct))

    assert len(expected) > 0
    pd.testing.assert_frame_equal(in_order(found), in_order(expected))


def test_an_image_is_that_of_the_registry_itself(fleet, direct):
    for reference in ("library/nginx:1.27", "team/multi"):
        assert run(fleet["local"].image(reference)) == run(direct.image(reference))


def test_each_registry_says_how_it_is(fleet: Fleet):
    with pytest.warns(UserWarning, match="Cannot reach down"):
        status = run(fleet.status())["status"]

    assert tuple(status[:2]) == ("ok", "ok")
    (down,) = status[2:]
    assert down.startswith("Cannot reach down at http://localhost:9")


def test_what_is_saved_is_whole(fleet: Fleet, tmp_path):
    saved = run(fleet["local"].save("team/multi", tmp_path))
    found = run(RegistryClient(f"oci:{saved}").image("team/multi:latest", platform="linux/amd64"))

    assert found.digest == STANDARD_IMAGES["team/multi:latest"].children[0].digest


def test_images_are_pushed_copied_and_deleted(fleet, direct, tmp_path):
    local, layout = fleet["local"], fleet["layout"]
    archive = archived_layout(tmp_path / "it.tar", {"team/source:2": IMAGE})

    pushed = run(local.push(archive, "pushed/app:1"))
    copied = run(ghostnb.copy(local, layout, "pushed/app:1"))
    run(ghostnb.copy(local, local, "pushed/app:1", to="pushed/app:2"))
    assert (pushed.digest, copied.digest) == (IMAGE.digest, IMAGE.digest)
    assert sorted(run(direct.tags("pushed/app"))["tag"]) == ["1", "2"]
    assert run(layout.image("pushed/app:1")).digest == IMAGE.digest

    plan = run(ghostnb.plan_delete(local, ["pushed/app:1"], progress=False))
    run(plan.apply(progress=False))
    assert list(run(direct.tags("pushed/app"))["tag"]) == ["2"]
    run(ghostnb.copy(local, layout, "pushed/app:2", to="pushed/app:old"))
    rules = [KeepMatching("1")]
    plan = run(ghostnb.plan_retention(layout, rules, repositories="pushed/app", progress=False))
    run(plan.apply(progress=False))
    assert list(run(layout.tags("pushed/app"))["tag"]) == ["1"]


def test_registries_are_synced_backed_up_verified_and_restored(fleet, tmp_path):
    local, layout = fleet["local"], fleet["layout"]
    wanted = {"repositories": ["library/*"], "progress": False}
    run(run(ghostnb.plan_sync(local, layout, **wanted)).apply(progress=False))
    assert sorted(run(layout.tags("library/alpine"))["tag"]) == ["3.19", "3.20", "latest"]

    backup = tmp_path / "backup"
    run(run(ghostnb.plan_backup(local, backup, **wanted)).apply(progress=False))
    assert len(run(ghostnb.verify(local, repositories=["library/*"], progress=False))) == 0
    plan = run(ghostnb.plan_delete(layout, ["library/alpine:3.19"], progress=False))
    run(plan.apply(progress=False))
    run(run(ghostnb.plan_restore(backup, layout, progress=False)).apply(progress=False))
    found = run(layout.image("library/alpine:3.19"))
    assert found.digest == STANDARD_IMAGES["library/alpine:3.19"].digest


def test_what_is_attached_is_found_and_taken_along(fleet, tmp_path):
    name = "team/app/api:1.1"
    run(ghostnb.copy(fleet["local"], fleet["layout"], name))
    plan = run(
        ghostnb.plan_backup(
            fleet["local"], tmp_path / "one", repositories=["team/app/api"], progress=False
        )
    )
    run(plan.apply(progress=False))
    found = run(RegistryClient(f"oci:{tmp_path / 'one'}").tags("team/app/api"))
    assert "signature" in set(found["tag"])


def test_roles_are_the_agents(agent: RunningAgent, tmp_path):
    archive = archived_layout(tmp_path / "it.tar", {"a:1": IMAGE})
    viewer, developer, admin = (as_user(agent, user) for user in USERS)
    assert len(run(viewer.repositories())) > 0
    with pytest.raises(ForbiddenError, match="developers push, admins delete"):
        run(viewer.push(archive, "roles/app:1"))
    run(developer.push(archive, "roles/app:1"))
    with pytest.raises(ForbiddenError, match="dev's role does not allow it"):
        run(ghostnb.plan_delete(developer, ["roles/app:1"], progress=False))
    run(run(ghostnb.plan_delete(admin, ["roles/app:1"], progress=False)).apply(progress=False))


def test_who_is_not_known_is_told_what_to_give(agent: RunningAgent):
    with pytest.raises(UnauthorizedError, match="GHOSTNB_AGENT_TOKEN") as caught:
        run(Fleet.from_agent(agent.url, "wrong-token"))
    assert "wrong-token" not in str(caught.value)


def test_the_token_may_be_in_the_environment(agent: RunningAgent, monkeypatch):
    with pytest.raises(ConfigError, match="GHOSTNB_AGENT_TOKEN, which is not set"):
        run(Fleet.from_agent(agent.url))
    monkeypatch.setenv("GHOSTNB_AGENT_TOKEN", TOKEN)
    monkeypatch.setenv("OTHER_TOKEN", "vic-token")

    assert len(run(run(Fleet.from_agent(agent.url))["local"].repositories())) > 0
    viewer = run(Fleet.from_agent(f"{agent.url}/api/v1/", "env:OTHER_TOKEN"))["local"]
    with pytest.raises(ForbiddenError):
        run(ghostnb.plan_delete(viewer, ["team/multi:latest"], progress=False))


def test_an_agent_that_is_not_there_is_said_with_what_starts_it():
    with pytest.raises(TransportError) as caught:
        run(Fleet.from_agent("http://localhost:9", TOKEN))

    assert str(caught.value) == (
        "Cannot reach agent at http://localhost:9/api/v1 (connection refused). "
        "Is the agent running? Start it with: ghostnb agent"
    )


def test_what_answers_and_is_no_agent_is_said(registry: RunningRegistry):
    with pytest.raises(NotFoundError, match="no agent does: is the address right"):
        run(Fleet.from_agent(registry.url, TOKEN))
    with faulty_server({"/*": reply(body=b"<html>")}) as server:
        with pytest.raises(ghostnb.ProtocolError, match="cannot be read"):
            run(Fleet.from_agent(server.url, TOKEN))


@pytest.mark.parametrize("url", ["oci:layout", " oci:/x/api/v1/"])
def test_a_directory_is_no_agent(url):
    with pytest.raises(ConfigError, match="An agent is no image layout"):
        run(Fleet.from_agent(url, TOKEN))


def test_an_agent_elsewhere_is_asked_encrypted_or_by_leave(monkeypatch):
    with pytest.raises(ConfigError, match="is not encrypted"):
        run(Fleet.from_agent("http://agent.example", TOKEN))
    with pytest.raises(TransportError):
        run(Fleet.from_agent("http://agent.invalid", TOKEN, insecure=True))


def test_an_encrypted_agent_is_asked_by_its_authority(certificates, registry, tmp_path):
    files = (certificates.server_certificate, certificates.server_key)
    options = [f"--tls-cert={files[0]}", f"--tls-key={files[1]}"]
    with running_agent(tmp_path, {"local": registry.url}, *options) as agent:
        assert agent.url.startswith("https://")
        with pytest.raises(TransportError, match="Set ca_file"):
            run(Fleet.from_agent(agent.url, TOKEN))
        known = run(Fleet.from_agent(agent.url, TOKEN, ca_file=str(certificates.ca_file)))
        trusted = run(Fleet.from_agent(agent.url, TOKEN, insecure=True))
        for fleet in (known, trusted):
            with pytest.raises(UnauthorizedError, match="So says the agent"):
                run(fleet["local"].repositories())


def test_no_other_host_sees_the_token():
    entry = {"name": "local", "url": "x", "kind": "distribution"}
    with faulty_server({"/*": reply(json={"registries": [entry]})}, host="127.0.0.2") as other:
        with faulty_server({"/*": redirect(f"{other.url}/api/v1/registries")}) as agent:
            fleet = run(Fleet.from_agent(agent.url, TOKEN))
            with pytest.raises(ghostnb.GhostnbError):
                run(fleet["local"].tags("app"))

            assert set(agent.authorizations) == {f"Bearer {TOKEN}"}
        assert other.count() > 0
        assert other.authorizations == []


def test_the_token_is_shown_and_written_nowhere(fleet: Fleet, home: Path):
    with pytest.raises(ConfigError, match="not written down") as caught:
        run(fleet.remember("local"))
    with pytest.raises(NotFoundError) as absent:
        run(fleet["local"].tags("none"))

    frame = fleet.registries().to_csv()
    shown = f"{fleet!r} {fleet['local']!r} {fleet['local'].config!r} {frame} {caught.value}"
    assert TOKEN not in shown + str(absent.value)
    assert not any(
        TOKEN.encode() in file.read_bytes() for file in home.rglob("*") if file.is_file()
    )


def test_names_are_completed_as_where_they_lead(fleet_with_hub: Fleet):
    assert str(fleet_with_hub["hub"].registry.reference("nginx:1.27")) == "library/nginx:1.27"
    assert str(fleet_with_hub["local"].registry.reference("nginx:1.27")) == "nginx:1.27"


def test_docker_hub_lists_no_more_than_it_does(fleet_with_hub: Fleet):
    with pytest.raises(UnsupportedError, match="Name a namespace"):
        run(fleet_with_hub["hub"].repositories())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(401, "UNAUTHORIZED", "log in"), UnauthorizedError),
        (error(403, "DENIED", "not you"), ForbiddenError),
        (error(404, "NAME_UNKNOWN", "no such thing"), NotFoundError),
        (error(405, "UNSUPPORTED", "no lists"), UnsupportedError),
    ],
)
def test_what_a_registry_refuses_is_as_if_it_was_asked_directly(agent, answer, kind):
    with faulty_server({"/v2/*": answer}) as server, added(agent, server.url):
        odd = run(Fleet.from_agent(agent.url, TOKEN))["odd"]
        for asked in (odd.tags("app"), odd.repositories(), odd.layers("app:1")):
            with pytest.raises(kind) as caught:
                run(asked)
            assert "GHOSTNB_AGENT_TOKEN" not in str(caught.value)
        assert server.authorizations == []


def test_damage_is_told_as_damage(agent: RunningAgent):
    document = plain_image("damaged")
    damaged = reply(
        body=document.raw.replace(b"sha256", b"sha265", 1),
        headers={"Content-Type": document.media_type, "Docker-Content-Digest": document.digest},
    )
    with faulty_server({"/v2/*": damaged}) as server, added(agent, server.url):
        odd = run(Fleet.from_agent(agent.url, TOKEN))["odd"]
        with pytest.raises(IntegrityError):
            run(odd.layers(f"app@{document.digest}"))


def test_no_bolt_is_passed_on(fleet: Fleet):
    with pytest.raises(UnsupportedError, match="behind an agent"):
        run(fleet["local"].profiles())


def test_no_tool_pulls_by_the_agents_address(fleet: Fleet):
    from ghostnb.pull_commands import no_pull_reason, pull_commands

    config = fleet["local"].config
    assert pull_commands(config, "team/app:1") == {}
    assert "save the image" in no_pull_reason(config)


def test_an_agent_that_dies_meanwhile_leaves_nothing_half_done(tmp_path):
    with faulty_server() as server:
        with running_agent(tmp_path / "agent", {"local": server.url}) as agent:
            server.routes.update(held_back(plain_image("large"), agent))
            client = run(Fleet.from_agent(agent.url, TOKEN))["local"]
            with pytest.raises(TransportError, match="Is the agent running"):
                run(client.save("app:1", tmp_path / "saved.tar"))

    assert [one.name for one in tmp_path.iterdir()] == ["agent"]


def held_back(document, agent: RunningAgent) -> dict:
    """Give an image, whose layer is asked for when the agent is killed."""

    def killed(request):
        agent.process.kill()
        return reply(body=document.layers[0].data)

    manifest = reply(
        body=document.raw,
        headers={"Content-Type": document.media_type, "Docker-Content-Digest": document.digest},
    )
    routes = {"/v2/app/manifests/1": manifest, f"/v2/app/manifests/{document.digest}": manifest}
    for blob in document.blobs:
        routes["HEAD", f"/v2/app/blobs/{blob.digest}"] = reply(
            headers={"Content-Length": str(len(blob.data))}
        )
        routes["GET", f"/v2/app/blobs/{blob.digest}"] = reply(body=blob.data)
    routes["GET", f"/v2/app/blobs/{document.layers[0].digest}"] = killed
    return routes
