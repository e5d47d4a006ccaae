"""Registries that are remembered: in the file, their passwords in a real keyring alone."""

import asyncio
import errno
import os
import random
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from ghostnb import ConfigError, Fleet, RegistryConfig, run
from ghostnb.registries import config_saving, system_keyring
from ghostnb.registries.config_file import load_configs
from tests.parts.disks import fill_up, make_read_only, small_disk
from tests.scripts import finish_script, start_script

SECRET = "nb-s3cret"
WORK = RegistryConfig("work", "https://r.example", "me", SECRET, kind="distribution")
OPEN = RegistryConfig("open", "https://open.example", ca_file="/etc/ca.pem")
ENTRY = ("ghostnb:https://r.example", "me")
TEXT = '# ours\n[[registries]]\nname = "a"  # first\nurl = "https://a.example"\n'


@pytest.fixture
def file(tmp_path):
    return tmp_path / "registries.toml"


def fleet_of(file, *configs):
    fleet = Fleet.from_config(file) if file.exists() else Fleet()
    for config in configs:
        fleet.add(config)
    return fleet


def refused(work, *words):
    with pytest.raises(ConfigError) as caught:
        run(work)
    assert SECRET not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_registry_is_there_the_next_time_and_its_password_in_the_keyring(file, keyring_service):
    file.write_text(TEXT)
    run(fleet_of(file, WORK).remember("work"))
    assert SECRET not in file.read_text()
    assert file.read_text().startswith(TEXT)
    assert keyring_service.passwords() == {ENTRY: SECRET}

    again = Fleet.from_config(file)
    assert again.remembered() == ("a", "work")
    config = again["work"].config
    assert (config.url, config.kind, config.keyring_service) == (WORK.url, WORK.kind, ENTRY[0])
    assert run(config.credentials()).password == SECRET

    run(again.remember("work"))  # again, which changes nothing
    run(again.forget("work"))
    assert file.read_text() == TEXT
    assert keyring_service.passwords() == {}
    assert "work" in again


def test_a_password_of_the_file_moves_into_the_keyring(file, keyring_service):
    file.write_text(f'{TEXT}username = "me"\npassword = "{SECRET}"  # soon gone\n')
    run(Fleet.from_config(file).remember("a"))
    assert 'password = "keyring:ghostnb:https://a.example"  # soon gone' in file.read_text()
    assert keyring_service.passwords() == {("ghostnb:https://a.example", "me"): SECRET}


def test_without_a_file_those_that_were_there_stay(home, monkeypatch):
    place = home / ".config" / "ghostnb" / "registries.toml"
    for override in (None, str(home / "else" / "mine.toml")):
        if override:
            monkeypatch.setenv("GHOSTNB_CONFIG", override)
            place = Path(override)
            fleet = Fleet([OPEN])
        else:
            monkeypatch.delenv("GHOSTNB_CONFIG")
            fleet = Fleet.from_config()
            fleet.add(OPEN)
        assert fleet.config_file == place
        assert fleet.remembered() == ("local-drift", "docker-hub")
        run(fleet.remember("open"))
        assert list(Fleet.from_config()) == ["local-drift", "docker-hub", "open"]
        assert Fleet.from_config()["open"].config == OPEN
        assert stat.S_IMODE(place.stat().st_mode) == 0o600
        assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
        for name in fleet.remembered():
            run(fleet.forget(name))
        assert list(Fleet.from_config()) == []


def test_what_needs_no_keyring_needs_none(file, monkeypatch):
    file.write_text(TEXT)
    by_variable = RegistryConfig("env", "https://r.example", "me", "env:SECRET")
    by_keyring = RegistryConfig("ring", "https://r.example", "me", "keyring:mine")
    fleet = fleet_of(file, OPEN, by_variable, by_keyring)
    for name in ("open", "env", "ring"):
        run(fleet.remember(name))
    assert load_configs(file)[1:] == (OPEN, by_variable, by_keyring)
    # Of the keyring, only what we have put there is ours to delete.
    for name in ("open", "env", "ring"):
        run(fleet.forget(name))
    assert file.read_text() == TEXT


