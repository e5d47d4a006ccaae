"""The daemon's images pushed to registries: selected, planned, looked at, and pushed as a job."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing

import docker
import pandas as pd
import pytest
from playwright.sync_api import Page, expect

import ghostnb
from ghostnb import Engine, Fleet, RegistryClient, RegistryConfig
from ghostnb.errors import IncompleteError
from ghostnb.image_push import EngineImage, ImagePush
from ghostnb.widgets.engine_images import image_rows
from tests.engine.images import box
from tests.engine.proxies import proxy
from tests.parts.daemons import RunningDaemon, dockerd
from tests.parts.images import plain_image
from tests.parts.processes import find_program
from tests.parts.registries import Htpasswd, RunningRegistry, docker_registry
from tests.serving import wait_until
from tests.widgets.test_plans import fill, reach, tags
from tests.widgets.test_pull_jobs import Watched

CODE = """
import ghostnb
from ghostnb.widgets import Dashboard

fleet = ghostnb.Fleet([ghostnb.RegistryConfig(*one) for one in {registries}])
Dashboard(fleet, ghostnb.Engine("{engine}"))
"""
NAMES = ("team/api:1.0", "team/web:2.0", "team/web:2.1")


@pytest.fixture(scope="module")
def origin() -> Iterator[RunningRegistry]:
    """The registry from which the daemon has its images."""
    with docker_registry(hostname="localhost") as running:
        fill(running.url, {name: plain_image(name, size_bytes=60_000) for name in NAMES})
        fill(running.url, {"team/box:1": box()})
        yield running


@pytest.fixture(scope="module")
def daemon() -> Iterator[RunningDaemon]:
    with dockerd() as running:
        yield running


@pytest.fixture(scope="module")
def client(daemon: RunningDaemon) -> Iterator[docker.APIClient]:
    with closing(docker.APIClient(base_url=daemon.url, version="1.41")) as client:
        yield client


@pytest.fixture(scope="module")
def ids(origin: RunningRegistry, client: docker.APIClient) -> dict[str, str]:
    """What the daemon has: the id of each image by its name in the registry."""
    for name in (*NAMES, "team/box:1"):
        client.pull(f"{origin.host}/{name}")
    container = client.create_container(f"{origin.host}/team/box:1", "true", name="one")
    assert container["Id"]
    return {name: client.inspect_image(f"{origin.host}/{name}")["Id"] for name in NAMES}


@pytest.fixture
def target() -> Iterator[RunningRegistry]:
    with docker_registry(delete=True) as running:
        yield running


@pytest.fixture
def opened(show, daemon, ids):
    def open_page(*registries: tuple[str, ...]) -> Page:
        page = show(CODE.format(registries=repr(list(registries)), engine=daemon.url))
        page.get_by_role("tab", name="Containers").click()
        images(page).get_by_text("team/api:1.0").wait_for()
        return page

    return open_page


def images(page: Page):
    return page.get_by_role("grid", name="Images")


def row(page: Page, name: str):
    return images(page).locator("[data-place]").filter(has_text=name)


def select(page: Page, *names: str) -> None:
    for name in names:
        row(page, name).get_by_role("checkbox").click()
    page.get_by_role("group", name="Selected images").get_by_text(f"{len(names)} sel").wait_for()


def push(page: Page) -> None:
    bar = page.get_by_role("group", name="Selected images")
    bar.get_by_role("button", name="Push to…").click()


def inspected(registry: RunningRegistry, name: str) -> tuple[str, dict]:
    """Ask skopeo for an image's digest and manifest."""
    command = [find_program("skopeo", "skopeo"), "inspect", "--tls-verify=false"]
    where = f"docker://{registry.host}/{name}"
    run = {"capture_output": True, "check": True, "timeout": 60}
    raw = subprocess.run([*command, "--raw", where], **run).stdout
    digest = json.loads(subprocess.run([*command, where], **run).stdout)["Digest"]
    return digest, json.loads(raw)


