"""Tags, manifests and blobs deleted over HTTP: nothing else goes with them."""

import asyncio
from contextlib import contextmanager

import pytest

from ghostnb.errors import (
    ForbiddenError,
    GhostnbError,
    NotFoundError,
    RegistryError,
    ServerError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Digest
from ghostnb.registries.content import content_of
from tests.parts.drift import running_drift
from tests.parts.images import plain_image
from tests.parts.processes import free_port
from tests.parts.registries import Htpasswd, docker_registry
from tests.parts.replies import drop, error, hang, reply
from tests.parts.token_server import User, changed
from tests.registries.asking import QUICK, SECRETS, ask, open_registry
from tests.registries.conftest import descriptor_of, push
from tests.registries.test_http_uploads import leftovers
from tests.serving import serving_images

DOCUMENT = plain_image("deleted")
OTHER = plain_image("other")
MANIFESTS = "/v2/app/manifests/"


@pytest.fixture(params=["docker-registry", "drift"])
def url(request, tmp_path):
    """Run a registry that deletes, with three tags of one image and one of another."""
    if request.param == "drift":
        with running_drift(tmp_path / "root") as running:
            fill(running.url)
            yield running.url
    else:
        with docker_registry(delete=True) as running:
            fill(running.url)
            yield running.url


def fill(url, repository="app", **settings):
    async def question(registry):
        for tag in ("1", "2", "latest"):
            await push(registry, f"{repository}:{tag}", DOCUMENT)
        await push(registry, f"{repository}:other", OTHER)

    ask(url, question, **settings)


async def state(registry, repository="app"):
    """Give the tags with their digests."""
    tags = sorted([tag async for tag in registry.tags(repository)])
    return {tag: (await registry.resolve(repository, tag)).digest for tag in tags}


WHOLE = {"1": DOCUMENT.digest, "2": DOCUMENT.digest, "latest": DOCUMENT.digest} | {
    "other": OTHER.digest
}


def without(*tags):
    return {tag: digest for tag, digest in WHOLE.items() if tag not in tags}


def test_a_tag_goes_and_leaves_its_siblings_and_its_manifest(url):
    async def question(registry):
        await registry.delete_tag("app", "1")
        assert await state(registry) == without("1")
        await registry.delete_tag("app", "2")
        await registry.delete_tag("app", "latest")
        assert await state(registry) == {"other": OTHER.digest}
        assert (await registry.resolve("app", DOCUMENT.digest)).digest == DOCUMENT.digest
        for blob in DOCUMENT.blobs:
            await registry.blob_size("app", Digest(blob.digest))
        with pytest.raises(NotFoundError, match="app:1"):
            await registry.resolve("app", "1")

    ask(url, question)


def test_many_tags_go_at_once(url):
    async def question(registry):
        await asyncio.gather(*(registry.delete_tag("app", tag) for tag in ("1", "2", "latest")))
        assert await state(registry) == {"other": OTHER.digest}
        await registry.resolve("app", DOCUMENT.digest)

    ask(url, question)


@pytest.mark.parametrize("name", ["app:absent", "nowhere:1"])
def test_an_absent_tag_is_not_found(url, name):
    repository, _, tag = name.partition(":")

    async def question(registry):
        with pytest.raises(NotFoundError, match=name):
            await registry.delete_tag(repository, tag)
        assert await state(registry) == WHOLE

    ask(url, question)


def test_a_manifest_takes_its_tags_along(url):
    async def question(registry):
        await registry.delete_manifest("app", Digest(DOCUMENT.digest))
        assert await state(registry) == {"other": OTHER.digest}
        with pytest.raises(NotFoundError):
            await registry.resolve("app", DOCUMENT.digest)
        with pytest.raises(NotFoundError, match=DOCUMENT.digest):
            await registry.delete_manifest("app", Digest(DOCUMENT.digest))

    ask(url, question)


def test_a_blob_that_nothing_needs_is_deleted(url):
    blob = descriptor_of(plain_image("loose").layers[0].descriptor())

    async def question(registry):
        await registry.push_blob("app", blob, content_of(plain_image("loose").layers[0].data))
        await registry.delete_blob("app", blob.digest)
        with pytest.raises(NotFoundError):
            await registry.blob_size("app", blob.digest)
        with pytest.raises(NotFoundError):
            await registry.delete_blob("app", blob.digest)
        assert await state(registry) == WHOLE

    ask(url, question)


def test_a_registry_that_deletes_says_so(url):
    async def question(registry):
        await registry.check_deletable("app")
        await registry.check_deletable("nowhere")
        assert await state(registry) == WHOLE

    ask(url, question)


def test_a_registry_that_deletes_nothing_says_how_to_switch_it_on_and_is_as_before():
    async def question(registry):
        doing = (
            registry.check_deletable("app"),
            registry.delete_tag("app", "1"),
        )
        for one in doing:
            with pytest.raises(UnsupportedError) as caught:
                await one
            assert "storage.delete.enabled" in caught.value.hint
            assert "nothing was changed" in str(caught.value)
        for one in (
            registry.delete_manifest("app", Digest(DOCUMENT.digest)),
            registry.delete_blob("app", Digest(DOCUMENT.layers[0].digest)),
        ):
            with pytest.raises(UnsupportedError) as caught:
                await one
            assert "storage.delete.enabled" in str(caught.value)
        assert await state(registry) == WHOLE

    with docker_registry(delete=False) as running:
        fill(running.url)
        before = content(running.storage_dir)
        ask(running.url, question)
        assert content(running.storage_dir) == before
        assert leftovers(running.storage_dir) == []


def content(root):
    return sorted(str(path) for path in root.rglob("*") if "_uploads" not in str(path))


# What goes wrong in between


@contextmanager
def by_digest_only(deletion):
    """Serve a registry that deletes by digest alone; `deletion` answers for a stand-in's."""
    with serving_images({"app:1": DOCUMENT}) as server:
        server.routes["DELETE", f"{MANIFESTS}1"] = error(405, "UNSUPPORTED")
        # The first is of a digest that is not there: may one delete at all?
        answers = [error(404, "MANIFEST_UNKNOWN"), *deletion]
        server.routes["DELETE", f"{MANIFESTS}*"] = answers
        server.routes["POST", "/v2/app/blobs/uploads/"] = reply(202, headers={"Location": "/up"})
        server.routes["PUT", "/up"] = reply(201)
        server.routes["PUT", f"{MANIFESTS}1"] = reply(201)
        yield server


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (error(405, "UNSUPPORTED"), UnsupportedError),
        (error(403, "DENIED", "locked"), ForbiddenError),
        (error(500, "UNKNOWN", "disk on fire"), ServerError),
        (drop(), TransportError),
    ],
)
def test_a_tag_is_put_back_when_its_stand_in_cannot_be_deleted(refusal, kind):
    with by_digest_only([refusal]) as server:

        async def question(registry):
            with pytest.raises(kind):
                await registry.delete_tag("app", "1")

        ask(server.url, question)
        stand_in, back = server.seen(f"{MANIFESTS}1", "PUT")
    assert stand_in.body != DOCUMENT.raw
    assert back.body == DOCUMENT.raw
    assert back.headers["content-type"] == DOCUMENT.media_type


