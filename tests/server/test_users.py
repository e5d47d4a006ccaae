"""Users with passwords at the agent, as Drift has them."""

from __future__ import annotations

import subprocess

import pytest

from tests.parts.agent import running_agent
from tests.parts.processes import find_program


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    directory = tmp_path_factory.mktemp("users")
    program = find_program("htpasswd", "apache2-utils")
    lines = [
        subprocess.run([program, "-nbBC", "4", user, f"{user}-pw"], capture_output=True, check=True)
        for user in ("ann", "bob")
    ]
    (directory / "users").write_bytes(b"".join(line.stdout for line in lines))
    options = ("--htpasswd", str(directory / "users"), "--admin", "ann")
    settings = 'c.AgentIdentityProvider.user_tokens = {"tim": "tims-token"}'
    with running_agent(directory, {}, *options, settings=settings) as running:
        yield running


def test_a_password_opens_what_its_users_role_allows(agent):
    body = {"name": "x", "url": "http://localhost:1"}

    assert agent.ask("GET", "/jobs", token=None, auth=("bob", "bob-pw")).status_code == 200
    refused = agent.ask("POST", "/registries", token=None, auth=("bob", "bob-pw"), json=body)
    added = agent.ask("POST", "/registries", token=None, auth=("ann", "ann-pw"), json=body)
    assert (refused.status_code, added.status_code) == (403, 201)


def test_beside_users_with_passwords_those_with_tokens_are_viewers(agent):
    body = {"name": "y", "url": "http://localhost:1"}

    assert agent.ask("GET", "/jobs", token="tims-token").status_code == 200
    assert agent.ask("POST", "/registries", token="tims-token", json=body).status_code == 403


def test_a_wrong_password_opens_nothing(agent):
    for user in (("bob", "ann-pw"), ("nobody", "x"), ("owner", "")):
        assert agent.ask("GET", "/jobs", token=None, auth=user).status_code == 401


def test_who_guesses_has_to_wait(agent):
    statuses = [
        agent.ask("GET", "/jobs", token=None, auth=("guess", str(n))).status_code for n in range(12)
    ]

    assert statuses == [401] * 10 + [429] * 2
