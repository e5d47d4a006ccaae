"""Bolt's shelves on Drifts that run: copies by skopeo, restarts, large plugins, users."""

from __future__ import annotations

import asyncio
import os
import tomllib

import pytest

from ghostnb import RegistryClient, RegistryConfig, RejectedError, run
from ghostnb.errors import ForbiddenError
from tests.drift.logins import PASSWORDS, write_htpasswd
from tests.parts.drift import running_drift
from tests.parts.pushes import skopeo
from tests.serving import wait_until

PROFILE = {"name": "steam", "version": "1.0", "author": "Ada", "tags": ["gaming"]}
PLUGIN = {"name": "dlss", "version": "2.1", "plugin_type": "gpu"}
MANY = 20


def place(drift, name: str) -> str:
    return f"docker://{drift.host}/{name}"


def copy(source: str, target: str) -> None:
    skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", source, target)


def test_what_skopeo_copies_from_one_to_another_shows_up_there(tmp_path):
    with running_drift(tmp_path / "a") as here, running_drift(tmp_path / "b") as there:
        mine, theirs = RegistryClient(here.url), RegistryClient(there.url)
        done = run(mine.upload_profile(PROFILE, author_email="ada@example.com"))
        content = os.urandom(3_000_000)
        run(mine.upload_plugin(PLUGIN, content))
        assert run(theirs.profiles()).empty

        for name in ("bolt/profiles/steam:1.0", "bolt/plugins/dlss:2.1"):
            copy(place(here, name), place(there, name))

        profiles, plugins = run(theirs.profiles()), run(theirs.plugins())
        columns = profiles.columns.drop("registry")
        assert profiles[columns].equals(run(mine.profiles())[columns])
        assert profiles["digest"].tolist() == [done.digest]
        assert plugins["version"].tolist() == ["2.1"]
        assert run(theirs.download_plugin("dlss")) == content
        assert tomllib.loads(run(theirs.download_profile("steam")))["profile"]["author"] == "Ada"


def test_what_skopeo_copies_to_a_directory_and_back_is_the_same(tmp_path):
    with running_drift(tmp_path / "a") as drift:
        client = RegistryClient(drift.url)
        done = run(client.upload_profile(PROFILE, author_email="ada@example.com"))
        name = "bolt/profiles/steam:1.0"
        copy(place(drift, name), f"oci:{tmp_path / 'backup'}:{name}")
        run(client.delete_profile("steam"))
        assert run(client.profiles()).empty
        copy(f"oci:{tmp_path / 'backup'}:{name}", place(drift, name))

        assert run(client.profiles())["digest"].tolist() == [done.digest]


@pytest.mark.parametrize("is_killed", [False, True], ids=["ended", "killed"])
def test_a_restart_keeps_what_is_there_and_the_counts(tmp_path, is_killed):
    root = tmp_path / "root"
    with running_drift(root) as drift:
        client = RegistryClient(drift.url)
        run(client.upload_profile(PROFILE, author_email="ada@example.com"))
        for _ in range(3):
            run(client.download_profile("steam"))
        # Counted once all has been sent, which is after it has come.
        wait_until(lambda: run(client.profiles())["downloads"].tolist() == [3])
        before = run(client.profiles())
        if is_killed:
            drift.kill()
    with running_drift(root) as drift:
        after = run(RegistryClient(drift.url).profiles())

    assert after.drop(columns="registry").equals(before.drop(columns="registry"))


def test_a_plugin_of_the_largest_size_goes_up_and_comes_down(tmp_path):
    content = os.urandom(64 * 2**20)
    with running_drift(tmp_path / "root") as drift:
        client = RegistryClient(drift.url)
        run(client.upload_plugin(PLUGIN, content))
        assert run(client.download_plugin("dlss")) == content

        larger = {**PLUGIN, "version": "3"}
        for body in (content + b"x", content * 2):
            with pytest.raises(RejectedError, match="SIZE_INVALID") as caught:
                run(client.upload_plugin(larger, body))
            assert caught.value.status == 413
        assert run(client.plugins())["version"].tolist() == ["2.1"]


def test_twenty_clients_upload_at_once(tmp_path):
    async def upload(url: str, number: int) -> str:
        async with RegistryClient(url) as client:
            profile = {**PROFILE, "version": f"1.{number}"}
            done = await client.upload_profile(profile, author_email=f"{number}@example.com")
            await client.upload_plugin({**PLUGIN, "name": f"plugin-{number}"}, b"x" * 100_000)
            await client.download_profile("steam", version=f"1.{number}")
            return done.digest

    async def upload_all(url: str) -> list[str]:
        return await asyncio.gather(*(upload(url, number) for number in range(MANY)))

    with running_drift(tmp_path / "root") as drift:
        digests = run(upload_all(drift.url))
        client = RegistryClient(drift.url)
        wait_until(lambda: run(client.profiles())["downloads"].tolist() == [MANY])
        tags = run(client.tags("bolt/profiles/steam"))["tag"].tolist()

        assert len(set(digests)) == MANY
        assert set(tags) == {*(f"1.{number}" for number in range(MANY)), "latest"}
        assert len(run(client.plugins())) == MANY


def test_users_do_what_their_roles_allow(tmp_path):
    htpasswd = write_htpasswd(tmp_path / "htpasswd")
    roles = ("--htpasswd", str(htpasswd), "--developer", "dev", "--admin", "ada")
    with running_drift(tmp_path / "root", *roles) as drift:
        clients = {
            user: RegistryClient(RegistryConfig(user, drift.url, user, PASSWORDS[user]))
            for user in PASSWORDS
        }
        run(clients["dev"].upload_plugin(PLUGIN, os.urandom(5_000_000)))

        for client in clients.values():
            assert run(client.plugins())["name"].tolist() == ["dlss"]
            assert client.kind == "drift"
            assert len(run(client.download_plugin("dlss"))) == 5_000_000
        with pytest.raises(ForbiddenError, match="viewer"):
            run(clients["vic"].upload_plugin({**PLUGIN, "version": "3"}, b"x" * 5_000_000))
        with pytest.raises(ForbiddenError, match="developer"):
            run(clients["dev"].delete_plugin("dlss"))
        run(clients["ada"].delete_plugin("dlss"))
        assert run(clients["vic"].plugins()).empty
