"""Who asks, and that nobody else learns how that was proved."""

from __future__ import annotations

import time
import warnings

import httpx2
import pytest

from ghostnb.errors import ForbiddenError, ProtocolError, RegistryError, UnauthorizedError
from ghostnb.registries.records import UsageRecord
from ghostnb.registries.vendors.harbor import api
from tests.parts.images import plain_image
from tests.registries.vendors.harbor.replay import API, HOST, document
from tests.registries.vendors.harbor.runs import (
    ARTIFACTS,
    SECRET,
    URL,
    WHO,
    as_user,
    listed,
    run,
    run_known,
)
from tests.registries.vendors.replaying import answer

WRONG = "wr0ng-Pw"
PYTHON = "team/base/python"


async def rights(registry):
    return (await registry.ping()).rights


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "Anonymous: public projects alone."),
        (as_user(), "The user ada."),
        (as_user("root"), "The user root, an administrator of all projects."),
        (as_user("robot$team+ci"), "The robot account robot$team+ci."),
    ],
)
def test_who_asks_is_told(harbor, options, told):
    assert run(harbor, rights, **options) == told


@pytest.mark.parametrize("name", ["ada", "robot$team+ci"])
def test_what_may_be_done_in_the_configured_project_is_told(harbor, name):
    told = run(harbor, rights, namespace="team/base", **as_user(name))

    assert told.endswith("in the project team: pull, push, delete tags, delete images.")
    harbor.may_delete = False
    told = run(harbor, rights, namespace="team", **as_user(name))
    assert told.endswith("in the project team: pull, push.")


def test_a_proxy_cache_is_told(harbor):
    told = run(harbor, rights, namespace="hubcache", **as_user())

    assert "a proxy cache, which takes no pushes" in told


@pytest.mark.parametrize("reply", [(403, "forbidden"), (404, "not_found")])
@pytest.mark.parametrize(
    ("name", "who"), [("ada", "The user ada"), ("robot$team+ci", "The robot account robot$team+ci")]
)
def test_who_may_not_read_a_project_may_list_it_all_the_same(harbor, name, who, reply):
    status, words = reply
    harbor.planned[f"{HOST}{API}/projects/team"] = [answer(status, document(words))]

    async def work(registry):
        return await rights(registry), await listed("repositories")(registry)

    told, found = run(harbor, work, namespace="team", **as_user(name))

    assert told == f"{who}; what it may do in the project team cannot be told."
    assert PYTHON in {one.repository for one in found}


@pytest.mark.parametrize("nothing", [b"null", b"[]"])
def test_no_permissions_are_nothing(harbor, nothing):
    harbor.planned[f"{HOST}{API}/users/current/permissions"] = [answer(200, nothing)]

    assert run(harbor, rights, namespace="team", **as_user()).endswith("team: nothing.")


def test_rights_that_are_not_told_spoil_no_ping(harbor):
    harbor.planned[f"{HOST}{API}/users/current"] = [answer(200, b"<html>Sign in</html>")]

    assert run(harbor, rights, **as_user()).startswith("not told (")


# Harbor shows what is public to whom it does not know: that must not look like a login.


@pytest.mark.parametrize("kind", ["auto", "harbor"])
@pytest.mark.parametrize("name", ["ada", "robot$team+ci", "nobody"])
@pytest.mark.parametrize(
    "work",
    [
        listed("repositories"),
        listed("repositories", "library"),
        listed("tag_details", "library/nginx"),
        listed("search", "nginx", limit=3),
        listed("usage_records"),
        rights,
    ],
)
def test_a_wrong_password_is_not_anonymous(harbor, kind, name, work):
    harbor.held.add("library/nginx:1", plain_image("nginx"))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UnauthorizedError) as raised:
            run(harbor, work, kind=kind, **as_user(name, WRONG))

    assert repr(name) in str(raised.value)
    assert_hidden(raised.value, WRONG)


def test_a_robot_whose_time_is_over_is_not_anonymous(harbor, monkeypatch):
    elapsed = [0.0]
    real = time.monotonic
    monkeypatch.setattr(api.time, "monotonic", lambda: real() + elapsed[0])

    async def work(registry):
        for elapsed[0] in (0, 100, 299):
            await listed("repositories")(registry)
        asked = harbor.count(WHO)
        del harbor.users["robot$team+ci"]
        elapsed[0] = 301
        with pytest.raises(UnauthorizedError):
            await listed("repositories")(registry)
        with pytest.raises(UnauthorizedError):
            await listed("tag_details", "library/nginx")(registry)
        return asked

    assert run(harbor, work, **as_user("robot$team+ci")) == 1


def test_a_page_before_the_api_that_wants_another_login_is_no_word_on_this_one(harbor):
    harbor.held.add(f"{PYTHON}:1", plain_image("python"))
    page = answer(401, b"<html>Who are you?</html>", {"www-authenticate": 'Basic realm="gate"'})
    harbor.planned[f"{HOST}{API}/users/current"] = [page]

    with pytest.warns(UserWarning, match="no help with tag details"):
        found = run_known(harbor, listed("tag_details", PYTHON), **as_user())

    assert [one.tag for one in found] == ["1"]


def test_a_cli_secret_that_the_api_does_not_know_is_a_login_all_the_same(harbor):
    """Old versions take it for lists of projects, repositories and artifacts alone."""
    harbor.clients.add("ada")

    async def work(registry):
        lists = [listed("repositories"), listed("tag_details", PYTHON)]
        found = [await read(registry) for read in (*lists, listed("search", "python", limit=9))]
        return found, await rights(registry)

    (repositories, tags, found), told = run_known(harbor, work, **as_user())

    assert {one.repository for one in repositories} >= {"team/app", PYTHON, "library/nginx"}
    assert len(tags) == 4
    assert [one.repository for one in found] == [PYTHON, "team/python-tools"]
    assert "by a CLI secret" in told
    assert harbor.count(WHO) == 1


