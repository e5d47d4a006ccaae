"""Tags, manifests and blobs deleted over HTTP: nothing else goes with them."""

import asyncio
import time
from contextlib import contextmanager, suppress

import pytest

import ghostnb
from ghostnb.errors import (
    ForbiddenError,
    GhostnbError,
    NotFoundError,
    RegistryError,
    RejectedError,
    ServerError,
    TagMovedError,
    TransportError,
    UnauthorizedError,
    UnsupportedError,
)
from ghostnb.oci import Descriptor, Digest
from ghostnb.oci.media_types import OCI_MANIFEST
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.content import content_of
from ghostnb.registries.http.untagging import _placeholder
from ghostnb.registries.session import Session
from ghostnb.registries.vendors import find_vendor
from tests.parts.drift import running_drift
from tests.parts.images import artifact, plain_image
from tests.parts.processes import free_port
from tests.parts.pushes import Pusher
from tests.parts.registries import Htpasswd, docker_registry
from tests.parts.replies import drop, error, hang, reply
from tests.parts.token_server import User, changed
from tests.registries.asking import QUICK, SECRETS, ask, open_registry
from tests.registries.conftest import descriptor_of, push
from tests.registries.test_http_uploads import leftovers
from tests.serving import serving_images, until

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


@pytest.mark.parametrize("first", [drop(), error(500, "UNKNOWN")])
def test_a_stand_in_that_went_and_may_have_left_the_tag_is_deleted_once_more(first):
    # Only the answer was lost; or distribution 2 failed after the manifest and before the tag.
    with by_digest_only([first, error(404, "MANIFEST_UNKNOWN"), reply(202)]) as server:
        ask(server.url, lambda registry: registry.delete_tag("app", "1"))
        puts = server.seen(f"{MANIFESTS}1", "PUT")
    assert len(puts) == 2
    assert puts[0].body == puts[1].body != DOCUMENT.raw, "the tag was put back"


def test_what_somebody_else_pushes_meanwhile_gets_no_stand_in():
    # Their writing of the tag is what distribution 2 fails by.
    theirs = plain_image("theirs")
    with by_digest_only([error(500, "UNKNOWN"), error(404, "MANIFEST_UNKNOWN"), reply(202)]) as it:
        read = it.routes[f"{MANIFESTS}1"]
        now = reply(body=theirs.raw, headers={"Content-Type": theirs.media_type})
        it.routes["GET", f"{MANIFESTS}1"] = [read, read, now]

        async def question(registry):
            with pytest.raises(TagMovedError, match=theirs.digest):
                await registry.delete_tag("app", "1")

        ask(it.url, question)
        (stand_in,) = it.seen(f"{MANIFESTS}1", "PUT")
    assert stand_in.body != theirs.raw


def test_a_registry_that_dies_in_between_is_told():
    port = free_port()

    async def question(registry):
        with docker_registry(delete=True, port=port) as running:
            await push(registry, "app:1", DOCUMENT)
            running.stop()
        with pytest.raises(TransportError, match="refused"):
            await registry.delete_tag("app", "1")

    ask(f"http://127.0.0.1:{port}", question)


def test_a_tag_that_cannot_be_put_back_is_named_with_what_puts_it_back():
    gone = error(500, "UNKNOWN", "disk on fire")
    with by_digest_only([gone]) as server:
        server.routes["PUT", f"{MANIFESTS}1"] = [reply(201), gone]

        async def question(registry):
            # What the tag leads to in between: the stand-in that was put there.
            server.routes["GET", f"{MANIFESTS}1"] = [server.routes[f"{MANIFESTS}1"]] * 2 + [gone]
            with pytest.raises(RegistryError) as caught:
                await registry.delete_tag("app", "1")
            return caught.value

        found = ask(server.url, question)
    assert "app:1 in reg could neither be deleted nor put back" in found.message
    assert DOCUMENT.digest in found.message
    assert f'ghostnb.copy(reg, reg, "app@{DOCUMENT.digest}", to="app:1")' in found.hint
    assert isinstance(found.__cause__, ServerError)


