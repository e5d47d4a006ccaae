"""Who can reach Drift: its options, users beyond loopback, certificates."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from contextlib import aclosing, closing

import httpx2
import psutil
import pytest

from ghostnb.drift.auth.guard import checked_public_url, is_loopback
from ghostnb.drift.server import check_exposure, listen, tls_options
from ghostnb.errors import ConfigError
from ghostnb.registries.config import RegistryConfig
from ghostnb.registries.http import HTTPRegistry
from tests.drift.logins import IMAGE, PASSWORDS, basic, write_htpasswd
from tests.parts.certificates import Certificates, issue_authority
from tests.parts.drift import running_drift
from tests.parts.processes import PLAIN
from tests.parts.pushes import Pusher
from tests.serving import wait_until


def drift(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a Drift that is not to begin."""
    command = [sys.executable, "-m", "ghostnb", "drift", "--port", "0", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def htpasswd(tmp_path) -> str:
    return str(write_htpasswd(tmp_path / "htpasswd"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "registry.example.com"])
def test_beyond_loopback_users_are_needed_or_the_word_that_none_are(host):
    check_exposure(host, has_users=True, allow_anonymous=False)
    check_exposure(host, has_users=False, allow_anonymous=True)
    with pytest.raises(ConfigError, match=r"--htpasswd FILE, or say --allow-anonymous"):
        check_exposure(host, has_users=False, allow_anonymous=False)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_on_loopback_nobody_is_needed(host):
    check_exposure(host, has_users=False, allow_anonymous=False)


def test_drift_does_not_begin_beyond_loopback_without_users(tmp_path):
    run = drift("--root", str(tmp_path / "root"), "--host", "0.0.0.0")

    assert run.returncode == 1
    assert "would let everyone who reaches this machine push and delete" in run.stderr
    assert not (tmp_path / "root").exists()


def test_a_port_is_had_by_one_and_waits_for_its_server():
    with closing(listen("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port), timeout=30):
            pass
        with pytest.raises(ConfigError, match=f"Port {port} of 127.0.0.1 cannot be had .*--port"):
            listen("127.0.0.1", port)


def test_with_users_it_listens_everywhere_and_says_what_is_not_encrypted(tmp_path, htpasswd):
    log = tmp_path / "log"
    arguments = ("--root", str(tmp_path / "root"), "--host", "0.0.0.0", "--htpasswd", htpasswd)
    with log.open("wb") as out:
        command = [sys.executable, "-m", "ghostnb", "drift", "--port", "0", *arguments]
        process = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        wait_until(lambda: "--tls-key" in log.read_text() or process.poll() is not None)
        assert "Passwords travel unencrypted: give --tls-cert and --tls-key" in log.read_text()
        found = re.search(r"http://0\.0\.0\.0:(\d+)", log.read_text())
        assert found, log.read_text()
        # It is asked at once: what is told as served can be reached.
        url = f"http://127.0.0.1:{found[1]}/v2/"
        reply = httpx2.get(
            url, headers={"host": "some.where:1"}, verify=PLAIN, trust_env=False, timeout=30
        )
        assert reply.status_code == 401
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--admin", "ada"), "there are none. Name their file: --htpasswd FILE"),
        (("--developer", "ada"), "Name their file: --htpasswd FILE"),
        (("--anonymous-pull",), "Name their file: --htpasswd FILE"),
        (("--htpasswd", "HTPASSWD", "--admin", "eve"), "eve is given a role, but is not in"),
        (
            ("--htpasswd", "HTPASSWD", "--admin", "ada", "--developer", "ada"),
            "ada is given two roles",
        ),
        (("--htpasswd", "no-such-file"), "htpasswd -cB no-such-file USER"),
        (("--public-url", "registry.example.com"), "is not a registry's address"),
        (("--tls-cert", "no-such-file"), "--tls-cert and --tls-key need each other"),
        (("--tls-key", "no-such-file"), "--tls-cert and --tls-key need each other"),
        (("--tls-cert", "none", "--tls-key", "none"), "(No such file or directory)"),
        (
            ("--port", "70000"),
            "Port 70000 of 127.0.0.1 cannot be had (bind(): port must be 0-65535",
        ),
        (("--port", "-1"), "Port -1 of 127.0.0.1 cannot be had"),
    ],
)
def test_options_that_cannot_be_are_an_error_in_one_line(tmp_path, htpasswd, arguments, said):
    arguments = [htpasswd if argument == "HTPASSWD" else argument for argument in arguments]
    run = drift("--root", str(tmp_path / "root"), *arguments)

    assert run.returncode == 1
    assert said in run.stderr
    assert run.stderr.count("\n") == 1
    assert run.stdout == ""


def test_no_option_takes_a_password():
    help_text = drift("--help").stdout

    assert "--htpasswd" in help_text
    assert not re.search(r"--(pass|secret|token|credential)", help_text)


def test_nothing_that_is_secret_is_in_the_process_list_or_the_output(tmp_path, htpasswd, home):
    with running_drift(tmp_path / "root", "--htpasswd", htpasswd, "--admin", "ada") as running:
        for path in ("/v2/", "/token", "/whoami"):
            httpx2.get(
                running.url + path, headers=basic("ada", "wr0ng"), verify=PLAIN, trust_env=False
            )
            httpx2.get(running.url + path, headers=basic("ada"), verify=PLAIN, trust_env=False)
        shown = " ".join(psutil.Process(running.process.pid).cmdline())
    assert "$2" not in shown
    assert "s3cret" not in shown
    [key] = (home / ".local/share/ghostnb").iterdir()
    assert (key.name, key.stat().st_mode & 0o777) == ("drift-tokens.key", 0o600)


def test_without_users_no_key_is_made(tmp_path, home):
    with running_drift(tmp_path / "root"):
        assert not (home / ".local/share/ghostnb").exists()


def test_an_address_that_a_client_claims_does_not_help_it_to_guess_on(tmp_path, htpasswd):
    with running_drift(tmp_path / "root", "--htpasswd", htpasswd) as running:
        statuses = []
        for number in range(11):
            headers = {**basic("ada", "wrong"), "x-forwarded-for": f"192.0.2.{number}"}
            reply = httpx2.get(f"{running.url}/v2/", headers=headers, verify=PLAIN, trust_env=False)
            statuses.append(reply.status_code)

    assert statuses == [401] * 10 + [429]


@pytest.fixture
def tls(certificates: Certificates) -> tuple[str, ...]:
    files = (certificates.server_certificate, certificates.server_key)
    return ("--tls-cert", str(files[0]), "--tls-key", str(files[1]))


def test_drift_speaks_tls(tmp_path, htpasswd, tls, certificates):
    users = ("--htpasswd", htpasswd, "--admin", "ada")
    with running_drift(tmp_path / "root", *tls, *users) as running:
        assert running.url.startswith("https://127.0.0.1:")
        pair = {"username": "ada", "password": PASSWORDS["ada"]}
        with Pusher(running.url, **pair, ca_file=certificates.ca_file) as pusher:
            pusher.push("team/app", "1", IMAGE)
        context = certificates.client_context()
        challenge = httpx2.get(f"{running.url}/v2/", verify=context, trust_env=False)
        realm = f'realm="{running.url}/token"'
        assert realm in challenge.headers["www-authenticate"]

        async def tags() -> list[str]:
            config = RegistryConfig(
                "reg", running.url, *pair.values(), ca_file=str(certificates.ca_file)
            )
            async with aclosing(HTTPRegistry(config)) as registry:
                return [tag async for tag in registry.tags("team/app")]

        assert asyncio.run(tags()) == ["1"]


def test_a_certificate_and_another_ones_key_are_refused(certificates, tmp_path):
    with pytest.raises(ConfigError, match=r"server\.pem and .*client\.key cannot .*MISMATCH"):
        tls_options(str(certificates.server_certificate), str(certificates.client_key))
    (tmp_path / "text").write_text("no certificate")
    with pytest.raises(ConfigError, match="They must be a PEM certificate"):
        tls_options(str(tmp_path / "text"), str(certificates.server_key))


def test_a_key_that_wants_a_password_is_refused_and_nobody_is_asked(certificates, tmp_path):
    from cryptography.hazmat.primitives import serialization

    issued = issue_authority("me")
    encrypted = issued.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"s3cret"),
    )
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    cert.write_bytes(issued.certificate_pem)
    key.write_bytes(encrypted)

    with pytest.raises(ConfigError, match="the unencrypted private key"):
        tls_options(str(cert), str(key))


def test_without_certificates_there_are_no_options():
    assert tls_options(None, None) == {}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://registry.example.com", "https://registry.example.com"),
        ("https://Registry.Example.com:443/", "https://registry.example.com"),
        ("HTTP://box:80", "http://box"),
        ("http://box:5000", "http://box:5000"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_a_public_url_is_read(text, url):
    assert checked_public_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "box",
        "ftp://box",
        "https://",
        "https://box/registry",
        "https://me:s3cret@box",
        "https://a b",
    ],
)
def test_what_is_no_public_url_is_refused(text):
    with pytest.raises(ConfigError, match="Write scheme and host alone") as caught:
        checked_public_url(text)
    assert "s3cret" not in str(caught.value)


def test_what_loopback_is():
    assert all(map(is_loopback, ["localhost", "127.0.0.1", "127.9.9.9", "::1"]))
    assert not any(map(is_loopback, ["", "0.0.0.0", "::", "127.0.0.1.evil.example", "box"]))
