"""What is damaged or missing is found, whoever keeps it, and all that is well is passed."""

import pytest

from ghostnb.errors import NotFoundError, TransportError
from ghostnb.frames.backups import PROBLEMS, problems_frame
from ghostnb.oci import Digest
from ghostnb.registries.cache import ContentCache
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.content import content_of
from ghostnb.registries.http import HTTPRegistry
from ghostnb.registries.layout import LayoutRegistry
from ghostnb.registries.memory import MemoryRegistry
from ghostnb.transfer.backups.verification import verify
from ghostnb.transfer.selection import Selection
from ghostnb.transfer.tally import TransferTally
from tests.parts.images import plain_image
from tests.parts.layers import layer_of
from tests.parts.registries import docker_registry
from tests.registries.conftest import descriptor_of, fill, push
from tests.transfer.backups import (
    ALL,
    MULTI,
    PROOF,
    SBOM,
    UNTAGGED,
    Place,
    fill_with_everything,
    flip_a_bit,
)
from tests.transfer.test_copying import opened, over_http, run

APP = plain_image("app")


def rows(found, *names):
    return [tuple(getattr(one, name) for name in names) for one in found.problems]


@pytest.mark.parametrize("kind", ["memory", "layout", "drift", "docker-registry"])
def test_all_is_well_and_every_byte_was_read(tmp_path, kind):
    with opened(kind, tmp_path) as registry:

        async def question():
            await fill(registry)
            await fill_with_everything(registry)
            tally = TransferTally()
            found = await verify(registry, ALL, tally)
            assert found.problems == found.notes == ()
            assert tally.done == tally.total == found.size_bytes > 0
            assert tally.items_done == tally.items_total == found.blobs > 20
            assert found.manifests > 20
            frame = problems_frame(found.problems)
            assert {name: str(dtype) for name, dtype in frame.dtypes.items()} == dict(PROBLEMS)

        run(question, registry)


@pytest.mark.parametrize("kind", ["layout", "archive"])
def test_a_backup_is_verified_whole(tmp_path, kind):
    place, source = Place(kind, tmp_path), MemoryRegistry("of")

    async def question():
        await fill_with_everything(source)
        await (await place.plan(source)).apply()
        expected = await verify(source, ALL)
        found = await verify(place.open(), ALL)
        assert found == expected

    run(question)


def test_a_flipped_bit_is_found_with_every_tag_that_needs_it(tmp_path):
    layout = LayoutRegistry(tmp_path / "layout")
    layer = APP.layers[1]

    async def question():
        await push(layout, "team/app:1", APP)
        await push(layout, "team/app:2", APP)
        await push(layout, "other:1", plain_image("other", base=APP.layers))
        await push(layout, "other:2", plain_image("well"))
        flip_a_bit(tmp_path / "layout", layer.digest)
        found = await verify(layout, ALL)
        names = rows(found, "repository", "tag", "digest")
        assert names == [
            ("other", "1", layer.digest),
            ("team/app", "1", layer.digest),
            ("team/app", "2", layer.digest),
        ]
        assert set(rows(found, "size_bytes", "media_type")) == {
            (len(layer.data), layer.descriptor()["mediaType"])
        }
        assert all(one.problem.startswith("damaged: ") for one in found.problems)
        assert len(found.notes) == 1, "what heals it, and no blob that nothing names"

    run(question)


