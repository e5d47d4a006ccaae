"""One registry: every method on a real one, and values that are exactly what was pushed."""

import asyncio

import pandas as pd
import pytest

import ghostnb
from ghostnb import InvalidReferenceError, NotFoundError, RegistryClient, RegistryConfig, run
from tests.parts.images import Document, plain_image
from tests.parts.replies import reply
from tests.parts.standard import EMPTIED_REPOSITORY, STANDARD_IMAGES
from tests.serving import CountingTransport, connections_to, serving_images

NGINX = STANDARD_IMAGES["library/nginx:1.27"]
MULTI = STANDARD_IMAGES["team/multi:latest"]
# What has layers that are an image's; every image of each.
LEAVES = {
    name: [leaf for leaf in document.children or (document,) if leaf.platforms]
    for name, document in STANDARD_IMAGES.items()
    if name != "team/nested:latest"
}


@pytest.fixture
def client(registry):
    with_client = RegistryClient(RegistryConfig("local", registry.url))
    yield with_client
    run(with_client.aclose())


def text(values: pd.Series) -> list:
    return [None if value is pd.NA or pd.isna(value) else str(value) for value in values]


def test_ping_says_who_answers(client, registry):
    ping = run(client.ping())

    assert (ping.registry, ping.url, ping.kind) == ("local", registry.url, "distribution")
    assert ping.authenticated is False
    assert 0 < ping.latency_seconds < 5


def test_repositories_are_all_that_the_catalog_has(client):
    frame = run(client.repositories())
    expected = {name.rpartition(":")[0] for name in STANDARD_IMAGES} | {EMPTIED_REPOSITORY}

    assert expected <= set(frame["repository"])
    assert set(frame["registry"]) == {"local"}
    assert frame["repository"].is_unique


@pytest.mark.parametrize(("limit", "count"), [(0, 0), (1, 1), (3, 3)])
def test_repositories_stop_at_the_limit(client, limit, count):
    assert len(run(client.repositories(limit))) == count


def test_repositories_of_one_namespace(client):
    assert sorted(run(client.repositories(namespace="library"))["repository"]) == [
        "library/alpine",
        "library/nginx",
    ]
    assert run(client.repositories(namespace="libr")).empty


def test_tags_are_names_alone_at_once(registry):
    transport = CountingTransport()
    frame = run(RegistryClient(registry.url, transport=transport).tags("library/alpine"))

    assert sorted(frame["tag"]) == ["3.19", "3.20", "latest"]
    assert frame.drop(columns=["registry", "repository", "tag"]).isna().to_numpy().all()
    assert transport.paths == ["GET /v2/library/alpine/tags/list"]


def test_tags_of_an_emptied_repository_are_none(client):
    assert run(client.tags(EMPTIED_REPOSITORY)).empty


@pytest.mark.parametrize("details", [False, True])
def test_tags_of_no_repository_are_an_error(client, details):
    with pytest.raises(NotFoundError, match="no/such"):
        run(client.tags("no/such", details=details))


def test_details_of_some_tags_are_those_of_all_of_them(client):
    every = run(client.tags("library/alpine", details=True)).set_index("tag")
    some = run(client.tag_details("library/alpine", ["latest", "absent", "3.20"])).set_index("tag")

    assert list(some.index) == ["latest", "3.20"]
    pd.testing.assert_frame_equal(some, every.loc[["latest", "3.20"]])


@pytest.mark.parametrize("repository", sorted({n.rpartition(":")[0] for n in LEAVES}))
def test_details_of_tags_are_those_of_what_was_pushed(client, repository):
    frame = run(client.tags(repository, details=True)).set_index("tag")
    expected = {
        name.rpartition(":")[2]: document
        for name, document in STANDARD_IMAGES.items()
        if name.rpartition(":")[0] == repository
    }

    assert set(frame.index) == set(expected)
    for tag, document in expected.items():
        row = frame.loc[tag]
        assert (row["digest"], row["media_type"]) == (document.digest, document.media_type)
        assert row["size_bytes"] == stored_bytes(LEAVES[f"{repository}:{tag}"] or [document])
        if document.platforms:
            assert row["platforms"] == ", ".join(document.platforms)


def stored_bytes(leaves: list[Document]) -> int:
    """Count each layer that is in the registry once."""
    return sum(
        {la.digest: la.size_bytes for leaf in leaves for la in leaf.layers if la.pushed}.values()
    )


def test_an_image_has_all_that_its_config_says(client):
    image = run(client.image("library/nginx:1.27"))
    config = NGINX.config

    assert (image.registry, image.repository, image.tag) == ("local", "library/nginx", "1.27")
    assert (image.digest, image.media_type) == (NGINX.digest, NGINX.media_type)
    assert image.size_bytes == NGINX.total_bytes
    assert (image.created, image.author) == (config["created"], config["author"])
    assert (image.platform, image.platforms) == ("linux/amd64", ("linux/amd64",))
    assert image.labels == config["config"]["Labels"]
    assert list(image.env) == config["config"]["Env"]
    assert list(image.entrypoint) == config["config"]["Entrypoint"]
    assert list(image.cmd) == config["config"]["Cmd"]
    assert list(image.ports) == list(config["config"]["ExposedPorts"])
    assert image.raw_manifest == NGINX.raw
    assert image.raw_config == NGINX.blobs[0].data


