"""Shared fixtures: real registries, and a home that is nobody's.

Everything real is imported where it is used, so that unit tests pay for none of it.
"""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.parts.certificates import Certificates
    from tests.parts.drift import RunningDrift
    from tests.parts.registries import RunningRegistry
    from tests.parts.secret_service import SecretService
    from tests.parts.token_server import TokenServer

PLACES = {
    "HOME": "",
    "DOCKER_CONFIG": ".docker",
    "XDG_CONFIG_HOME": ".config",
    "XDG_CACHE_HOME": ".cache",
    "XDG_DATA_HOME": ".local/share",
    "XDG_RUNTIME_DIR": "run",
    "GHOSTNB_CONFIG": ".config/ghostnb/registries.toml",
}
FORGOTTEN = (
    "REGISTRY_AUTH_FILE",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_HOST",
    "DOCKER_CONTEXT",
    "CONTAINER_HOST",
)


def pytest_configure() -> None:
    """Let Ctrl-C reach what tests start, where they themselves run in the background.

    What a shell puts there ignores the signal, and so does all that it starts in turn.
    """
    _be_patient()
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        # With nohup, a terminal that is closed must still not end the tests.
        (signal.SIGHUP, lambda *_: None),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


def _be_patient() -> None:
    """Let hypothesis wait: these machines are busy, and no test of its is a timed one."""
    from hypothesis import HealthCheck, settings

    patient = [HealthCheck.too_slow]
    settings.register_profile("patient", deadline=None, suppress_health_check=patient)
    settings.load_profile("patient")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test an empty home: no credentials, configuration, cache or proxies.

    Proxy variables go altogether, ``NO_PROXY`` too: a test that sets ``HTTP_PROXY`` sees it
    used for loopback addresses.
    """
    # Not by `mktemp`, which looks through all that it made before.
    directory = Path(tempfile.mkdtemp(prefix="home-", dir=tmp_path_factory.getbasetemp()))
    for variable, place in PLACES.items():
        monkeypatch.setenv(variable, str(directory / place))
    (directory / "run").mkdir(mode=0o700)
    for variable in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(variable)
    for variable in FORGOTTEN:
        monkeypatch.delenv(variable, raising=False)
    # Nobody's own keyring is touched; tests of one start it.
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    # What every installation has; tests of the extra `fast` say so themselves.
    monkeypatch.setenv("GHOSTNB_FAST", "off")
    return directory


@pytest.fixture
def keyring_service() -> Iterator[SecretService]:
    """Run a real keyring, unlocked and empty, and let this test and its processes use it."""
    import keyring

    from tests.parts.secret_service import secret_service

    with secret_service() as running:
        with pytest.MonkeyPatch.context() as patch:
            patch.delenv("PYTHON_KEYRING_BACKEND")
            for name, value in running.environment.items():
                patch.setenv(name, value)
            keyring.core.init_backend()
            yield running
        keyring.core.init_backend()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRegistry]:
    """Run an anonymous registry that holds `tests.parts.standard.STANDARD_IMAGES`.

    Deletion is on. It is shared: tests that write use repositories of their own, or
    `fresh_registry`.
    """
    from tests.parts.registries import docker_registry
    from tests.parts.standard import empty_a_repository, push_standard

    with docker_registry(delete=True) as running:
        push_standard(running.url, running.host, tmp_path_factory.mktemp("layouts"))
        empty_a_repository(running.url)
        yield running


@pytest.fixture
def fresh_registry() -> Iterator[RunningRegistry]:
    """Run an empty anonymous registry with deletion on, for one test (50 ms)."""
    from tests.parts.registries import docker_registry

    with docker_registry(delete=True) as running:
        yield running


@pytest.fixture(scope="session")
def standard_storage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the standard set as a registry's storage, for the registries with a lock."""
    from tests.parts.standard import by_repository
    from tests.parts.storage import write_storage

    directory = tmp_path_factory.mktemp("storage")
    write_storage(directory, by_repository())
    return directory


@pytest.fixture(scope="session")
def htpasswd_registry(standard_storage: Path) -> Iterator[RunningRegistry]:
    """Run the standard set behind basic authentication: ``.username``, ``.password``."""
    from tests.parts.registries import Htpasswd, docker_registry

    with docker_registry(auth=Htpasswd(), storage_dir=standard_storage) as running:
        yield running


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make one authority with a server's and a client's certificate."""
    from tests.parts.certificates import make_certificates

    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def tls_registry(standard_storage: Path, certificates: Certificates) -> Iterator[RunningRegistry]:
    """Run the standard set over HTTPS: ``.ca_file``."""
    from tests.parts.registries import Tls, docker_registry

    with docker_registry(tls=Tls(certificates), storage_dir=standard_storage) as running:
        yield running


@pytest.fixture(scope="session")
def token_server() -> Iterator[TokenServer]:
    """Run the token server of `token_registry`; it records what it was asked."""
    from tests.parts.token_server import token_server

    with token_server() as server:
        yield server


@pytest.fixture(scope="session")
def token_registry(standard_storage: Path, token_server: TokenServer) -> Iterator[RunningRegistry]:
    """Run the standard set behind bearer tokens, which the registry verifies."""
    from tests.parts.registries import docker_registry

    with docker_registry(auth=token_server.auth(), storage_dir=standard_storage) as running:
        yield running


@pytest.fixture(scope="session")
def demo_drift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDrift]:
    """Serve the sample registry by Drift."""
    from ghostnb import run
    from ghostnb.demo import prepare_demo
    from tests.parts.drift import running_drift

    root = tmp_path_factory.mktemp("demo-drift")
    run(prepare_demo(root))
    with running_drift(root / "registry") as running:
        yield running


@pytest.fixture(scope="session")
def api_size(demo_drift: RunningDrift) -> str:
    """Give the size of team/shop/api:1.3 as pages show it: another Python packs other files."""
    from ghostnb import RegistryClient, run

    image = run(RegistryClient(f"oci:{demo_drift.root}").image("team/shop/api:1.3"))
    return f"{sum(layer.size_bytes for layer in image.layers) / 1e6:#.3g} MB"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium; no longer than for a module, since meanwhile no other loop can run here."""
    from tests.parts.browsers import chromium

    with chromium() as browser:
        yield browser