def test_two_are_pushed_and_what_failed_is_pushed_again(opened, origin, target, client, ids):
    page = opened(("origin", origin.url), ("target", target.url))
    # One row a name, and which of them a container uses.
    assert row(page, "team/box:1").get_by_role("gridcell").last.inner_text() == "1"
    assert row(page, "team/api:1.0").get_by_role("gridcell").last.inner_text() == "0"
    select(page, "team/api:1.0", "team/web:2.0")
    push(page)
    form = page.get_by_role("form", name="Push 2 images")
    form.get_by_label("To registry").select_option("target")
    form.get_by_label("Namespace there").fill("not: one")
    form.get_by_role("button", name="Show plan").click()
    expect(form.get_by_label("Namespace there")).to_have_attribute("aria-invalid", "true")
    form.get_by_label("Namespace there").fill("mirror")
    form.get_by_role("button", name="Show plan").click()
    page.get_by_role("heading", name="Push 2 images to target").wait_for()
    plan = page.get_by_role("grid", name="Plan")
    plan.get_by_text("mirror/team/web", exact=True).wait_for()
    page.get_by_text("2 push", exact=True).wait_for()
    assert tags(target.url, "mirror/team/api") == {}

    client.remove_image(f"{origin.host}/team/web:2.0", force=True)
    page.get_by_role("button", name="Push 2 images", exact=True).click()
    job = page.get_by_role("article", name="Push 2 images to target")
    job.get_by_text("1 of 2 pushed, 1 failed.").wait_for()
    fault = job.get_by_role("listitem").filter(has_text="mirror/team/web:2.0:")
    assert "would not save" in fault.inner_text()
    assert tags(target.url, "mirror/team/web") == {}
    client.pull(f"{origin.host}/team/web:2.0")
    job.get_by_role("button", name="Retry").click()
    job.get_by_text("2 of 2 pushed.").wait_for()
    expect(job.get_by_role("listitem")).to_have_count(0)
    for name in ("team/api:1.0", "team/web:2.0"):
        digest, manifest = inspected(target, f"mirror/{name}")
        assert manifest["config"]["digest"] == ids[name]
        repository, _, tag = name.partition(":")
        assert tags(target.url, f"mirror/{repository}") == {tag: digest}


def test_by_the_keyboard_one_gets_another_name_and_the_registry_shows_it(
    opened, origin, target, ids
):
    fill(target.url, {"team/api:9": plain_image("another")})
    before = tags(target.url, "team/api")["9"]
    page = opened(("target", target.url))
    # The registry's tags are shown before, and are others afterwards.
    page.get_by_role("tab", name="Registries").click()
    page.get_by_role("grid", name="Registries").get_by_text("target", exact=True).click()
    page.get_by_role("grid", name="Repositories").get_by_text("team/api", exact=True).click()
    page.get_by_role("grid", name="Tags").get_by_text("9", exact=True).wait_for()
    page.get_by_role("tab", name="Containers").click()
    row(page, "team/api:1.0").wait_for()
    images(page).focus()
    page.get_by_label("Filter images").fill("api")
    reach(page, images(page))
    page.keyboard.press("Home")
    page.keyboard.press("Space")
    reach(page, page.get_by_role("button", name="Push to…"))
    page.keyboard.press("Enter")
    form = page.get_by_role("form", name=f"Push {origin.host}/team/api:1.0")
    expect(form.get_by_label("To registry")).to_be_focused()
    expect(form.get_by_label("Name there")).to_have_value("team/api:1.0")
    reach(page, form.get_by_label("Name there"))
    page.keyboard.press("Control+a")
    page.keyboard.type("team/api:9")
    page.keyboard.press("Enter")
    # What is there is named before it is overwritten.
    page.get_by_text("1 tag there is another image now, and will be overwritten.").wait_for()
    plan = page.get_by_role("grid", name="Plan")
    plan.get_by_text("update", exact=True).wait_for()
    plan.get_by_title(before).wait_for()
    button = page.get_by_role("button", name="Push 1 image", exact=True)
    expect(button).to_be_in_viewport()
    reach(page, button)
    page.keyboard.press("Enter")
    job = page.get_by_role("article", name="to target")
    job.get_by_text("1 of 1 pushed.").wait_for()
    digest, manifest = inspected(target, "team/api:9")
    assert manifest["config"]["digest"] == ids["team/api:1.0"]
    assert digest != before
    page.get_by_role("tab", name="Registries").click()
    page.get_by_role("grid", name="Tags").get_by_text("9", exact=True).click()
    page.get_by_role("grid", name="Tags").get_by_role("button", name="Inspect").click()
    details = page.get_by_role("region", name="Image details")
    details.get_by_title(digest).first.wait_for()


def test_what_is_there_already_is_not_pushed_again(opened, origin, target):
    # By its config, which a daemon's export has, whatever manifest the registry made of it.
    fill(target.url, {"team/api:9": plain_image("team/api:1.0", size_bytes=60_000)})
    page = opened(("target", target.url))
    select(page, "team/api:1.0")
    push(page)
    form = page.get_by_role("form", name=f"Push {origin.host}/team/api:1.0")
    form.get_by_label("Name there").fill("team/api:9")
    form.get_by_role("button", name="Show plan").click()
    page.get_by_text("Nothing is to be done: target has all of it.").wait_for()
    reach(page, page.get_by_role("button", name="Cancel"))
    page.keyboard.press("Enter")
    expect(images(page)).to_be_focused()


# Without a page


def planned(daemon, target, ids, *names, to=NAMES[0]):
    chosen = [EngineImage(ids[name], name, 120_000) for name in names]
    names = [to] if len(names) == 1 else names
    return ghostnb.run(ImagePush.look(Engine(daemon.url), target, chosen, names))


def applied(plan):
    steps = []
    ghostnb.run(plan.apply(progress=steps.append))
    return steps