def test_without_a_keyring_a_password_is_nowhere(file):
    file.write_text(TEXT)
    refused(
        fleet_of(file, WORK).remember("work"),
        "There is no system keyring here that works. Nothing was saved of work.",
        "env:NAME",
    )
    assert file.read_text() == TEXT
    assert [found.name for found in file.parent.iterdir()] == [file.name]


def test_entries_of_others_and_shared_ones_stay(file, keyring_service):
    import keyring

    keyring.set_password("mine", "me", SECRET)
    other = RegistryConfig("other", WORK.url, "me", SECRET)
    foreign = RegistryConfig("foreign", WORK.url, "me", "keyring:mine")
    fleet = fleet_of(file, WORK, other, foreign)
    for name in ("work", "other", "foreign"):
        run(fleet.remember(name))
    run(fleet.forget("work"))
    run(fleet.forget("foreign"))
    assert keyring_service.passwords() == {ENTRY: SECRET, ("mine", "me"): SECRET}
    run(fleet.forget("other"))
    assert keyring_service.passwords() == {("mine", "me"): SECRET}


def test_a_keyring_that_is_locked_leaves_all_as_it_was(file, keyring_service):
    file.write_text(TEXT)
    fleet = fleet_of(file, WORK)
    run(fleet.remember("work"))
    text = file.read_text()
    keyring_service.lock()
    refused(fleet.remember("work"), "locked. Nothing was saved of work.", "Unlock it")
    assert file.read_text() == text
    refused(fleet.forget("work"), "locked. Nothing was forgotten of work.", "Unlock it")
    no_password = RegistryConfig("work", WORK.url)
    refused(config_saving.remember(no_password, file), "locked. Nothing was saved of work.")
    assert file.read_text() == text


def test_what_the_keyring_refused_to_forget_is_forgotten_the_next_time(
    file, keyring_service, monkeypatch
):
    file.write_text(TEXT)
    fleet = fleet_of(file, WORK)
    run(fleet.remember("work"))
    with monkeypatch.context() as patience, keyring_service.hanging():
        patience.setattr(system_keyring, "_PATIENCE_SECONDS", 0.5)
        refused(fleet.forget("work"), "has not answered", "Nothing was forgotten of work")
    settle_keyring()
    assert fleet.remembered() == ("a", "work")
    assert keyring_service.passwords() == {ENTRY: SECRET}
    run(fleet.forget("work"))
    assert file.read_text() == TEXT
    assert keyring_service.passwords() == {}


OTHER_USER = RegistryConfig("work", WORK.url, "you", "nb-s3cret-2")
OTHER_URL = RegistryConfig("work", "https://r2.example", "me", "nb-s3cret-2")


@pytest.mark.parametrize(
    ("config", "left"),
    [
        (OTHER_USER, {("ghostnb:https://r.example", "you"): "nb-s3cret-2"}),
        (OTHER_URL, {("ghostnb:https://r2.example", "me"): "nb-s3cret-2"}),
        (RegistryConfig("work", WORK.url), {}),
        (RegistryConfig("work", WORK.url, "me", "env:SECRET"), {}),
        (RegistryConfig("work", WORK.url, "me", f"keyring:{ENTRY[0]}"), {ENTRY: SECRET}),
    ],
)
@pytest.mark.parametrize("is_shared", [False, True])
def test_a_password_that_was_replaced_does_not_stay(file, keyring_service, config, left, is_shared):
    file.write_text(TEXT)
    run(config_saving.remember(WORK, file))
    if is_shared:
        run(config_saving.remember(RegistryConfig("other", WORK.url, "me", SECRET), file))
    run(config_saving.remember(config, file))
    assert keyring_service.passwords() == left | ({ENTRY: SECRET} if is_shared else {})
    assert next(one for one in load_configs(file) if one.name == "work").url == config.url