def test_an_image_by_digest_and_by_tag_and_digest(client):
    other = STANDARD_IMAGES["library/alpine:3.19"].digest

    by_digest = run(client.image(f"library/alpine@{other}"))
    by_both = run(client.image(f"library/alpine:latest@{other}"))
    by_default = run(client.image("library/alpine"))

    assert (by_digest.tag, by_digest.digest) == ("", other)
    assert (by_both.tag, by_both.digest) == ("latest", other)
    assert by_default.digest == STANDARD_IMAGES["library/alpine:latest"].digest


def test_the_registrys_own_host_may_stand_before_a_name(client, registry):
    assert run(client.image(f"{registry.host}/library/nginx:1.27")).digest == NGINX.digest


def test_a_mirrors_repositories_may_be_called_like_hosts():
    mirrored = plain_image("mirrored")
    with serving_images({"ghcr.io/team/app:1": mirrored}) as server:
        mirror = RegistryClient(server.url)

        assert run(mirror.image(f"{server.host}/ghcr.io/team/app:1")).digest == mirrored.digest
        assert run(mirror.tags("ghcr.io/team/app"))["tag"].tolist() == ["1"]
        assert run(mirror.inventory("ghcr.io/team/app"))["repository"].unique().tolist() == [
            "ghcr.io/team/app"
        ]
        with pytest.raises(InvalidReferenceError, match=r"is in the registry ghcr\.io, not in 127"):
            run(mirror.image("ghcr.io/team/app:1"))


@pytest.mark.parametrize("child", MULTI.children[:2], ids=lambda child: child.platform)
def test_an_index_gives_the_image_of_the_platform(client, child):
    image = run(client.image("team/multi:latest", platform=child.platform))

    assert (image.digest, image.platform) == (child.digest, child.platform)
    assert image.platforms == MULTI.platforms


def test_a_platform_that_is_not_there_is_an_error_that_lists_those_that_are(client):
    for name in ("team/multi:latest", "team/nested:latest", "library/nginx:1.27"):
        with pytest.raises(NotFoundError, match="no image for plan9/386") as caught:
            run(client.image(name, platform="plan9/386"))
        assert ", ".join(STANDARD_IMAGES[name].platforms) in str(caught.value)


@pytest.mark.parametrize("name", LEAVES)
def test_layers_are_those_of_every_platform(client, name):
    frame = run(client.layers(name))
    leaves = LEAVES[name] or [STANDARD_IMAGES[name]]
    expected = [
        (leaf, n, layer) for leaf in leaves for n, layer in enumerate(leaf.manifest["layers"])
    ]

    assert text(frame["image_digest"]) == [leaf.digest for leaf, _, _ in expected]
    assert frame["position"].tolist() == [n for _, n, _ in expected]
    assert text(frame["digest"]) == [layer["digest"] for _, _, layer in expected]
    assert text(frame["media_type"]) == [layer["mediaType"] for _, _, layer in expected]
    assert frame["size_bytes"].tolist() == [layer["size"] for _, _, layer in expected]
    if STANDARD_IMAGES[name].platforms:
        assert text(frame["platform"]) == [leaf.platform for leaf, _, _ in expected]
        diff_ids = [leaf.config["rootfs"]["diff_ids"][n] for leaf, n, _ in expected]
        assert text(frame["diff_id"]) == diff_ids


def test_layers_know_the_step_that_made_them(client):
    frame = run(client.layers("library/nginx:1.27"))
    steps = [step for step in NGINX.config["history"] if not step.get("empty_layer")]

    assert text(frame["created_by"]) == [step["created_by"] for step in steps]
    assert frame["created"].tolist() == [pd.Timestamp(step["created"]) for step in steps]


def test_layers_of_one_platform(client):
    frame = run(client.layers("team/multi:latest", platform="linux/arm64"))

    assert set(text(frame["platform"])) == {"linux/arm64/v8"}
    assert set(text(frame["image_digest"])) == {MULTI.children[1].digest}


def test_layers_of_a_nested_index_are_those_of_all_its_images(client):
    frame = run(client.layers("team/nested:latest"))

    assert list(dict.fromkeys(text(frame["platform"]))) == [
        "linux/amd64",
        "linux/arm64/v8",
        "linux/s390x",
    ]


def test_history_has_every_step_with_the_layer_that_it_made(client):
    frame = run(client.history("library/nginx:1.27"))
    steps, layers = NGINX.config["history"], iter(NGINX.manifest["layers"])
    made = [None if step.get("empty_layer") else next(layers) for step in steps]

    assert frame["position"].tolist() == list(range(len(steps)))
    assert text(frame["created_by"]) == [step["created_by"] for step in steps]
    assert text(frame["comment"]) == [step.get("comment") for step in steps]
    assert frame["empty_layer"].tolist() == [layer is None for layer in made]
    assert text(frame["layer_digest"]) == [layer and layer["digest"] for layer in made]
    assert text(frame["size_bytes"]) == [layer and str(layer["size"]) for layer in made]


