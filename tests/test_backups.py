"""Backups on disk, as a notebook user makes, checks and restores them."""

import asyncio

import pytest

import ghostnb
from ghostnb import RegistryClient
from ghostnb.errors import ArchiveError, NotFoundError, UnsupportedError
from tests.parts.pushes import skopeo
from tests.parts.registries import RunningRegistry, docker_registry
from tests.parts.standard import STANDARD_IMAGES


def digest(running, name):
    arguments = ("inspect", "--tls-verify=false", "--format={{.Digest}}")
    return skopeo(*arguments, f"docker://{running.host}/{name}").strip()


@pytest.mark.parametrize("place", ["backup", "backup.tar"])
def test_a_registry_is_kept_on_disk_and_brought_back(registry: RunningRegistry, tmp_path, place):
    source, path = RegistryClient(registry.url), tmp_path / place

    async def keep():
        plan = await ghostnb.plan_backup(source, path)
        assert plan.bytes_moved > 0
        await plan.apply()
        kept = await ghostnb.catalogue(path)
        assert {f"{row.repository}:{row.tag}" for row in kept.itertuples()} >= set(STANDARD_IMAGES)
        assert kept.attrs["runs"][0]["url"] == registry.url
        problems = await ghostnb.verify(path)
        assert len(problems) == 0
        assert problems.attrs["size_bytes"] > 0

    async def bring_back(target):
        plan = await ghostnb.plan_restore(path, target)
        assert plan.notes == ()
        await plan.apply()
        assert len((await ghostnb.plan_restore(path, target)).frame) == 0

    asyncio.run(keep())
    with docker_registry() as other:
        asyncio.run(bring_back(RegistryClient(other.url)))
        for name in ("team/multi:latest", "library/nginx:latest"):
            assert digest(other, name) == STANDARD_IMAGES[name].digest


def test_a_directory_is_backed_up_to_again_and_an_archive_is_not_replaced(registry, tmp_path):
    source = RegistryClient(registry.url)

    async def work():
        first = await ghostnb.plan_backup(source, tmp_path / "kept", repositories="library/*")
        await first.apply()
        second = await ghostnb.plan_backup(source, RegistryClient(f"oci:{tmp_path}/kept"))
        assert 0 < len(second.frame) < len(STANDARD_IMAGES)
        assert not any(name.startswith("library/") for name in second.frame["repository"])
        archive = tmp_path / "kept.tar"
        await (await ghostnb.plan_backup(source, archive, repositories="library/*")).apply()
        with pytest.raises(ArchiveError, match="is there already"):
            await ghostnb.plan_backup(source, archive)
        await (await ghostnb.plan_backup(source, archive, overwrite=True)).apply()
        assert len(await ghostnb.catalogue(archive)) >= len(STANDARD_IMAGES)

    asyncio.run(work())


def test_damage_is_found_by_tag(registry, tmp_path):
    source, path = RegistryClient(registry.url), tmp_path / "kept"

    async def work():
        await (await ghostnb.plan_backup(source, path, repositories="library/nginx")).apply()
        layer = STANDARD_IMAGES["library/nginx:latest"].layers[-1]
        file = path / "blobs" / layer.digest.replace(":", "/")
        file.write_bytes(file.read_bytes()[:-1])
        problems = await ghostnb.verify(path)
        assert "latest" in set(problems["tag"])
        assert set(problems["digest"]) == {layer.digest}

    asyncio.run(work())


def test_what_is_no_backup_says_so(registry, tmp_path):
    source = RegistryClient(registry.url)
    with pytest.raises(NotFoundError, match="no OCI image layout"):
        ghostnb.run(ghostnb.plan_restore(tmp_path / "nowhere", source))
    with pytest.raises(NotFoundError, match="no catalogue"):
        ghostnb.run(ghostnb.catalogue(source))
    with pytest.raises(UnsupportedError, match=r"is no directory.*plan_sync"):
        ghostnb.run(ghostnb.plan_backup(source, source))