def test_what_could_not_be_put_back_is_said(file, keyring_service, monkeypatch):
    file.write_text(TEXT)

    def fail(*_):
        keyring_service.lock()
        raise ConfigError("The disk is full.")

    monkeypatch.setattr(config_saving, "_replace", fail)
    with pytest.raises(ConfigError, match="disk is full") as caught:
        run(config_saving.remember(WORK, file))
    assert "The keyring's entry ghostnb:https://r.example could not be put back" in str(
        caught.value
    )
    assert "Nothing was saved" not in str(caught.value)


@pytest.mark.parametrize("text", ["[[registries]", '[[registries]]\nname = "a"\nurl = 5', ""])
def test_an_invalid_file_is_never_overwritten(file, keyring_service, text):
    fleet = Fleet([WORK])
    fleet._config_file = file
    file.write_text(text)
    refused(fleet.remember("work"), str(file), "Nothing was saved")
    refused(fleet.forget("work"), str(file))
    assert file.read_text() == text
    assert keyring_service.passwords() == {}


def test_unknown_names_are_said(file):
    file.write_text(TEXT)
    fleet = Fleet.from_config(file)
    with pytest.raises(KeyError, match="no registry is called 'b'"):
        run(fleet.remember("b"))
    refused(fleet.forget("b"), f"{file} has no registry of the name 'b'")


def test_a_link_stays_one_and_who_may_read_may_still(file):
    target = file.with_name("target.toml")
    target.write_bytes(b"\xef\xbb\xbf" + TEXT.replace("\n", "\r\n").encode())
    target.chmod(0o640)
    file.symlink_to(target)
    run(fleet_of(file, OPEN).remember("open"))
    assert file.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    content = target.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf# ours\r\n")
    assert content.count(b"\r\n") == content.count(b"\n")
    assert [config.name for config in load_configs(file)] == ["a", "open"]


def test_a_disk_that_takes_nothing_leaves_all_as_it_was(tmp_path, keyring_service):
    import keyring

    keyring.set_password(*ENTRY, "before")
    with small_disk(tmp_path / "disk", 1) as disk:
        file = disk / "registries.toml"
        file.write_text(TEXT)
        fleet = fleet_of(file, WORK, OPEN)
        fill_up(disk / "ballast")
        refused(fleet.remember("work"), str(file), "No space left", "Nothing was saved")
        (disk / "ballast").unlink()
        make_read_only(disk)
        for name in ("work", "open"):
            refused(fleet.remember(name), str(file), "Read-only", "Nothing was saved", "writable")
        refused(fleet.forget("a"), str(file), "Read-only")
        assert file.read_text() == TEXT
    assert keyring_service.passwords() == {ENTRY: "before"}


WRITER = """
import sys
from ghostnb import Fleet, RegistryConfig, run
file, prefix = sys.argv[1:]
for number in range(15):
    fleet = Fleet.from_config(file)
    fleet.add(RegistryConfig(f"{prefix}{number}", "https://r.example"))
    run(fleet.remember(f"{prefix}{number}"))
    if number % 3 == 0:
        run(fleet.forget(f"{prefix}{number}"))
    print(number, flush=True)
"""


def test_two_kernels_lose_nothing(file):
    file.write_text(TEXT)
    for process in [start_script(WRITER, str(file), prefix) for prefix in "xy"]:
        finish_script(process)
    kept = {f"{prefix}{number}" for prefix in "xy" for number in range(15) if number % 3}
    names = [config.name for config in load_configs(file)]
    assert (len(names), set(names)) == (len(kept) + 1, kept | {"a"})