def test_whoever_cancels_is_warned_of_a_tag_that_cannot_be_put_back():
    gone = error(500, "UNKNOWN", "disk on fire")
    with by_digest_only([hang()]) as server:
        found = server.routes[f"{MANIFESTS}1"]
        server.routes["GET", f"{MANIFESTS}1"] = [found, found, gone]
        server.routes["PUT", f"{MANIFESTS}1"] = [reply(201), gone]

        async def question(registry):
            task = asyncio.create_task(registry.delete_tag("app", "1"))
            await until(lambda: server.count(method="DELETE") == 3)
            task.cancel()
            with pytest.warns(UserWarning, match="app:1 in reg could neither"):
                await asyncio.wait([task])
            assert task.cancelled()

        ask(server.url, question)


def test_a_tag_that_was_refused_a_stand_in_is_as_it_was():
    locked = error(403, "DENIED", "locked")
    with by_digest_only([]) as server:
        server.routes["PUT", f"{MANIFESTS}1"] = locked

        async def question(registry):
            with pytest.raises(ForbiddenError, match="locked"):
                await registry.delete_tag("app", "1")

        ask(server.url, question)


def test_a_stand_in_on_its_way_is_waited_for_by_who_is_cancelled():
    with by_digest_only([]) as server:
        server.routes["PUT", f"{MANIFESTS}1"] = [reply(201, delay_seconds=0.3), reply(201)]

        async def question(registry):
            task = asyncio.create_task(registry.delete_tag("app", "1"))
            await until(lambda: server.count(method="PUT", path=f"{MANIFESTS}1") == 1)
            started = time.monotonic()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert time.monotonic() - started > 0.2

        ask(server.url, question)
        assert server.seen(f"{MANIFESTS}1", "PUT")[-1].body == DOCUMENT.raw


# What was expected


def half_done(digest):
    """Make what a deletion that was cut off has left in a tag's place."""
    empty = Descriptor("application/vnd.oci.empty.v1+json", Digest.of(b"{}"), 2)
    return empty, _placeholder(empty, Digest(digest))


def test_a_deletion_that_was_cut_off_is_finished(url):
    empty, raw = half_done(DOCUMENT.digest)

    async def question(registry):
        await registry.push_blob("app", empty, content_of(b"{}"))
        await registry.push_manifest("app", raw, OCI_MANIFEST, tag="1")
        with pytest.raises(TagMovedError):
            await registry.delete_tag("app", "1", expected=Digest(OTHER.digest))
        await registry.delete_tag("app", "1", expected=Digest(DOCUMENT.digest))
        assert await state(registry) == without("1")
        await registry.resolve("app", DOCUMENT.digest)

    ask(url, question)


def test_what_puts_a_tag_back_does(url):
    empty, raw = half_done(DOCUMENT.digest)

    async def half(registry):
        await registry.push_blob("app", empty, content_of(b"{}"))
        await registry.push_manifest("app", raw, OCI_MANIFEST, tag="1")

    async def put_back():
        async with ghostnb.RegistryClient(url) as reg:
            await ghostnb.copy(reg, reg, f"app@{DOCUMENT.digest}", to="app:1")

    ask(url, half)
    asyncio.run(put_back())
    assert ask(url, state) == WHOLE


def test_a_tag_that_leads_elsewhere_than_expected_stays(url):
    async def question(registry):
        with pytest.raises(TagMovedError, match=OTHER.digest) as caught:
            await registry.delete_tag("app", "other", expected=Digest(DOCUMENT.digest))
        assert caught.value.digest == OTHER.digest
        assert await state(registry) == WHOLE

    ask(url, question)


def test_what_is_pushed_meanwhile_is_not_deleted(url):
    async def question(registry):
        async def deleted():
            with suppress(TagMovedError):
                await registry.delete_tag("app", "1", expected=Digest(DOCUMENT.digest))

        pushed = registry.push_manifest("app", OTHER.raw, OTHER.media_type, tag="1")
        await asyncio.gather(deleted(), pushed)
        assert (await state(registry))["1"] == OTHER.digest

    ask(url, question)


