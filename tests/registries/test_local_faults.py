"""What is wrong on this machine with how a registry is reached: all of it, at once, in time."""

import asyncio
import os
import shutil
import sys
import threading
import time

import keyring
import pytest
from keyring.backend import KeyringBackend

from ghostnb.errors import ConfigError, UnauthorizedError, UnsupportedError
from ghostnb.registries import system_keyring
from ghostnb.registries.abilities import TellsFaults
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry, faults
from ghostnb.registries.system_keyring import store_password
from tests.scripts import run_script

HOME = "https://registry.example.com"
AMAZON = "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com"


def found(url=HOME, **settings):
    """Look, and give what is wrong."""

    async def look():
        registry = HTTPRegistry(RegistryConfig("reg", url, **settings))
        assert isinstance(registry, TellsFaults)
        try:
            return await registry.local_faults()
        finally:
            await registry.aclose()

    return asyncio.run(look())


def one(kind, *words, **settings):
    (fault,) = found(**settings)
    assert type(fault) is kind
    assert [word for word in words if word not in str(fault)] == []


@pytest.fixture
def aws(monkeypatch, home):
    for name in [name for name in os.environ if name.startswith(("AWS_", "BOTO"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "aws.config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "aws.credentials"))
    return home / "aws.config"


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(faults, "_PATIENCE_SECONDS", 0.5)


def test_a_registry_without_any_is_well():
    assert found() == []


def test_a_password_whose_variable_is_not_set(monkeypatch):
    settings = {"username": "ghost", "password": "env:NB_PASSWORD"}
    one(ConfigError, "variable NB_PASSWORD, which is not set", "Set NB_PASSWORD", **settings)

    monkeypatch.setenv("NB_PASSWORD", "nb-s3cret")
    assert found(**settings) == []


def test_a_token_whose_variable_is_not_set(monkeypatch):
    one(ConfigError, "The token of reg", "NB_TOKEN, which is not set", token="env:NB_TOKEN")

    monkeypatch.setenv("NB_TOKEN", "nb-s3cret")
    assert found(token="env:NB_TOKEN") == []


def test_a_keyring_without_the_password(keyring_service):
    settings = {"username": "ghost", "password": "keyring:work"}
    one(ConfigError, "none of the user ghost for work", "keyring set work ghost", **settings)

    asyncio.run(store_password("work", "ghost", "nb-s3cret"))
    assert found(**settings) == []


def test_each_certificate_that_is_not_there_by_itself(certificates, tmp_path):
    settings = {"ca_file": str(tmp_path / "ca.pem"), "client_cert": str(tmp_path / "c.pem")}
    first, second = found(**settings)
    assert "ca.pem cannot be read" in str(first)
    assert "c.pem cannot be read" in str(second)

    shutil.copy(certificates.ca_file, tmp_path / "ca.pem")
    one(ConfigError, "c.pem cannot be read", **settings)
    shutil.copy(certificates.client_certificate, tmp_path / "c.pem")
    assert found(**settings, client_key=str(certificates.client_key)) == []


def test_certificates_are_not_needed_for_plain_http(tmp_path):
    assert found("http://localhost:1", ca_file=str(tmp_path / "absent.pem")) == []


def test_an_aws_profile_that_is_not_there(aws):
    words = ("The profile of reg, work, cannot be used", "(work) could not be found")
    hint = "aws configure list-profiles"
    one(UnauthorizedError, *words, hint, url=AMAZON, profile="work")

    aws.write_text("[profile work]\nregion = eu-west-1\n")
    assert found(AMAZON, profile="work") == []


def test_profiles_of_which_boto3_cannot_tell(aws):
    aws.write_text("[profile\n")
    one(UnauthorizedError, "Unable to parse config file", url=AMAZON, profile="work")


def test_a_profile_without_boto3(aws, monkeypatch):
    monkeypatch.setitem(sys.modules, "boto3", None)
    one(UnsupportedError, "pip install 'ghostnb[aws]'", url=AMAZON, profile="work")


@pytest.mark.parametrize("settings", [{"kind": "ecr"}, {"url": f"{AMAZON}:8443"}])
def test_a_profile_that_nobody_will_use_is_none(aws, settings):
    assert found(**{"url": HOME, "profile": "work", **settings}) == []


def test_all_of_them_at_once(aws, tmp_path):
    absent = str(tmp_path / "absent.pem")
    login = {"username": "AWS", "password": "env:NB_PASSWORD"}

    told = found(AMAZON, profile="work", ca_file=absent, **login)

    assert [str(fault).split(" of reg")[0] for fault in told] == [
        "The password",
        "The certificate",
        "The profile",
    ]


def test_a_disk_that_does_not_answer_is_not_waited_for(tmp_path, impatient):
    silent = tmp_path / "silent.pem"
    os.mkfifo(silent)  # who opens it waits for somebody to write into it
    started = time.monotonic()
    one(ConfigError, "The certificates of reg could not be read within 0.5 s", ca_file=str(silent))
    assert time.monotonic() - started < 5


def test_a_silent_disk_keeps_no_program_from_ending(tmp_path):
    silent = tmp_path / "silent.pem"
    os.mkfifo(silent)
    script = f"""
import asyncio
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry, faults
faults._PATIENCE_SECONDS = 0.2
async def look():
    config = RegistryConfig("reg", "https://registry.example.com", ca_file={str(silent)!r})
    print(len(await HTTPRegistry(config).local_faults()))
asyncio.run(look())
"""
    assert run_script(script) == "1\n"


@KeyringBackend.register  # no class of it, which other tests' keyring would choose
class Silent:
    """A keyring that waits to be unlocked."""

    name, priority, viable = "Silent", 5, True

    def __init__(self):
        self.is_over = threading.Event()

    def get_password(self, service, username):
        self.is_over.wait(60)


def test_a_keyring_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(system_keyring, "_PATIENCE_SECONDS", 0.3)
    before, silent = keyring.get_keyring(), Silent()
    keyring.set_keyring(silent)
    started = time.monotonic()
    try:
        words = ("has not answered within 0.3 s", "waiting to be unlocked")
        one(ConfigError, *words, username="ghost", password="keyring:work")
    finally:
        silent.is_over.set()
        keyring.set_keyring(before)
    assert time.monotonic() - started < 5
