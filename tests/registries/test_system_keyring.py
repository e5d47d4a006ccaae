"""The system's keyring: a real one, one that is locked or hangs, and none."""

import asyncio
import sys
import time

import keyring
import pytest
from keyring.backend import KeyringBackend

from ghostnb import run
from ghostnb.errors import ConfigError
from ghostnb.registries import system_keyring
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.system_keyring import (
    delete_password,
    find_keyring,
    read_password,
    store_password,
)
from tests.registries.asking import checked
from tests.scripts import run_script

ENTRY = ("ghostnb:https://r.example", "ghost")
CONFIG = RegistryConfig("work", "https://r.example", "ghost", f"keyring:{ENTRY[0]}")


def refused(work, *words):
    with pytest.raises(ConfigError) as caught:
        run(work)
    return checked(caught.value, ConfigError, *words)


@pytest.fixture
def use():
    """Give what makes a backend the one that keyring has chosen."""
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


def test_a_password_is_kept_read_replaced_and_deleted(keyring_service):
    assert run(read_password(*ENTRY)) is None
    run(store_password(*ENTRY, "first"))
    run(store_password(*ENTRY, "nb-s3crét"))
    assert keyring_service.passwords() == {ENTRY: "nb-s3crét"}
    assert run(read_password(*ENTRY)) == "nb-s3crét"
    for _ in range(2):  # what is not there need not be deleted
        run(delete_password(*ENTRY))
        assert keyring_service.passwords() == {}


def test_a_configuration_reads_it_when_it_is_needed(keyring_service):
    refused(
        CONFIG.credentials(),
        "The password of work is in the system keyring",
        "none of the user ghost for ghostnb:https://r.example",
        "keyring set ghostnb:https://r.example ghost",
    )
    run(store_password(*ENTRY, "nb-s3cret"))
    found = run(CONFIG.credentials())
    assert (found.username, found.password) == ("ghost", "nb-s3cret")
    assert "nb-s3cret" not in f"{CONFIG!r} {found!r}"


def test_one_that_is_locked_is_found_and_says_so(keyring_service):
    run(store_password(*ENTRY, "nb-s3cret"))
    keyring_service.lock()
    assert run(find_keyring()) == "SecretService Keyring"
    words = ("The system keyring is locked.", "Unlock it, and try again.")
    refused(CONFIG.credentials(), "The password of work", *words)
    refused(store_password(*ENTRY, "nb-s3cret"), *words)
    refused(delete_password(*ENTRY), *words)


def test_one_that_hangs_is_waited_for_with_a_limit_and_blocks_nothing(keyring_service, monkeypatch):
    monkeypatch.setattr(system_keyring, "_PATIENCE_SECONDS", 0.5)

    async def counted():
        turns, asking = 0, asyncio.ensure_future(read_password(*ENTRY))
        while not asking.done():
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(ConfigError, match=r"has not answered within 0\.5 s"):
            await asking
        return turns

    started = time.monotonic()
    with keyring_service.hanging():
        assert run(counted()) > 10
    assert time.monotonic() - started < 5


def test_python_ends_although_one_hangs(keyring_service):
    with keyring_service.hanging():
        assert run_script(
            "from ghostnb import run, ConfigError\n"
            "from ghostnb.registries import system_keyring\n"
            "system_keyring._PATIENCE_SECONDS = 0.2\n"
            "try:\n    run(system_keyring.read_password('a', 'b'))\n"
            "except ConfigError:\n    print('late')\n"
        ).startswith("late")


@pytest.mark.parametrize("backend", ["fail", "null"])
def test_without_one_it_is_said_what_it_takes(use, backend):
    use(__import__(f"keyring.backends.{backend}", fromlist="Keyring").Keyring())
    words = ("There is no system keyring here that works.", "Secret Service", "env:NAME")
    refused(find_keyring(), *words)
    refused(store_password(*ENTRY, "nb-s3cret"), *words)


def test_without_the_package_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    for work in (find_keyring(), CONFIG.credentials()):
        refused(work, "the package keyring, which is not installed", "'ghostnb[keyring]'")


# No subclasses: keyring would choose among these in every other test.
@KeyringBackend.register
class PlainFile:
    """A backend of the kind that keyring takes where there is nothing better."""

    name, priority, viable = "PlainFile", 0.5, True

    def get_password(self, service, username):
        return "nb-s3cret"

    def set_password(self, service, username, password):
        raise AssertionError("a password was written to a plain file")


@KeyringBackend.register
class Failing:
    name, priority, viable = "Failing", 5, True

    def get_password(self, service, username):
        raise RuntimeError("the password is nb-s3cret")


def test_one_that_may_protect_nothing_keeps_no_password(use):
    use(PlainFile())
    words = ("PlainFile is the one in use", "may not protect passwords", "PYTHON_KEYRING_BACKEND")
    refused(find_keyring(), *words)
    refused(store_password(*ENTRY, "nb-s3cret"), *words)
    assert run(CONFIG.credentials()).password == "nb-s3cret"  # which somebody has put there


CHOSEN = """
from keyring.backend import KeyringBackend

class Chosen(KeyringBackend):
    name, priority, kept = "Chosen", 0.5, {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password
"""
STORE = """
import sys
sys.path.append(sys.argv[1])
from ghostnb import run
from ghostnb.registries.system_keyring import find_keyring, read_password, store_password
run(store_password("a", "b", "kept"))
print(run(find_keyring()), run(read_password("a", "b")))
"""


@pytest.mark.parametrize("by", ["variable", "file"])
def test_one_that_somebody_chose_keeps_passwords(tmp_path, monkeypatch, by):
    (tmp_path / "chosen_keyring.py").write_text(CHOSEN)
    if by == "variable":
        monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "chosen_keyring.Chosen")
    else:
        monkeypatch.delenv("PYTHON_KEYRING_BACKEND", raising=False)
        monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
        file = tmp_path / "python_keyring" / "keyringrc.cfg"
        file.parent.mkdir()
        file.write_text("[backend]\ndefault-keyring=chosen_keyring.Chosen\n")
    assert run_script(STORE, str(tmp_path)).strip() == "Chosen kept"


def test_what_a_backend_says_of_its_failure_may_be_secret(use):
    use(Failing())
    refused(CONFIG.credentials(), "The password of work", "failed (RuntimeError)")
