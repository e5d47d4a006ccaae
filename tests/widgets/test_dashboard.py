"""The dashboard on a real registry, in a real browser."""

from __future__ import annotations

import re

from tests.parts.faults import faulty_server
from tests.parts.processes import free_port
from tests.parts.replies import error, reply

CODE = """
import ghostnb
from ghostnb.widgets import Dashboard

fleet = ghostnb.Fleet([
    ghostnb.RegistryConfig("local-drift", "{url}"),
    ghostnb.RegistryConfig("down", "http://localhost:{port}"),
])
dashboard = Dashboard(fleet, ghostnb.Engine("unix:///nowhere/docker.sock"))
dashboard
"""


BY_AGENT = """
import os
import ghostnb

os.environ["GHOSTNB_AGENT"], os.environ["GHOSTNB_AGENT_TOKEN"] = "{url}", "the-token"
ghostnb.Dashboard(engine=ghostnb.Engine("unix:///nowhere/docker.sock"))
"""


def code(drift):
    return CODE.format(url=drift.url, port=free_port())


def test_from_a_registry_to_a_layer_and_by_a_link_back(show, demo_drift, api_size):
    page = show(code(demo_drift))
    page.get_by_text("Select a registry to view repositories.").wait_for()
    page.get_by_role("grid", name="Registries").get_by_text("local-drift").click()
    page.get_by_role("grid", name="Repositories").get_by_text("team/shop/api").click()
    tags = page.get_by_role("grid", name="Tags")
    row = tags.locator("[data-place]").filter(has=page.get_by_text("1.3", exact=True))
    # Names come at once, and then what is known of those in sight.
    row.get_by_text(api_size).wait_for()
    row.get_by_role("button", name="Inspect").click()
    page.get_by_role("heading", name="team/shop/api:1.3").wait_for()
    page.get_by_role("tab", name="Layers").click()
    page.get_by_text(f"6 layers, {api_size}; 5 shared with other tags").wait_for()
    page.get_by_role("tab", name="History").click()
    assert page.get_by_text("no layer").first.is_visible()

    page.wait_for_url(re.compile("registry=local-drift.*repository=team%2Fshop%2Fapi.*tag=1.3"))
    page.goto(page.url)
    page.get_by_role("heading", name="team/shop/api:1.3").wait_for()


def test_a_registry_that_is_down_hides_no_other(show, demo_drift):
    page = show(code(demo_drift))
    registries = page.get_by_role("grid", name="Registries")
    registries.get_by_label("unreachable").wait_for()
    registries.get_by_text("down", exact=True).click()
    page.get_by_text("Cannot reach down at").wait_for()
    page.get_by_role("button", name="Retry").click()
    page.get_by_text("Cannot reach down at").wait_for()

    page.get_by_role("tab", name="Images").click()
    page.get_by_label("Search images").fill("shop/web")
    page.keyboard.press("Enter")
    page.get_by_text("1 found").wait_for()
    page.get_by_role("button", name="Retry down").wait_for()
    # Without a daemon it is said which was tried, and what to do.
    page.get_by_role("button", name="Pull team/shop/web:latest from local-drift").click()
    page.get_by_text("No container daemon answers at unix:///nowhere/docker.sock").wait_for()


def test_a_password_is_nobodys_state(show, demo_drift):
    state = "ipywidgets.Widget.get_manager_state()"
    page = show(
        "import ipywidgets, json\n"
        + code(demo_drift)
        + "said = ipywidgets.Label('')\n"
        + "look = ipywidgets.Button(description='Look')\n"
        + f"look.on_click(lambda _: setattr(said, 'value', "
        f"'found' if 's3cret' in json.dumps({state}) else 'clean'))\n"
        + "ipywidgets.VBox([dashboard, look, said])\n"
    )
    page.get_by_role("button", name="Add registry").click()
    form = page.get_by_role("form", name="Add registry")
    form.get_by_label("Name", exact=True).fill("mine")
    form.get_by_label("URL").fill("http://10.0.0.1:5000")
    form.get_by_label("Password", exact=True).fill("nb-s3cret")
    form.get_by_role("button", name="Add").click()
    form.get_by_text("allow insecure connections below").wait_for()
    form.get_by_label("URL").fill(demo_drift.url)
    form.get_by_role("button", name="Add").click()
    field = form.locator(".ghostnb-field", has=page.get_by_label("Username"))
    field.get_by_text("but no username").wait_for()
    form.get_by_label("Username").fill("ghost")
    form.get_by_label("URL").fill("http://10.0.0.1:5000")
    form.get_by_role("button", name="Add").click()
    form.get_by_text("is not encrypted").wait_for()
    page.get_by_role("button", name="Look").click()
    page.get_by_text("clean", exact=True).wait_for()

    form.get_by_label("URL").fill(demo_drift.url)
    form.get_by_role("button", name="Test connection").click()
    form.get_by_text("its kind is drift").wait_for()
    form.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("grid", name="Registries").get_by_text("mine").wait_for()
    page.get_by_role("grid", name="Repositories").get_by_text("library/hello").wait_for()
    page.get_by_role("button", name="Look").click()
    page.get_by_text("clean", exact=True).wait_for()


def test_an_agent_that_refuses_is_said_and_asked_again(show):
    entry = {"name": "by-agent", "kind": "docker-hub"}
    with faulty_server({"/api/v1/registries": error(401, "UNAUTHORIZED")}) as agent:
        page = show(BY_AGENT.format(url=agent.url))
        page.get_by_text("Give the agent's token").wait_for()
        agent.routes["/api/v1/registries"] = reply(json={"registries": [entry]})
        page.get_by_role("button", name="Retry").click()
        registries = page.get_by_role("grid", name="Registries")
        registries.get_by_text("by-agent", exact=True).wait_for()