def test_what_is_missing_is_found_and_what_nothing_names_is_counted(tmp_path):
    root = tmp_path / "layout"
    layout = LayoutRegistry(root)
    spare = layer_of("spare")

    async def question():
        await push(layout, "team/multi:latest", MULTI)
        for document in (SBOM, PROOF):
            await push(layout, "team/multi:", document)
        await push(layout, "app:", UNTAGGED)
        await push(layout, "app:1", APP)
        file = root / "blobs"
        (file / APP.layers[0].digest.replace(":", "/")).unlink()
        (file / MULTI.children[0].digest.replace(":", "/")).unlink()
        (file / UNTAGGED.layers[0].digest.replace(":", "/")).unlink()
        (file / PROOF.layers[0].digest.replace(":", "/")).unlink()
        flip_a_bit(root, SBOM.layers[0].digest)
        await layout.push_blob("app", descriptor_of(spare.descriptor()), content_of(spare.data))
        found = await verify(layout, ALL)
        assert {
            (repository, tag, digest, problem.partition(":")[0])
            for repository, tag, digest, problem in rows(
                found, "repository", "tag", "digest", "problem"
            )
        } == {
            ("app", "1", APP.layers[0].digest, "missing"),
            ("app", None, UNTAGGED.layers[0].digest, "missing"),
            ("team/multi", "latest", MULTI.children[0].digest, "missing"),
            # By what it is attached to, the index's tag leads there.
            ("team/multi", "latest", SBOM.layers[0].digest, "damaged"),
            ("team/multi", "latest", PROOF.layers[0].digest, "missing"),
        }
        # The blobs of the child that is gone are named by nothing any more, but for those that
        # others have, and the spare one.
        return found.notes

    notes = run(question)
    lost = {blob.digest for blob in MULTI.children[0].blobs}
    shared = {blob.digest for child in MULTI.children[1:] for blob in child.blobs}
    assert notes[1].startswith(f"{len(lost - shared) + 1} of the blobs are named by nothing")


def test_a_damaged_manifest_is_named_by_its_digest(tmp_path):
    layout = LayoutRegistry(tmp_path / "layout")

    async def question():
        await push(layout, "app:1", APP)
        flip_a_bit(tmp_path / "layout", APP.digest)
        found = await verify(layout, ALL)
        assert rows(found, "repository", "tag", "digest") == [("app", "1", APP.digest)]
        assert found.problems[0].problem.startswith("damaged: ")

    run(question)


def test_a_registry_over_http_is_read_and_not_the_cache():
    cache = ContentCache()
    with docker_registry(delete=True) as running:
        registry = HTTPRegistry(RegistryConfig("reg", running.url, insecure=True), cache=cache)
        layer, child = APP.layers[0], MULTI.children[0]
        blobs = running.storage_dir / "docker/registry/v2/blobs/sha256"

        def data(digest):
            encoded = digest.partition(":")[2]
            return blobs / encoded[:2] / encoded / "data"

        async def question():
            await push(registry, "app:1", APP)
            await push(registry, "team/multi:latest", MULTI)
            assert (await verify(registry, ALL)).problems == ()
            # From now on it is in the cache.
            assert await registry.manifest("team/multi", Digest(child.digest))
            content = bytearray(data(layer.digest).read_bytes())
            content[7] ^= 1
            data(layer.digest).write_bytes(content)
            data(child.digest).unlink()
            assert await registry.manifest("team/multi", Digest(child.digest))
            found = await verify(registry, ALL)
            names = rows(found, "repository", "tag", "digest")
            assert names == [
                ("app", "1", layer.digest),
                ("team/multi", "latest", child.digest),
            ]

        run(question, registry)


def test_only_what_is_selected_is_read(tmp_path):
    layout = LayoutRegistry(tmp_path / "layout")

    async def question():
        await push(layout, "app:1", APP)
        await push(layout, "app:2", plain_image("other"))
        await push(layout, "app:", UNTAGGED)
        flip_a_bit(tmp_path / "layout", APP.layers[0].digest)
        flip_a_bit(tmp_path / "layout", UNTAGGED.layers[0].digest)
        found = await verify(layout, Selection("app", tags="2"))
        assert found.problems == found.notes == ()
        assert found.manifests == 1
        assert found.blobs == len({blob.digest for blob in plain_image("other").blobs})
        named = await verify(layout, Selection(["app", "nowhere"]))
        assert named.problems[0].repository == "nowhere"
        assert named.problems[0].problem.startswith("not listed")
        assert len(named.problems) == 3
        with pytest.raises(NotFoundError):
            await verify(LayoutRegistry(tmp_path / "nothing"), ALL)

    run(question)


def test_a_registry_that_cannot_be_reached_is_an_error():
    with docker_registry() as running:
        registry = over_http(running)

    async def question():
        with pytest.raises(TransportError):
            await verify(registry, ALL)

    run(question, registry)
