"""The registry browser: what is done with selected tags, and with the registries themselves."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.widgets.test_dashboard import code as dashboard_code

SETUP = """
import json
import ipywidgets
import ghostnb
from ghostnb.widgets import RegistryBrowser

said = ipywidgets.Label("nothing yet")
def tell(*words):
    said.value = json.dumps(words)
fleet = ghostnb.Fleet([{configs}])
browser = RegistryBrowser(
    fleet, on_inspect=lambda *words: tell("inspect", *words),
    on_pull=lambda *words: tell("pull", *words), on_select=lambda: tell("selected"),
)
ipywidgets.VBox([browser, said])
"""


def code(*configs):
    return SETUP.format(configs=", ".join(f"ghostnb.RegistryConfig{one!r}" for one in configs))


@pytest.fixture
def page(show, demo_drift):
    page = show(code(("local-drift", demo_drift.url), ("on-disk", f"oci:{demo_drift.root}")))
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_text("Select a registry to view repositories.").wait_for()
    return page


def open_repository(page, registry, repository):
    page.get_by_role("grid", name="Registries").get_by_text(registry).click()
    # Until then, the rows are still those of the registry before.
    page.get_by_text("Select a repository to view tags.").wait_for()
    page.get_by_role("grid", name="Repositories").get_by_text(repository).click()


def copied(page):
    """Copy by the keyboard: from the rows, Tab leads to the bar, and More to the command."""
    more = page.get_by_role("button", name="More")
    page.get_by_role("grid", name="Tags").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if more.evaluate("button => button === document.activeElement"):
            break
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Copy pull command")
    for _ in range(2):
        if not button.evaluate("button => button === document.activeElement"):
            page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.get_by_text("Copied", exact=True).wait_for()
    page.keyboard.press("Escape")
    assert button.is_hidden()
    assert more.evaluate("button => button === document.activeElement")
    return page.evaluate("navigator.clipboard.readText()").splitlines()


def test_selected_tags_are_counted_copied_and_pulled(page, demo_drift, api_size):
    open_repository(page, "local-drift", "team/shop/api")
    tags = page.get_by_role("grid", name="Tags")
    row = tags.locator("[data-place]").filter(has=page.get_by_text("1.3", exact=True))
    row.get_by_text(api_size).wait_for()
    row.click()
    bar = page.get_by_role("group", name="Selected tags")
    bar.get_by_text(f"1 selected, {api_size}", exact=True).wait_for()
    page.keyboard.press("Shift+ArrowUp")
    bar.get_by_text("2 selected").wait_for()
    name = f"{demo_drift.host}/team/shop/api"
    lines = copied(page)
    assert set(lines) == {f"docker pull {name}:1.2", f"docker pull {name}:1.3"}

    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    told = '["pull", "local-drift", ["team/shop/api:1.2", "team/shop/api:1.3"]]'
    page.get_by_text(told, exact=True).wait_for()
    page.keyboard.press("Escape")
    bar.wait_for(state="hidden")
    assert tags.evaluate("grid => grid === document.activeElement")

    # What a daemon cannot pull, other tools copy.
    open_repository(page, "on-disk", "team/shop/api")
    tags.locator("[data-place]").first.click()
    assert page.get_by_role("button", name="Pull", exact=True).is_disabled()
    assert copied(page)[0].startswith(f"skopeo copy oci:{demo_drift.root}:team/shop/api:")


def test_a_registry_is_removed_once_that_is_confirmed(page):
    open_repository(page, "local-drift", "team/shop/api")
    page.get_by_role("grid", name="Tags").locator("[data-place]").first.wait_for()
    page.get_by_role("button", name="Remove", exact=True).focus()
    page.keyboard.press("Enter")
    page.get_by_role("group", name="Remove local-drift?").wait_for()
    # Whoever presses twice has not confirmed.
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Cancel").wait_for(state="hidden")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Cancel").wait_for(state="hidden")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text('["selected"]').wait_for()
    page.get_by_text("Select a registry to view repositories.").wait_for()
    page.get_by_text("Select a repository to view tags.").wait_for()
    registries = page.get_by_role("grid", name="Registries")
    expect(registries.get_by_text("local-drift")).to_have_count(0)
    assert page.get_by_label("Repository by name").is_disabled()

    # A question about one registry is none about another, or none.
    registries.get_by_text("on-disk").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    group = page.get_by_role("group", name="Remove on-disk?")
    group.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("No registries yet.").wait_for()
    page.get_by_text("Add one with the button below.").wait_for()
    page.get_by_role("button", name="Add registry").press("Enter")
    page.get_by_role("form", name="Add registry").wait_for()


def test_a_remembered_registry_is_forgotten_too(show, demo_drift, tmp_path):
    file = tmp_path / "registries.toml"
    entry = f'[[registries]]\nname = "{{}}"\nurl = "{demo_drift.url}"\n'
    file.write_text("".join(entry.format(name) for name in ("kept", "gone")))
    page = show(code().replace("ghostnb.Fleet([])", f"ghostnb.Fleet.from_config({str(file)!r})"))
    registries = page.get_by_role("grid", name="Registries")

    def forget(name):
        registries.get_by_text(name).click()
        page.get_by_text("Select a repository to view tags.").wait_for()
        page.get_by_role("button", name="Remove", exact=True).click()
        page.get_by_role("group", name=f"Remove {name}?").wait_for()
        page.get_by_role("button", name="Remove and forget").click()

    forget("gone")
    expect(registries.get_by_text("gone")).to_have_count(0)
    assert file.read_text() == entry.format("kept")

    # What cannot be forgotten is not removed either, and it is said why.
    file.write_text("[[registries]\n")
    forget("kept")
    page.get_by_text(f"{file} is not valid TOML").wait_for()
    assert registries.get_by_text("kept").is_visible()
    page.get_by_role("button", name="Remove", exact=True).click()
    group = page.get_by_role("group", name="Remove kept?")
    group.get_by_role("button", name="Remove", exact=True).click()
    expect(registries.get_by_text("kept")).to_have_count(0)


def test_where_nothing_may_be_copied_the_text_is_marked(page, demo_drift):
    open_repository(page, "local-drift", "team/shop/api")
    page.get_by_role("grid", name="Tags").locator("[data-place]").first.click()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.get_by_role("button", name="More").click()
    button = page.get_by_role("button", name="Copy pull command")
    button.focus()
    page.keyboard.press("Enter")
    page.get_by_text("Copied", exact=True).wait_for()
    assert page.evaluate("document.activeElement.textContent") == "Copied"
    page.get_by_text("Copy pull command", exact=True).wait_for()

    page.evaluate("document.execCommand = () => false")
    page.keyboard.press("Enter")
    page.get_by_text("Press Ctrl+C", exact=True).wait_for()
    field = page.get_by_role("textbox", name="Press Ctrl+C to copy")
    assert page.evaluate("getSelection().toString()").startswith(f"docker pull {demo_drift.host}/")
    field.press("Escape")
    field.wait_for(state="detached")
    assert page.evaluate("document.activeElement.type") == "button"


def test_a_daemon_is_not_offered_what_it_cannot_pull(show, demo_drift):
    on_disk = f'ghostnb.RegistryConfig("on-disk", "oci:{demo_drift.root}"),\n'
    page = show(dashboard_code(demo_drift).replace("Fleet([\n", f"Fleet([\n{on_disk}"))
    page.get_by_role("tab", name="Images").click()
    page.get_by_label("Search images").fill("shop/web")
    page.keyboard.press("Enter")
    for label in ("Pull", "Create container"):
        refused = page.get_by_role("button", name=f"{label} team/shop/web:latest from on-disk")
        refused.wait_for()
        assert refused.is_disabled()
        assert "A daemon pulls from no directory" in refused.get_attribute("title")
        name = f"{label} team/shop/web:latest from local-drift"
        assert page.get_by_role("button", name=name).is_enabled()
    card = page.get_by_role("listitem").filter(has_text="on-disk")
    card.get_by_role("button", name="Inspect team/shop/web:latest").click()
    details = page.get_by_role("region", name="Image details")
    details.get_by_role("heading", name="team/shop/web:latest").wait_for()
    assert details.get_by_role("button", name="Pull", exact=True).is_disabled()
    assert details.get_by_role("button", name="Create container").is_disabled()


def test_without_a_catalog_a_repository_is_typed(show, demo_drift):
    hub = code(("hub", demo_drift.url, None, None, False, "docker-hub"))
    page = show(hub.replace("ipywidgets.VBox", "browser.registry = 'gone'\nipywidgets.VBox"))
    # As a link may have it.
    page.get_by_text("There is no registry gone here.").wait_for()
    page.get_by_text("Select a repository to view tags.").wait_for()
    page.get_by_role("grid", name="Registries").get_by_text("hub", exact=True).click()
    page.get_by_text("hub offers no catalog.").wait_for()
    page.get_by_text("such as library/nginx").wait_for()
    field = page.get_by_label("Repository by name")
    field.fill("library/hello")
    field.press("Enter")
    tags = page.get_by_role("grid", name="Tags")
    tags.locator("[data-place]").first.wait_for()
    field.fill("team/shop/api")
    page.get_by_role("button", name="Show tags").click()
    tags.get_by_text("1.3", exact=True).wait_for()

    page.get_by_label("Filter tags").fill("nothing like it")
    page.get_by_text("Nothing matches the filter.").wait_for()


def test_every_button_follows_the_theme(page):
    colours = """[...document.querySelectorAll("button")].filter((one) => one.checkVisibility())
        .map((one) => getComputedStyle(one).color)"""
    light = page.evaluate(colours)
    page.evaluate("document.body.dataset.jpThemeLight = 'false'")
    assert len(light) > 5
    assert not set(light) & set(page.evaluate(colours))


def test_the_dashboard_pulls_what_is_selected_and_forgets_what_is_removed(show, demo_drift):
    page = show(dashboard_code(demo_drift))
    open_repository(page, "local-drift", "team/shop/api")
    tags = page.get_by_role("grid", name="Tags")
    tags.get_by_text("1.2", exact=True).click()
    tags.get_by_text("1.3", exact=True).click(modifiers=["Shift"])
    page.get_by_role("button", name="Pull", exact=True).click()
    for tag in ("1.2", "1.3"):
        page.get_by_role("article", name=f"local-drift/team/shop/api:{tag}").wait_for()

    page.get_by_role("tab", name="Registries").click()
    tags.locator("[data-place]").first.get_by_role("button", name="Inspect").click()
    page.get_by_role("heading", name="team/shop/api:1.0").wait_for()
    page.get_by_role("button", name="Remove", exact=True).click()
    question = page.get_by_role("group", name="Remove local-drift?")
    question.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_text("Select a tag and inspect it.").wait_for()
    page.wait_for_url(lambda url: "tag=" not in url and "registry=" not in url)
