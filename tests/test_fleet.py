"""Several registries: a mapping, and answers although one is down and one hangs."""

import asyncio
import warnings
from collections.abc import Mapping

import pytest

from ghostnb import ConfigError, Fleet, RegistryClient, RegistryConfig, asking, fleet, run
from ghostnb.frames import LAYERS, REGISTRIES, SEARCH
from tests.parts.images import plain_image
from tests.parts.processes import free_port
from tests.parts.replies import hang, reply
from tests.serving import connections_to, hanging_server, serving_images, until, wait_until

KEYS = {"registry", "repository", "tag", "error", "message"}
IMAGES = {"x/app:1": plain_image("one"), "x/web:1": plain_image("two")}


def config(name: str, url: str) -> RegistryConfig:
    return RegistryConfig(name, url)


@pytest.fixture
def first():
    with serving_images(IMAGES) as server:
        yield server


@pytest.fixture
def second():
    with serving_images({"y/app:2": plain_image("three")}) as server:
        yield server


@pytest.fixture
def down():
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture
def little_patience(monkeypatch):
    monkeypatch.setattr(asking, "_PATIENCE_SECONDS", 0.5)


def test_a_fleet_is_a_mapping_of_clients_in_order():
    configs = [config("b", "http://localhost:1"), config("a", "http://localhost:2")]
    made = Fleet(configs)

    assert isinstance(made, Mapping)
    assert (list(made), len(made)) == (["b", "a"], 2)
    assert "a" in made
    assert "c" not in made
    assert made.get("c") is None
    assert isinstance(made["a"], RegistryClient)
    assert made["a"] is made["a"]
    assert [client.config for client in made.values()] == configs
    assert repr(made) == "<Fleet of b, a>"
    assert repr(Fleet()) == "<Fleet of no registries>"


def test_without_a_configuration_there_are_two():
    made = Fleet.from_config()

    assert {name: client.config.url for name, client in made.items()} == {
        "local-drift": "http://localhost:5000",
        "docker-hub": "https://registry-1.docker.io",
    }


@pytest.fixture(autouse=True)
def no_override(monkeypatch):
    monkeypatch.delenv("GHOSTNB_CONFIG")


def test_the_configuration_is_read_from_a_file(tmp_path, monkeypatch):
    file = tmp_path / "registries.toml"
    file.write_text('[[registries]]\nname = "team"\nurl = "https://r.example"\nusername = "me"\n')

    assert list(Fleet.from_config(file)) == ["team"]
    monkeypatch.setenv("GHOSTNB_CONFIG", str(file))
    assert Fleet.from_config()["team"].config.username == "me"


def test_a_registry_of_a_taken_name_is_refused_and_changes_nothing():
    made = Fleet([config("a", "http://localhost:1")])

    with pytest.raises(ConfigError, match="'a' already"):
        made.add(config("a", "http://localhost:2"))

    assert made["a"].config.url == "http://localhost:1"
    with pytest.raises(ConfigError):
        Fleet([config("a", "http://localhost:1")] * 2)


def test_adding_gives_the_client(first):
    made = Fleet()
    client = made.add(config("a", first.url))

    assert made["a"] is client
    assert len(run(client.repositories())) == 2


def test_what_is_no_configuration_is_a_type_error():
    with pytest.raises(TypeError, match="RegistryConfig"):
        Fleet(["http://localhost:1"])


def test_an_unknown_name_is_an_error_that_lists_those_there_are():
    made = Fleet([config("a", "http://localhost:1"), config("b", "http://localhost:2")])
    for call in (made.__getitem__, made.remove, lambda name: run(made.search("x", name))):
        with pytest.raises(KeyError, match=r"'c'; there are: a, b"):
            call("c")
    with pytest.raises(KeyError, match="none yet"):
        Fleet().remove("a")


def test_removing_closes_the_connections_and_frees_the_name(first):
    made = Fleet([config("a", first.url)])
    client = made["a"]
    run(client.ping())
    assert connections_to(first.port) == 1

    made.remove("a")

    assert list(made) == []
    wait_until(lambda: connections_to(first.port) == 0)
    made.add(config("a", first.url))


def test_a_context_closes_the_connections_of_all(first, second):
    async def work():
        async with Fleet([config("a", first.url), config("b", second.url)]) as made:
            await made.status()
            assert connections_to(first.port) == connections_to(second.port) == 1

    asyncio.run(work())

    assert connections_to(first.port) == connections_to(second.port) == 0