def test_what_the_api_does_not_tell_to_a_cli_secret_is_no_question_of_a_login(harbor):
    harbor.clients.add("ada")

    found = {one.namespace: one for one in run_known(harbor, listed("usage_records"), **as_user())}

    assert found["team"] == UsageRecord("harbor", "team")
    assert found["library"].repository_count == 1
    with pytest.raises(ForbiddenError, match="what is in the project team") as raised:
        run_known(harbor, listed("usage_records", "team"), **as_user())
    assert "robot account" in raised.value.hint
    assert "Log in" not in raised.value.hint


def test_with_a_cli_secret_an_empty_repository_is_empty(harbor):
    harbor.clients.add("ada")
    harbor.planned[f"{HOST}/v2/team/app/tags/list"] = [
        answer(200, {"name": "team/app", "tags": []})
    ] * 3

    with pytest.warns(UserWarning, match="no help with tag details"):
        assert run_known(harbor, listed("tag_details", "team/app"), **as_user()) == []


def test_a_token_goes_along_as_it_is(harbor):
    """With single sign-on, the API takes an identity token of the provider."""
    seen = []

    def api(request: httpx2.Request, path: str) -> httpx2.Response:
        seen.append(request.headers["authorization"])
        is_list = path.endswith("/artifacts")
        return answer(200, document("artifacts" if is_list else "current_user"))

    harbor.hosts[HOST] = api

    assert len(run_known(harbor, listed("tag_details", PYTHON), token="an.id.token")) == 4
    assert set(seen) == {"Bearer an.id.token"}


def test_a_token_that_is_the_registrys_alone_is_not_taken_for_somebody_at_the_api(harbor):
    """The API would show what is public, as to anybody."""

    def registrys(request: httpx2.Request, path: str) -> httpx2.Response:
        assert request.headers["authorization"] == "Bearer registrys.jwt"
        if path == "/v2/_catalog":
            return answer(200, {"repositories": ["library/nginx", "team/app"]})
        if path == "/v2/":
            return answer(200)
        assert path == f"{API}/users/current", "nothing else is to be asked"
        return answer(401, document("unauthorized"))

    harbor.hosts[HOST] = registrys

    with pytest.warns(UserWarning, match="no help with repositories.*takes no token"):
        found = run_known(harbor, listed("repositories"), token="registrys.jwt")

    assert [one.repository for one in found] == ["library/nginx", "team/app"]
    assert run_known(harbor, rights, token="registrys.jwt").startswith("not told (")


def test_no_secret_shows(harbor):
    async def work(registry):
        await listed("repositories")(registry)
        vendor = registry._vendor
        return repr(registry) + repr(vendor) + repr(vendor._api) + repr(vendor._api._caller)

    shown = run_known(harbor, work, **as_user())

    assert_hidden(shown, SECRET)
    assert "Basic" not in shown
    assert all(SECRET not in line for line in harbor.asked)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("path", [f"{HOST}{API}/users/current", ARTIFACTS])
def test_a_redirect_takes_no_credentials_along(harbor, status, path):
    seen = []

    def elsewhere(request: httpx2.Request, _path: str) -> httpx2.Response:
        seen.append(request.headers.get("authorization"))
        return answer(200, b"<html>Welcome</html>")

    harbor.hosts["elsewhere.example"] = elsewhere
    harbor.planned[path] = [answer(status, headers={"location": "https://elsewhere.example/x"})]
    harbor.held.add(f"{PYTHON}:1", plain_image("python"))

    with pytest.warns(UserWarning, match="no help"):
        run_known(harbor, listed("tag_details", PYTHON), **as_user())

    assert seen == [None]


def test_a_link_to_another_host_is_not_followed(harbor):
    link = {"x-total-count": "4", "link": '<https://elsewhere.example/x>; rel="next"'}
    harbor.planned[ARTIFACTS] = [answer(200, document("artifacts"), link)]

    assert len(run_known(harbor, listed("tag_details", PYTHON), **as_user())) == 4


def test_each_part_sees_only_what_is_its_own(harbor):
    # The replay refuses a registry's token at the API; and cookies, which it sets, everywhere.
    async def work(registry):
        for _ in range(2):
            await registry.ping()
            await listed("tag_details", PYTHON)(registry)
            await listed("tags", "library/nginx")(registry)

    harbor.held.add("library/nginx:1", plain_image("nginx"))
    run(harbor, work, **as_user())

    assert harbor.count(f"GET {URL}/service/token") == 2


@pytest.mark.parametrize(
    "reply",
    [
        answer(200, {"username": 7}),
        answer(200, {}),
        answer(200, b"Pong"),
    ],
)
def test_an_answer_that_says_not_who_asks_is_an_error(harbor, reply):
    harbor.planned[f"{HOST}{API}/users/current"] = [reply]

    with pytest.raises(ProtocolError) as raised:
        run_known(harbor, listed("usage_records"), **as_user())

    assert_hidden(raised.value, SECRET)


def assert_hidden(shown: RegistryError | str, secret: str) -> None:
    text = f"{shown!r} {shown}"
    if isinstance(shown, RegistryError):
        text += f" {vars(shown)} {shown.__cause__!r} {shown.__context__!r}"
    assert secret not in text
