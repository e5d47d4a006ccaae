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


def test_damage_is_found_by_tag_and_healed(registry, tmp_path):
    source, path = RegistryClient(registry.url), tmp_path / "kept"

    async def work():
        await (await ghostnb.plan_backup(source, path, repositories="library/nginx")).apply()
        layer = STANDARD_IMAGES["library/nginx:latest"].layers[-1]
        file = path / "blobs" / layer.digest.replace(":", "/")
        file.write_bytes(file.read_bytes()[:-1])
        problems = await ghostnb.verify(path)
        assert "latest" in set(problems["tag"])
        assert set(problems["digest"]) == {layer.digest}
        assert "repair=True" in problems.attrs["notes"][0]
        # Of the right size, it takes a look at every byte.
        file.write_bytes(bytes(len(layer.data)))
        selected = {"repositories": "library/nginx"}
        assert len((await ghostnb.plan_backup(source, path, **selected)).frame) == 0
        plan = await ghostnb.plan_backup(source, path, repair=True, **selected)
        assert set(plan.frame["action"]) == {"repair"}
        await plan.apply()
        assert len(await ghostnb.verify(path)) == 0

    asyncio.run(work())


def test_progress_is_told_while_plans_are_made(registry, tmp_path):
    source, path = RegistryClient(registry.url), tmp_path / "kept"
    tags = len(STANDARD_IMAGES)

    async def work():
        for target in (path, tmp_path / "kept.tar"):
            counts = []
            plan = await ghostnb.plan_backup(
                source, target, progress=lambda *one, told=counts: told.append(one)
            )
            assert counts[-1] == (tags, tags)
            await plan.apply()
            counts.clear()
            there = RegistryClient(f"oci:{tmp_path}/there")
            await ghostnb.plan_restore(
                target, there, progress=lambda *one, told=counts: told.append(one)
            )
            assert counts[-1] == (tags, tags)
        steps = []
        found = await ghostnb.verify(path, progress=steps.append)
        assert {step.status for step in steps if step.done} == {"Verified"}
        assert steps[-1].overall_current_bytes == found.attrs["size_bytes"]
        mistakes = (ghostnb.plan_backup(source, path, progress=3), ghostnb.verify(path, progress=3))
        for wrong in mistakes:
            with pytest.raises(TypeError, match="progress is True, False or a function"):
                await wrong

    asyncio.run(work())


def test_what_is_verified_may_be_chosen(registry, tmp_path):
    source = RegistryClient(registry.url)
    some = ghostnb.run(ghostnb.verify(source, repositories="library/*"))
    less = ghostnb.verify(
        source, repositories="library/*", exclude_repositories="library/nginx", exclude_tags="*.*"
    )
    assert 0 <= ghostnb.run(less).attrs["manifests"] < some.attrs["manifests"]


def test_an_address_is_no_path(registry, tmp_path):
    source, address = RegistryClient(registry.url), "https://me:s3cret@example.com"
    questions = (
        ghostnb.verify(address),
        ghostnb.catalogue(address),
        ghostnb.plan_backup(address, tmp_path),
        ghostnb.plan_backup(source, address),
        ghostnb.plan_restore(address, source),
        ghostnb.plan_restore(tmp_path, address),
        ghostnb.plan_restore(tmp_path, str(tmp_path)),
        ghostnb.plan_sync(source, address),
    )
    for question in questions:
        with pytest.raises(TypeError, match="RegistryClient") as caught:
            ghostnb.run(question)
        assert "s3cret" not in str(caught.value)


def test_what_is_no_backup_says_so(registry, tmp_path):
    source = RegistryClient(registry.url)
    with pytest.raises(NotFoundError, match="no OCI image layout"):
        ghostnb.run(ghostnb.plan_restore(tmp_path / "nowhere", source))
    with pytest.raises(NotFoundError, match="no catalogue"):
        ghostnb.run(ghostnb.catalogue(source))
    with pytest.raises(UnsupportedError, match=r"is no directory.*plan_sync"):
        ghostnb.run(ghostnb.plan_backup(source, source))


@pytest.mark.parametrize("name", ["nope", "nope.tar"])
def test_who_wants_to_read_is_told_what_makes_a_backup(tmp_path, name):
    path = tmp_path / name
    target = RegistryClient(f"oci:{tmp_path}/to")
    for reading in (
        ghostnb.verify(path),
        ghostnb.catalogue(path),
        ghostnb.plan_restore(path, target),
    ):
        with pytest.raises(NotFoundError, match="Check the path; a push or backup makes one"):
            ghostnb.run(reading)


def test_a_path_that_cannot_be_meant_is_told_when_it_is_planned(registry, tmp_path):
    source = RegistryClient(registry.url)
    with pytest.raises(ValueError, match=r"b\.tar\.gz would be a compressed archive"):
        ghostnb.run(ghostnb.plan_backup(source, tmp_path / "b.tar.gz"))
    with pytest.raises(ArchiveError, match="Is there a directory"):
        ghostnb.run(ghostnb.plan_backup(source, tmp_path / "nowhere" / "b.tar"))
    with pytest.raises(NotFoundError, match="Check the path"):
        ghostnb.run(ghostnb.catalogue(tmp_path / "bakcup"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("end", [".tgz", ".tar", ""])
def test_an_address_is_no_path_and_its_password_is_not_shown(registry, end):
    source = RegistryClient(registry.url)
    with pytest.raises(TypeError, match="not an address") as caught:
        ghostnb.run(ghostnb.plan_backup(source, f"https://me:s3cret@example.com/x{end}"))
    assert "s3cret" not in str(caught.value)
    with pytest.raises(TypeError, match=r"example\.com") as caught:
        ghostnb.run(ghostnb.plan_backup("me:s3cret@example.com", "backup"))
    assert "s3cret" not in str(caught.value)