def test_registries_are_told_without_contact_or_credentials(first):
    secret = RegistryConfig("a", first.url, username="me-myself", password="s3cret")
    frame = Fleet([secret, RegistryConfig("b", "http://r.example", insecure=True)]).registries()

    assert list(frame.columns) == list(REGISTRIES)
    assert frame["name"].tolist() == ["a", "b"]
    assert frame["url"].tolist() == [first.url, "http://r.example"]
    assert frame["has_auth"].tolist() == [True, False]
    assert frame["insecure"].tolist() == [False, True]
    assert frame["kind"].tolist() == ["auto"] * 2
    assert frame["status"].isna().all()
    assert first.requests == []
    assert "s3cret" not in frame.to_csv()
    assert "me-myself" not in frame.to_csv()


@pytest.mark.usefixtures("little_patience")
def test_status_says_ok_or_what_is_wrong(first, down):
    with hanging_server() as silent:
        made = Fleet([config("up", first.url), config("down", down), config("mute", silent.url)])
        with pytest.warns(UserWarning, match="The status is not whole") as told:
            frame = run(made.status())

    up, refused, mute = frame["status"]
    assert list(frame.columns) == list(REGISTRIES)
    assert up == "ok"
    assert "connection refused" in refused
    assert "has not answered within 0.5 s" in mute
    assert [error["registry"] for error in frame.attrs["errors"]] == ["down", "mute"]
    assert len(told) == 1


@pytest.mark.usefixtures("little_patience")
def test_a_search_gives_what_the_others_found_though_one_is_down_and_one_hangs(first, second, down):
    with hanging_server() as silent:
        made = Fleet(
            [
                config("second", second.url),
                config("down", down),
                config("mute", silent.url),
                config("first", first.url),
            ]
        )
        with pytest.warns(UserWarning, match="The search is not whole") as told:
            frame = run(made.search("app"))

    assert list(frame.columns) == list(SEARCH)
    assert frame["registry"].tolist() == ["second", "first"]
    assert frame["repository"].tolist() == ["y/app", "x/app"]
    errors = frame.attrs["errors"]
    assert [(error["registry"], error["error"]) for error in errors] == [
        ("down", "TransportError"),
        ("mute", "TransportTimeoutError"),
    ]
    assert [set(error) for error in errors] == [KEYS] * 2
    assert "connection refused" in errors[0]["message"]
    assert ["down" in str(w.message) for w in told] == [True]


def test_a_search_tells_what_it_found_and_could_not_read(first, second):
    second.routes["/v2/y/app/tags/list"] = reply(401)
    made = Fleet([config("second", second.url), config("first", first.url)])
    with pytest.warns(UserWarning, match="The search is not whole"):
        frame = run(made.search("app"))

    assert frame["repository"].tolist() == ["y/app", "x/app"]
    [error] = frame.attrs["errors"]
    assert {**error, "message": ""} == {
        "registry": "second",
        "repository": "y/app",
        "tag": "",
        "error": "UnauthorizedError",
        "message": "",
    }


@pytest.mark.parametrize("ask", ["search", "status", "inventory"])
def test_a_mistake_of_ours_is_raised_itself_and_nothing_goes_on_behind_it(first, monkeypatch, ask):
    """One that is no error of a registry is a defect, to be seen as such."""
    ended = []

    async def wait_for_ever(*arguments, **options):
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            # as whoever has connections to close
            await asyncio.sleep(0.05)
            ended.append(True)
            raise

    async def fail(*arguments, **options):
        await asyncio.sleep(0.01)
        raise ZeroDivisionError("ours") from KeyError("its cause")

    async def either(registry, *arguments, **options):
        await (fail if registry.name == "bad" else wait_for_ever)()

    made = Fleet([config("slow", first.url), config("bad", first.url)])
    monkeypatch.setattr(fleet, "find_images", either)
    monkeypatch.setattr(fleet, "gather_layers", either)
    monkeypatch.setattr(RegistryClient, "ping", either)
    calls = {"search": lambda: made.search("x"), "status": made.status, "inventory": made.inventory}

    with pytest.raises(ZeroDivisionError, match="ours") as caught:
        run(calls[ask]())

    assert ended == [True]
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("ask", ["status", "inventory"])
def test_a_time_limit_that_is_not_the_fleets_is_not_told_as_its_patience(first, monkeypatch, ask):
    async def fail(*arguments, **options):
        raise TimeoutError("another's")

    made = Fleet([config("a", first.url)])
    monkeypatch.setattr(fleet, "gather_layers", fail)
    monkeypatch.setattr(RegistryClient, "ping", fail)

    with pytest.raises(TimeoutError, match="another's"):
        run({"status": made.status, "inventory": made.inventory}[ask]())