def test_a_kernel_that_is_killed_leaves_a_whole_file(file):
    for seed in range(6):
        file.write_text(TEXT)
        process = start_script(WRITER, str(file), "x")
        process.stdout.readline()
        time.sleep(random.Random(seed).uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert file.read_text().startswith(TEXT)
        assert load_configs(file)[0].name == "a"
        # What it left stops nobody.
        run(fleet_of(file, OPEN).remember("open"))
        assert load_configs(file)[-1] == OPEN
        assert {found.name for found in file.parent.iterdir()} == {
            file.name,
            f".{file.name}.lock",
        }


def test_a_writer_that_hangs_is_waited_for_with_a_limit(file, monkeypatch):
    import fcntl

    monkeypatch.setattr("ghostnb.registries.config_saving._LOCK_SECONDS", 0.2)
    file.write_text(TEXT)
    with open(file.with_name(f".{file.name}.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        refused(fleet_of(file, OPEN).remember("open"), "Another process", "Nothing was saved")
    assert file.read_text() == TEXT


async def cancelled(work, when):
    """Cancel something once an event is set on another thread."""
    task = asyncio.ensure_future(work)
    await asyncio.to_thread(when.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(
    "text", [TEXT, TEXT + '[[registries]]\nname = "work"\nurl = "https://x"\n', None]
)
@pytest.mark.parametrize("others_text", ["", "# another kernel\n"])
def test_one_that_is_cancelled_while_it_writes_has_saved_nothing(
    file, keyring_service, monkeypatch, text, others_text
):
    if text is not None:
        file.write_text(text)
    is_replaced, replace = threading.Event(), config_saving._replace

    def slowly(*arguments):
        answer = replace(*arguments)
        if not is_replaced.is_set() and others_text:
            file.write_text(file.read_text() + others_text)
        is_replaced.set()
        time.sleep(0.1)  # the thread goes on when nobody waits for it
        return answer

    monkeypatch.setattr(config_saving, "_replace", slowly)
    asyncio.run(cancelled(config_saving.remember(WORK, file), is_replaced))
    if others_text:
        assert file.read_text().endswith(others_text)
        assert [one for one in load_configs(file) if one.url == WORK.url] == []
    else:
        assert (file.read_text() if file.exists() else None) == text
    assert keyring_service.passwords() == {}


def test_a_keyring_that_answers_too_late_keeps_nothing(file, keyring_service, monkeypatch):
    file.write_text(TEXT)
    monkeypatch.setattr(system_keyring, "_PATIENCE_SECONDS", 0.5)
    with keyring_service.hanging():
        refused(system_keyring.store_password(*ENTRY, SECRET), "has not answered")
    settle_keyring()
    assert keyring_service.passwords() == {}


def settle_keyring():
    for thread in threading.enumerate():
        if thread.name == "ghostnb-keyring":
            thread.join(20)
            assert not thread.is_alive()


def test_a_store_that_ends_when_nobody_waits_any_more_is_undone(keyring_service, monkeypatch):
    import keyring

    monkeypatch.setattr(system_keyring, "_PATIENCE_SECONDS", 0.5)
    keyring.set_password(*ENTRY, "before")
    is_late, backend = threading.Event(), type(keyring.get_keyring())
    store = backend.set_password

    def late(*arguments):
        store(*arguments)
        is_late.wait(20)

    monkeypatch.setattr(backend, "set_password", late)
    refused(system_keyring.store_password(*ENTRY, SECRET), "has not answered")
    assert keyring_service.passwords() == {ENTRY: SECRET}
    is_late.set()
    settle_keyring()
    assert keyring_service.passwords() == {ENTRY: "before"}


def test_a_directory_that_cannot_be_synced_is_no_failure(file, keyring_service, monkeypatch):
    sync = os.fsync

    def unless_a_directory(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        sync(handle)

    file.write_text(TEXT)
    monkeypatch.setattr(os, "fsync", unless_a_directory)
    run(fleet_of(file, WORK).remember("work"))
    assert load_configs(file)[-1].url == WORK.url
    assert keyring_service.passwords() == {ENTRY: SECRET}