def test_history_of_an_image_without_layers_and_of_an_artifact(client):
    empty = run(client.history("team/empty:latest"))

    assert (len(empty), empty["empty_layer"].all()) == (1, True)
    assert run(client.history("team/artifact:latest")).empty
    assert run(client.layers("team/empty:latest")).empty


def test_search_gives_the_best_first_with_their_main_tag(client):
    frame = run(client.search("  NGINX "))

    assert frame["repository"].tolist() == ["library/nginx"]
    row = frame.iloc[0]
    assert (row["tag"], row["digest"], row["size_bytes"]) == (
        "latest",
        NGINX.digest,
        NGINX.total_bytes,
    )
    assert row["created"] == pd.Timestamp(NGINX.config["created"])


def test_search_ranks_whole_names_then_beginnings_then_the_rest(fresh_registry):
    from tests.parts.images import plain_image
    from tests.parts.pushes import push_many

    names = ["x/my-app", "apps/web", "z/app", "b/app2", "a/app-1", "nothing"]
    push_many(fresh_registry.url, [(name, "1", plain_image("one")) for name in names])
    client = RegistryClient(fresh_registry.url)

    found = run(client.search("app"))["repository"].tolist()

    assert found == ["z/app", "a/app-1", "b/app2", "apps/web", "x/my-app"]
    assert run(client.search("app", limit=2))["repository"].tolist() == found[:2]
    assert run(client.search("app", limit=0)).empty
    assert run(client.search("absent")).empty


def test_a_context_closes_the_connections(registry):
    transport = CountingTransport()
    before = connections_to(registry.port)

    async def work():
        async with RegistryClient(registry.url, transport=transport) as client:
            await client.ping()
            assert connections_to(registry.port) == before + 1

    asyncio.run(work())

    assert transport.is_closed
    assert connections_to(registry.port) == before


def test_any_object_that_carries_requests_is_a_transport():
    import httpx2

    class Canned:
        async def handle_async_request(self, request):
            assert request.url.path == "/v2/a/b/tags/list"
            return httpx2.Response(200, json={"name": "a/b", "tags": ["x"]})

        async def aclose(self):
            pass

    client = RegistryClient("https://registry.invalid", transport=Canned())

    assert run(client.tags("a/b"))["tag"].tolist() == ["x"]


def test_a_client_is_named_after_its_registry_and_shows_no_password():
    config = RegistryConfig("team", "https://r.example", username="me", password="s3cret")
    client = ghostnb.RegistryClient(config)

    assert (client.name, client.kind, client.rate_limit) == ("team", "auto", None)
    assert repr(client) == "<RegistryClient team at https://r.example>"
    assert "s3cret" not in repr(client) + repr(client.config) + repr(client.registry)


def test_a_damaged_tag_is_a_row_with_its_name_and_an_entry_of_the_errors():
    images = {"a/b:good": plain_image("good"), "a/b:torn": plain_image("torn")}
    with serving_images(images) as server:
        server.routes["/v2/a/b/manifests/torn"] = reply(body=b'{"schemaVersion": 2, "con')
        registry = RegistryClient(server.url)
        with pytest.warns(UserWarning, match="The table of tags is not whole"):
            frame = run(registry.tags("a/b", details=True))

    assert frame["tag"].tolist() == ["good", "torn"]
    assert frame["digest"].isna().tolist() == [False, True]
    [entry] = frame.attrs["errors"]
    assert set(entry) == {"registry", "repository", "tag", "error", "message"}
    assert (entry["repository"], entry["tag"], entry["error"]) == ("a/b", "torn", "ProtocolError")


def test_a_search_tells_what_it_may_not_read():
    images = {"a/app:1": plain_image("seen"), "b/app:1": plain_image("hidden")}
    with serving_images(images) as server:
        registry = RegistryClient(server.url)
        assert run(registry.search("app")).attrs["errors"] == []
        server.routes["/v2/b/app/manifests/1"] = reply(403)
        with pytest.warns(UserWarning, match="The search is not whole") as told:
            frame = run(registry.search("app"))

    assert frame["repository"].tolist() == ["a/app", "b/app"]
    assert frame["digest"].isna().tolist() == [False, True]
    [entry] = frame.attrs["errors"]
    assert (entry["repository"], entry["tag"], entry["error"]) == ("b/app", "1", "ForbiddenError")
    assert len(told) == 1


def test_a_namespace_in_the_place_of_a_limit_is_told_where_it_belongs():
    with pytest.raises(TypeError, match=r"limit: a number .*namespace=…\) is wanted, not 'team'"):
        run(RegistryClient("localhost:1").repositories("team"))
