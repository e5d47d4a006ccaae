"""The command ``ghostnb``, run as a user runs it."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ghostnb import doctor
from ghostnb.registries.records import Ping
from tests.parts.agent import running_agent
from tests.parts.faults import faulty_server
from tests.parts.processes import PartError
from tests.parts.registries import RunningRegistry
from tests.parts.replies import hang


def ghostnb(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ghostnb", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def write_config(home: Path, *registries: tuple[str, str]) -> None:
    file = home / ".config/ghostnb/registries.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    tables = [f'[[registries]]\nname = "{name}"\nurl = "{url}"\n' for name, url in registries]
    file.write_text("\n".join(tables))


def test_the_version_is_the_packages() -> None:
    import ghostnb as package

    assert ghostnb("--version").stdout == f"ghostnb {package.__version__}\n"


def test_no_command_is_a_usage_error_that_lists_them() -> None:
    run = ghostnb()
    assert run.returncode == 2
    assert "doctor" in ghostnb("--help").stdout


def test_doctor_says_which_registry_answers_and_what_to_do_about_the_other(
    home: Path, registry: RunningRegistry
) -> None:
    write_config(home, ("good", registry.url), ("gone", "http://localhost:1"))
    run = ghostnb("doctor")
    assert run.returncode == 1
    assert f"ok   good: {registry.url} (distribution, anonymous" in run.stdout
    assert "BAD  gone: Cannot reach gone" in run.stdout
    assert "Is the registry running?" in run.stdout
    assert run.stderr == ""


def test_doctor_tells_what_is_wrong_here_beside_what_cannot_be_reached(home: Path) -> None:
    write_config(home, ("gone", "https://localhost:1"))
    with (home / ".config/ghostnb/registries.toml").open("a") as file:
        file.write('username = "ghost"\npassword = "env:NB_NOT_SET"\nca_file = "/gone/ca.pem"\n')
    run = ghostnb("doctor")
    told = [line for line in run.stdout.splitlines() if line.startswith("  BAD  gone: ")]
    words = ("NB_NOT_SET, which is not set", "/gone/ca.pem cannot be read", "Cannot reach gone at")
    assert [word in line for word, line in zip(words, told, strict=True)] == [True] * 3
    assert run.returncode == 1
    assert run.stderr == ""


def test_doctor_says_that_a_registry_answers_of_which_something_here_is_wrong(
    home: Path, htpasswd_registry: RunningRegistry
) -> None:
    write_config(home, ("locked", htpasswd_registry.url))
    with (home / ".config/ghostnb/registries.toml").open("a") as file:
        file.write('username = "ghost"\npassword = "env:NB_NOT_SET"\n')
    run = ghostnb("doctor")
    assert "BAD  locked: The password of locked is in the environment variable" in run.stdout
    assert f"--   locked: {htpasswd_registry.url} answers; it is asked for more" in run.stdout
    assert run.returncode == 1


def test_doctor_says_once_what_is_wrong_in_a_directory_of_certificates(home: Path) -> None:
    write_config(home, ("certs", "https://localhost:1"))
    directory = home / ".docker/certs.d/localhost:1"
    directory.mkdir(parents=True)
    (directory / "ca.crt").write_text("no certificate")
    told = ghostnb("doctor").stdout
    assert told.count("ca.crt cannot be read") == 1
    assert "Cannot reach certs at https://localhost:1 (connection refused)" in told


@pytest.mark.parametrize(
    ("offers", "rights", "doubt", "text"),
    [
        ((), "", "", "(harbor, with credentials, 12 ms); offers nothing beyond the distribution "),
        (("search",), "ada, an admin", "", "); offers search; rights: ada, an admin"),
        (("search",), "", "nothing says so", "); offers search; nothing says so"),
    ],
)
def test_doctor_says_what_a_kind_offers_and_with_which_rights(offers, rights, doubt, text) -> None:
    ping = Ping("reg", "https://r", "harbor", True, 0.012, None, offers, rights, doubt)
    assert text in doctor._describe(ping)


def test_doctor_names_the_sockets_where_no_daemon_answered() -> None:
    run = ghostnb("doctor")
    assert "BAD  No container daemon answers at unix://" in run.stdout
    assert "systemctl start docker" in run.stdout


def test_doctor_does_not_wait_for_ever_for_a_silent_daemon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor, "_PATIENCE_SECONDS", 0.3)
    with faulty_server({"*": hang()}) as server:
        monkeypatch.setenv("DOCKER_HOST", f"tcp://{server.host}")
        started = time.monotonic()
        [daemon] = doctor.examine().sections["Container daemon"]
    assert time.monotonic() - started < 5
    assert daemon.state == "bad"
    assert f"tcp://{server.host} (no answer in time)" in daemon.text


def test_doctor_names_the_module_of_each_extra() -> None:
    out = ghostnb("doctor").stdout
    extras = {
        "boto3": "aws",
        "azure-identity": "azure",
        "google-auth": "google",
        "pyreqwest": "fast",
        "uvloop": "fast",
        "keyring": "keyring",
        "nest-asyncio2": "nested",
        "pyarrow": "parquet",
        "resvg-py": "charts",
        "plotly": "charts",
    }
    for name, extra in extras.items():
        assert re.search(rf"(ok|--)   +{name} .*{extra}", out)


def test_doctor_tells_every_package_with_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GHOSTNB_CONFIG")
    out = ghostnb("doctor").stdout
    for name in ("docker", "httpx2", "msgspec", "pandas"):
        assert f"ok   {name} " in out
    assert "registries.toml is not there; the two default registries are used" in out


def test_doctor_shows_a_broken_configuration_with_its_line(home: Path) -> None:
    file = home / ".config/ghostnb/registries.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[[registries]]\nname = "a"\nurl = "https://a"\ncolour = "red"\n')
    run = ghostnb("doctor")
    assert run.returncode == 1
    assert "line 4: unknown key 'colour'" in run.stdout
    assert "Traceback" not in run.stderr


def test_doctor_shows_no_password(home: Path, htpasswd_registry: RunningRegistry) -> None:
    file = home / ".config/ghostnb/registries.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'[[registries]]\nname = "locked"\nurl = "{htpasswd_registry.url}"\n'
        'username = "ghost"\npassword = "wr0ng-secret"\n'
    )
    run = ghostnb("doctor")
    assert "BAD  locked:" in run.stdout
    assert "wr0ng-secret" not in run.stdout + run.stderr


def test_a_configuration_that_is_not_there_is_an_error_in_one_line(tmp_path: Path) -> None:
    run = ghostnb("doctor", "--config", str(tmp_path / "none.toml"))
    assert "There is no configuration file" in run.stdout
    assert run.returncode == 1


def test_nobody_is_given_two_roles_at_the_agent(tmp_path):
    settings = 'c.AgentIdentityProvider.user_tokens = {"ada": "t"}'
    twice = ("--admin", "ada", "--developer", "ada")

    with pytest.raises(PartError, match="ada is given two roles"):
        with running_agent(tmp_path, {}, *twice, settings=settings):
            pass


def test_doctor_does_not_say_that_there_are_none_where_they_cannot_be_read(home: Path) -> None:
    write_config(home, ("mine", "https://ghcr.io/acme"), ("other", "http://localhost:1"))
    told = ghostnb("doctor").stdout
    assert 'Write: url = "https://ghcr.io", namespace = "acme"' in told
    assert "BAD  none was asked: the configuration cannot be read" in told