def test_a_search_of_one_registry_asks_no_other(first, second):
    made = Fleet([config("first", first.url), config("second", second.url)])
    frame = run(made.search("app", registry="first"))

    assert frame["registry"].tolist() == ["first"]
    assert frame.attrs["errors"] == []
    assert second.requests == []


def test_a_searchs_limit_is_for_each_registry(first, second):
    made = Fleet([config("first", first.url), config("second", second.url)])

    assert run(made.search("/", limit=1))["repository"].tolist() == ["x/app", "y/app"]


@pytest.mark.parametrize("registries", [0, 1])
def test_an_empty_query_is_a_value_error(first, registries):
    made = Fleet([config("first", first.url)][:registries])

    with pytest.raises(ValueError, match="empty"):
        run(made.search(" "))


def test_an_inventory_is_that_of_every_registry_in_order(first, second):
    seen = []
    made = Fleet([config("second", second.url), config("first", first.url)])
    frame = run(made.inventory(progress=lambda *numbers: seen.append(numbers)))

    assert frame["registry"].tolist() == ["second"] * 3 + ["first"] * 6
    assert frame["repository"].tolist() == ["y/app"] * 3 + ["x/app"] * 3 + ["x/web"] * 3
    assert frame.attrs["errors"] == []
    assert seen[-1] == (3, 3)


def test_an_inventory_takes_names_and_patterns(first, second):
    made = Fleet([config("second", second.url), config("first", first.url)])
    frame = run(made.inventory("*/app", tags="1"))

    assert set(zip(frame["registry"], frame["repository"], strict=True)) == {("first", "x/app")}


def test_an_inventory_tells_what_failed_in_whole_and_in_part(first, second, down):
    first.routes["/v2/x/web/manifests/1"] = reply(404)
    made = Fleet([config("first", first.url), config("down", down), config("second", second.url)])
    with pytest.warns(UserWarning, match="not whole") as told:
        frame = run(made.inventory())

    assert frame["repository"].unique().tolist() == ["x/app", "y/app"]
    assert len(told) == 1
    assert sorted((e["registry"], e["repository"], e["error"]) for e in frame.attrs["errors"]) == [
        ("down", "", "TransportError"),
        ("first", "x/web", "NotFoundError"),
    ]


def test_an_inventory_beside_an_empty_registry_is_no_exception(down):
    with serving_images({}) as empty, pytest.warns(UserWarning, match="not whole"):
        frame = run(Fleet([config("empty", empty.url), config("down", down)]).inventory())

    assert list(frame.columns) == list(LAYERS)
    assert [error["registry"] for error in frame.attrs["errors"]] == ["down"]


def test_a_fleet_of_no_registries_gives_empty_frames():
    made = Fleet()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frames = {
            tuple(REGISTRIES): [made.registries(), run(made.status())],
            tuple(SEARCH): [run(made.search("x"))],
            tuple(LAYERS): [run(made.inventory())],
        }
    run(made.aclose())

    for columns, found in frames.items():
        for frame in found:
            assert tuple(frame.columns) == columns
            assert frame.empty


@pytest.mark.parametrize("fault", [hang(), reply(json={"tags": ["1"]}, delay_seconds=0.6)])
@pytest.mark.usefixtures("little_patience")
def test_removing_a_registry_while_a_search_runs_leaves_the_others_answers(first, second, fault):
    second.routes["/v2/y/app/tags/list"] = fault
    made = Fleet([config("first", first.url), config("second", second.url)])

    async def both():
        searching = asyncio.ensure_future(made.search("app"))
        await until(lambda: second.count("/v2/y/app/tags/list") == 1)
        made.remove("second")
        return await searching

    with pytest.warns(UserWarning, match=r"The search is not whole .*second"):
        frame = asyncio.run(both())

    assert frame["registry"].tolist() == ["first"]
    assert list(made) == ["first"]