def test_a_directory_takes_them_too_and_layers_are_told(daemon, ids, tmp_path):
    target = RegistryClient(f"oci:{tmp_path / 'layout'}")
    plan = planned(daemon, target, ids, *NAMES)
    assert list(plan.frame["action"]) == ["push"] * 3
    steps = applied(plan)
    assert list(plan.results["outcome"]) == ["done"] * 3
    assert {step.item for step in steps} > set(ids.values())
    overall = [step.overall_current_bytes for step in steps]
    assert overall == sorted(overall)
    assert overall[-1] <= steps[-1].overall_total_bytes == 3 * 120_000
    for name in NAMES:
        manifest = json.loads(ghostnb.run(target.image(name)).raw_manifest)
        assert manifest["config"]["digest"] == ids[name]
    assert list(planned(daemon, target, ids, *NAMES).frame["action"]) == ["keep"] * 3


def test_a_tag_that_changed_after_the_plan_stays(daemon, ids, target):
    client = RegistryClient(target.url)
    plan = planned(daemon, client, ids, NAMES[0], to="team/x:1")
    fill(target.url, {"team/x:1": plain_image("somebody else's")})
    before = tags(target.url, "team/x")
    applied(plan)
    assert list(plan.results["outcome"]) == ["skipped"]
    assert "plan it again" in plan.results["error"][0]
    assert tags(target.url, "team/x") == before


def test_cancelled_nothing_is_left_behind(daemon, ids, target, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with proxy(target.port, asking_pause_seconds=0.2) as line:
        fleet = Fleet([RegistryConfig("far", f"http://{line.host}")])
        queue = Watched(fleet, Engine(daemon.url))
        queue.apply("far", "Push", planned(daemon, fleet["far"], ids, NAMES[0]))
        wait_until(lambda: any(job["layers"] for job in queue.steps("1")))
        queue.press("cancel", 0)
        assert "Cancelled" in queue.wait(0, "cancelled")["text"]
        wait_until(lambda: not list(tmp_path.iterdir()))
        queue.press("retry", 0)
        assert queue.wait(0, "done", attempt=2)["text"] == "1 of 1 pushed."
        queue.close()
    assert list(tags(target.url, "team/api")) == ["1.0"]


def test_credentials_are_used_and_not_shown(daemon, ids):
    with docker_registry(auth=Htpasswd()) as locked:
        wrong = RegistryConfig("locked", locked.url, locked.username, "wrong-secret")
        right = RegistryConfig("locked", locked.url, locked.username, locked.password)
        plan = planned(daemon, RegistryClient(right), ids, NAMES[0])
        applied(plan)
        assert list(plan.results["outcome"]) == ["done"]
        with pytest.raises(ghostnb.UnauthorizedError) as caught:
            planned(daemon, RegistryClient(wrong), ids, NAMES[0])
    assert "wrong-secret" not in repr(caught.value) + str(plan.frame) + repr(plan)


def test_an_image_that_is_gone_is_one_fault_and_no_other(daemon, ids, target):
    ids = {**ids, NAMES[1]: f"sha256:{'0' * 64}"}
    plan = planned(daemon, RegistryClient(target.url), ids, *NAMES)
    with pytest.raises(IncompleteError):
        applied(plan)
    assert list(plan.results["outcome"]) == ["done", "failed", "done"]


def test_rows_say_who_uses_an_image():
    one, two, three = (f"sha256:{digit * 64}" for digit in "123")
    images = pd.DataFrame(
        {
            "id": [one, one, two, three],
            "repository": ["app", "host:5000/app", pd.NA, "new"],
            "tag": ["latest", "1", pd.NA, "1"],
            "digest": pd.NA,
            "size_bytes": 1,
            "created": pd.NaT,
        }
    )
    containers = pd.DataFrame({"image": ["app", "host:5000/app:1", "2" * 12, two, "gone:1"]})
    rows = image_rows(images, containers)
    assert list(rows["name"]) == ["app:latest", "host:5000/app:1", "(no name)", "new:1"]
    assert list(rows["key"]) == ["app:latest", "host:5000/app:1", two, "new:1"]
    assert list(rows["containers"]) == [2, 2, 2, 0]


def test_a_name_that_looks_like_an_id_is_a_name():
    ids = [f"sha256:db{'0' * 62}", f"sha256:{'1' * 64}"]
    images = pd.DataFrame(
        {
            "id": ids,
            "repository": ["app", "db"],
            "tag": "latest",
            "digest": pd.NA,
            "size_bytes": 1,
            "created": pd.NaT,
        }
    )
    rows = image_rows(images, pd.DataFrame({"image": ["db", "db0000000000", "db0"]}))
    assert list(rows["containers"]) == [1, 1]


def test_names_lose_their_host():
    names = {
        "nginx:1.27": "nginx:1.27",
        "bitnami/redis:7": "bitnami/redis:7",
        "localhost:5000/team/app:1": "team/app:1",
        "ghcr.io/team/app:1": "team/app:1",
        "": "",
    }
    assert {name: EngineImage("", name, 0).own_name for name in names} == names