def test_a_tag_is_put_back_when_its_deletion_is_cancelled():
    with by_digest_only([hang()]) as server:

        async def question(registry):
            task = asyncio.create_task(registry.delete_tag("app", "1"))
            while server.count(method="DELETE") < 3:  # noqa: ASYNC110 (it is on another thread)
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        ask(server.url, question)
        assert server.seen(f"{MANIFESTS}1", "PUT")[-1].body == DOCUMENT.raw


def test_a_stand_in_that_may_have_been_taken_is_not_left():
    with by_digest_only([reply(202)]) as server:
        server.routes["PUT", f"{MANIFESTS}1"] = [drop()] * QUICK.max_attempts + [reply(201)]

        async def question(registry):
            with pytest.raises(TransportError):
                await registry.delete_tag("app", "1")

        ask(server.url, question)
        assert server.seen(f"{MANIFESTS}1", "PUT")[-1].body == DOCUMENT.raw


def test_a_deletion_whose_answer_was_lost_is_one():
    with by_digest_only([drop(), error(404, "MANIFEST_UNKNOWN")]) as server:
        ask(server.url, lambda registry: registry.delete_tag("app", "1"))
        assert len(server.seen(f"{MANIFESTS}1", "PUT")) == 1, "the tag was put back"


def test_a_registry_that_dies_in_between_is_told():
    port = free_port()

    async def question(registry):
        with docker_registry(delete=True, port=port) as running:
            await push(registry, "app:1", DOCUMENT)
            running.stop()
        with pytest.raises(TransportError, match="refused"):
            await registry.delete_tag("app", "1")

    ask(f"http://127.0.0.1:{port}", question)


