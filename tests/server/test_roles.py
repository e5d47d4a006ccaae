"""Each role on each route, nobody on any, and what remembers them."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from ghostnb import audit_frame
from ghostnb.drift.auth.identity import Role
from ghostnb.server.openapi import description
from ghostnb.server.roles import RoleAuthorizer, role_needed
from ghostnb.server.routes import ROUTES
from tests.parts.agent import RunningAgent, running_agent
from tests.parts.processes import PartError
from tests.parts.registries import RunningRegistry

USERS = {"vic": "viewer", "dev": "developer", "ada": "admin", "nob": ""}
SETTINGS = f"""
c.AgentIdentityProvider.user_tokens = {{name: name + "-token" for name in {list(USERS)}}}
c.RoleAuthorizer.roles = {{name: role for name, role in {USERS}.items() if role}}
"""
OPERATIONS = [
    (path, method, operation["operationId"])
    for path, methods in description(ROUTES, "").get("paths", {}).items()
    for method, operation in methods.items()
    # Webhooks have secrets of their own.
    if operation.get("security") != []
]
# What changes something, and who may; everything else, viewers may.
ADMIN = {
    "subscriptions.list",
    "subscriptions.add",
    "subscriptions.remove",
    "registries.add",
    "registries.remove",
    "images.delete",
}
DEVELOPER = {
    *(f"images.{name}" for name in ("pull", "push", "copy", "sync")),
    *(f"containers.{name}" for name in ("create", "remove", "start", "stop", "restart", "logs")),
    "jobs.cancel",
}


@pytest.fixture(scope="module")
def guarded(
    registry: RunningRegistry, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningAgent]:
    """Run an agent with a user of each role."""
    directory = tmp_path_factory.mktemp("guarded")
    with running_agent(directory, {"local": registry.url}, settings=SETTINGS) as agent:
        yield agent


def url_of(path: str) -> str:
    return re.sub(r"\{\w+\}", "absent", path)


def ask(agent: RunningAgent, user: str | None, path: str, method: str):
    token = f"{user}-token" if user else None
    body = {"json": {}} if method == "post" else {}
    return agent.ask(method.upper(), url_of(path), token=token, **body)


def least_role(name: str) -> Role:
    if name in ADMIN:
        return Role.ADMIN
    return Role.DEVELOPER if name in DEVELOPER else Role.VIEWER


@pytest.mark.parametrize(("path", "method", "name"), OPERATIONS)
def test_each_role_may_what_it_is_for_and_no_more(guarded, path, method, name):
    allowed = {user for user in USERS if ask(guarded, user, path, method).status_code != 403}

    order = list(Role)
    expected = {
        user
        for user, role in USERS.items()
        if role and order.index(Role(role)) >= order.index(least_role(name))
    }
    assert allowed == expected


@pytest.mark.parametrize(("path", "method", "name"), OPERATIONS)
def test_nobody_is_let_in_without_a_token(guarded, path, method, name):
    for token in (None, "wrong", ""):
        body = {"json": {}} if method == "post" else {}
        answer = guarded.ask(method.upper(), url_of(path), token=token, **body)
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Basic dmljOnZpYw=="},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Bearer vic-token2"},
        {"Authorization": b"Bearer \xff\xfe"},
        {"Cookie": "token=vic-token"},
    ],
)
def test_what_is_no_token_opens_nothing(guarded, headers):
    assert guarded.ask("GET", "/registries", token=None, headers=headers).status_code == 401


def test_a_token_in_the_url_opens_nothing(guarded):
    assert guarded.ask("GET", "/registries?token=vic-token", token=None).status_code == 401


def test_another_name_for_this_machine_is_refused(guarded):
    answer = guarded.ask("GET", "/registries", headers={"Host": "evil.example"})

    assert answer.status_code == 403
    assert "--allow-host" in answer.json()["message"]


def test_neither_kernels_nor_files_are_served(guarded):
    for path in ("kernels", "contents", "sessions", "terminals"):
        answer = guarded.ask("GET", f"/../../api/{path}")
        assert answer.status_code == 404


def test_what_was_refused_is_remembered_without_a_secret(guarded):
    request_id = "refused-1"
    body = {"name": "x", "url": "http://localhost:1", "username": "u", "password": "hush-hush"}
    headers = {"X-Request-Id": request_id}
    guarded.ask("POST", "/registries", token="vic-token", headers=headers, json=body)
    guarded.ask("POST", "/registries", token="ada-token", json=body)
    guarded.ask("DELETE", "/registries/x", token="ada-token")

    frame = audit_frame(guarded.audit_file)
    refused = frame[frame["request_id"] == request_id].iloc[0]
    done = frame[(frame["actor"] == "ada") & (frame["outcome"] == "success")]
    assert (refused["actor"], refused["outcome"], refused["status"]) == ("vic", "denied", 403)
    assert list(done["action"])[-2:] == ["registries.add", "registries.remove"]
    assert list(done["registry"])[-1] == "x"
    said = guarded.audit_file.read_text() + guarded.log_file.read_text()
    for secret in ("hush-hush", "vic-token", "ada-token", "the-owners-token"):
        assert secret not in said


def test_the_audit_is_its_owners_alone(guarded):
    assert guarded.audit_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "path", ["/", "/nothing", "/login", "/api", "/api/v1", "/api/contents", "/static/x", "/lab"]
)
def test_no_page_shows_the_owners_token(guarded, path):
    for token in ("vic-token", None):
        answer = guarded.ask("GET", f"/../..{path}", token=token)
        assert "the-owners-token" not in answer.text
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.status_code in (401, 404)


def test_strangers_cannot_fill_the_audit(guarded):
    before, began, asked = len(audit_frame(guarded.audit_file)), minute(), 0

    def allowed() -> int:
        """Each minute has its 120 lines, and one that counts what was left out of the last."""
        return 121 * (minute() - began + 1)

    while asked < allowed() + 30:
        guarded.ask("GET", f"/registries/{'x' * 200}/repositories", token="wrong")
        asked += 1

    frame = audit_frame(guarded.audit_file)
    strangers = frame[frame["actor"].isna() & (frame["outcome"] == "denied")]
    assert len(frame) - before <= allowed()
    # The agent may have met some before: of all, at least a minute's are there.
    assert len(strangers) >= 120
    assert "x" * 200 not in guarded.audit_file.read_text()


def minute() -> int:
    """Number the minutes as the agent does: this clock is the machine's."""
    return int(time.monotonic() // 60)


def test_a_role_for_nobody_and_a_user_called_owner_are_refused(tmp_path):
    for arguments in (("--admin", "nobody"), ("--developer", "owner")):
        with pytest.raises(PartError, match=r"is no user here|No user can be called"):
            with running_agent(tmp_path, {}, *arguments):
                pass


def test_what_no_role_is_named_for_only_admins_may():
    assert role_needed("kernels", "read") is Role.ADMIN
    assert role_needed("ghostnb.registries", "anything") is Role.ADMIN


def test_users_without_a_role_have_the_default_one():
    authorizer = RoleAuthorizer(roles={"ann": "admin"}, default_role="viewer")

    assert authorizer.role_of("ann") is Role.ADMIN
    assert authorizer.role_of("bob") is Role.VIEWER
