"""The agent over TLS, and the certificates that it does not begin with."""

from __future__ import annotations

import httpx2
import pytest

from tests.parts.agent import TOKEN, running_agent
from tests.parts.processes import PartError


def test_it_answers_by_https(certificates, tmp_path):
    pair = ("--tls-cert", str(certificates.server_certificate))
    pair += ("--tls-key", str(certificates.server_key))
    with running_agent(tmp_path, {}, *pair) as agent:
        answer = httpx2.get(
            f"{agent.url}/api/v1/health",
            headers={"Authorization": f"Bearer {TOKEN}"},
            verify=certificates.client_context(),
            trust_env=False,
        )

    assert agent.url.startswith("https://")
    assert answer.json()["status"] == "ok"


@pytest.mark.parametrize(
    ("certificate", "key", "why"),
    [
        ("nowhere.pem", "server.key", r"nowhere\.pem and .* cannot be used for TLS \(No such file"),
        (None, "server.key", "--tls-cert and --tls-key need each other"),
        ("server.pem", None, "--tls-cert and --tls-key need each other"),
        ("server.pem", "client.key", r"server\.pem and .*client\.key cannot .*MISMATCH"),
    ],
)
def test_certificates_that_cannot_be_used_are_told_in_words(
    certificates, tmp_path, certificate, key, why
):
    directory = certificates.server_certificate.parent
    arguments = [
        text
        for option, name in (("--tls-cert", certificate), ("--tls-key", key))
        if name
        for text in (option, str(directory / name))
    ]

    with pytest.raises(PartError, match=why) as caught:
        with running_agent(tmp_path, {}, *arguments):
            pass

    assert "Traceback" not in str(caught.value)