# Who may


def test_whoever_has_the_password_may(tmp_path):
    with docker_registry(auth=Htpasswd(), delete=True) as running:
        login = {"username": running.username, "password": running.password}
        fill(running.url, **login)

        async def question(registry):
            await registry.delete_tag("app", "1")
            assert await state(registry) == without("1")

        ask(running.url, question, **login)
        for settings in ({}, {**login, "password": "wr0ng-secret"}):
            for doing in writes():
                caught = refused(running.url, doing, **settings)
                assert isinstance(caught, UnauthorizedError)
        assert ask(running.url, state, **login) == without("1")


def writes():
    layer = DOCUMENT.layers[0]
    blob = descriptor_of(layer.descriptor())
    return [
        lambda one: one.delete_tag("app", "2"),
        lambda one: one.check_deletable("app"),
        lambda one: one.delete_manifest("app", Digest(DOCUMENT.digest)),
        lambda one: one.delete_blob("app", blob.digest),
        lambda one: one.push_blob("app", blob, content_of(layer.data)),
        lambda one: one.push_manifest("app", OTHER.raw, OTHER.media_type, tag="2"),
    ]


def refused(url, doing, **settings):
    with pytest.raises(RegistryError) as caught:
        ask(url, doing, **settings)
    error = caught.value
    while error is not None:
        shown = f"{error!r} {error} {vars(error) if isinstance(error, GhostnbError) else ''}"
        assert not any(secret in shown for secret in SECRETS)
        error = error.__cause__ or error.__context__
    assert caught.value.hint
    return caught.value


@pytest.fixture(scope="module")
def token_registry_that_deletes(token_server):
    with docker_registry(auth=token_server.auth(), delete=True) as running:
        fill(running.url, username="ghost", password="nb-s3cret")
        yield running


def test_tokens_are_asked_for_what_is_done(token_registry_that_deletes, token_server):
    running, login = token_registry_that_deletes, {"username": "ghost", "password": "nb-s3cret"}

    async def question(registry):
        layer = DOCUMENT.layers[0]
        blob = descriptor_of(layer.descriptor())
        assert await registry.mount_blob("mounted", blob, "app")
        await registry.push_blob("pushed", blob, content_of(layer.data))
        await registry.delete_tag("app", "1")
        assert await state(registry) == without("1")

    with changed(token_server):
        ask(running.url, question, **login)
        asked = {frozenset(request.scopes) for request in token_server.requests}
    assert frozenset({"repository:mounted:pull,push", "repository:app:pull"}) in asked
    assert any("repository:pushed:pull,push" in scopes for scopes in asked)
    assert any("repository:app:delete" in scopes for scopes in asked)


def test_whoever_may_only_pull_changes_nothing(token_registry_that_deletes, token_server):
    url = token_registry_that_deletes.url
    reader = User("nb-reader-s3cret", {"app": ("pull",)}, catalog=False)
    ghost = User("nb-s3cret")
    before = ask(url, state, username="ghost", password="nb-s3cret")
    with changed(token_server, users={"ghost": ghost, "reader": reader}):
        for doing in writes():
            for settings in ({"username": "reader", "password": "nb-reader-s3cret"}, {}):
                caught = refused(url, doing, **settings)
                assert isinstance(caught, (ForbiddenError, UnauthorizedError))
    assert before == ask(url, state, username="ghost", password="nb-s3cret")


def test_whoever_may_not_pull_elsewhere_sends_the_bytes(token_registry_that_deletes, token_server):
    url = token_registry_that_deletes.url
    layer = DOCUMENT.layers[0]
    blob = descriptor_of(layer.descriptor())
    users = {"own": User("nb-own-s3cret", {"own/*": ("pull", "push")}, catalog=False)}

    async def question():
        registry = open_registry(url, username="own", password="nb-own-s3cret")
        try:
            assert not await registry.mount_blob("own/app", blob, "app")
            await registry.push_blob("own/app", blob, content_of(layer.data))
            assert await registry.blob_size("own/app", blob.digest) == blob.size_bytes
        finally:
            await registry.aclose()

    with changed(token_server, users=users):
        asyncio.run(question())