# What is attached


def attached_to(document, kind):
    return artifact(f"application/x-{kind}", [], subject=document)


SIGNATURE, BOM = attached_to(DOCUMENT, "signature"), attached_to(DOCUMENT, "sbom")


def test_what_is_attached_is_listed_no_more_when_it_is_deleted(url):
    async def question(registry):
        for one in (SIGNATURE, BOM):
            await push(registry, "app:", one)
        await registry.delete_manifest("app", Digest(SIGNATURE.digest))
        assert await attached(registry) == [BOM.digest]
        await registry.delete_manifest("app", Digest(BOM.digest))
        assert await attached(registry) == []
        assert await state(registry) == WHOLE, "the tag of an empty list stays"

    ask(url, question)


def test_a_list_is_mended_by_the_next_try_of_a_deletion_that_was_cut_off(url):
    async def question(registry):
        for one in (SIGNATURE, BOM):
            await push(registry, "app:", one)
        await registry.manifest("app", SIGNATURE.digest)
        await asyncio.to_thread(deleted_by_another, url, SIGNATURE.digest)
        with pytest.raises(NotFoundError):
            await registry.delete_manifest("app", Digest(SIGNATURE.digest))
        assert await attached(registry) == [BOM.digest]

    ask(url, question)


def test_what_others_left_in_a_list_does_not_stop_a_deletion():
    with docker_registry(delete=True) as running:
        fill(running.url)
        others = [attached_to(DOCUMENT, f"{n}") for n in range(2)]

        async def question(registry):
            for one in (SIGNATURE, BOM, *others):
                await push(registry, "app:", one)
            await asyncio.to_thread(deleted_by_another, running.url, BOM.digest)
            await registry.delete_manifest("app", Digest(SIGNATURE.digest))
            assert await attached(registry) == [one.digest for one in others]
            await asyncio.to_thread(deleted_by_another, running.url, others[0].digest)
            await registry.delete_manifest("app", Digest(others[1].digest))
            assert await state(registry) == WHOLE, "the tag of an empty list stays"

        ask(running.url, question)


def deleted_by_another(url, digest):
    with Pusher(url) as other:
        other.delete_manifest("app", digest)


async def attached(registry):
    return [one.digest for one in await registry.referrers("app", Digest(DOCUMENT.digest))]


# What is tried


@pytest.mark.parametrize(
    ("url", "refusal", "words"),
    [
        ("https://ghcr.io", UnsupportedError("No."), "delete:packages"),
        ("https://registry-1.docker.io", UnsupportedError("No."), "hub.docker.com/v2/repositories"),
        ("https://quay.io", ForbiddenError("No."), "Write"),
        ("https://registry.gitlab.com", ForbiddenError("No."), "protected tag"),
        ("https://notghcr.io", UnsupportedError("No."), "storage.delete.enabled"),
        ("http://localhost:5000", UnsupportedError("No."), "REGISTRY_STORAGE_DELETE_ENABLED=true"),
        ("https://harbor.example.com", RejectedError("configured as immutable"), "Harbor"),
        ("https://harbor.example.com", ForbiddenError("No."), "maintainer"),
    ],
)
def test_a_refusal_says_what_this_vendor_wants(url, refusal, words):
    config = RegistryConfig("reg", url)
    assert words in find_vendor(config, Session(config)).how_to_delete(refusal)


def test_what_a_rule_keeps_is_told_with_the_rule():
    said = "is configured as immutable, cannot be deleted."
    with serving_images({"app:1": DOCUMENT}) as server:
        server.routes["DELETE", f"{MANIFESTS}1"] = error(412, "PRECONDITION", said)

        async def question(registry):
            with pytest.raises(RejectedError, match="Tag Immutability"):
                await registry.delete_tag("app", "1")

        ask(server.url, question)
        assert server.count(method="PUT") == 0


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
