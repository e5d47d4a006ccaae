"""Add a registry by its form: tried, remembered, and its password in nobody's state."""

from __future__ import annotations

import base64
import json

import pytest
from playwright.sync_api import expect

from ghostnb import Fleet, run
from ghostnb.registries.vendors import KINDS
from ghostnb.widgets.registry_form import RegistryForm
from tests.parts.processes import free_port
from tests.serving import wait_until

CODE = """
import ipywidgets, json
import ghostnb
from ghostnb.widgets import RegistryBrowser

browser = RegistryBrowser(ghostnb.Fleet.from_config({file!r}))
said = ipywidgets.Label("")
look = ipywidgets.Button(description="Look")
def search(_):
    state = json.dumps(ipywidgets.Widget.get_manager_state())
    said.value = "found" if {secret!r} in state else "clean"
look.on_click(search)
ipywidgets.VBox([browser, look, said])
"""
TEXT = '# ours\n[[registries]]\nname = "down"\nurl = "http://localhost:{port}"\n'
LABEL = "Remember (password in the system keyring)"


@pytest.fixture
def file(tmp_path):
    file = tmp_path / "registries.toml"
    file.write_text(TEXT.format(port=free_port()))
    return file


def opened(show, file, secret="nb-s3cret"):
    page = show(CODE.format(file=str(file), secret=secret))
    page.get_by_role("button", name="Add registry").click()
    return page, page.get_by_role("form", name="Add registry")


def problem(form, label):
    field = form.locator(".ghostnb-field", has=form.page.get_by_label(label, exact=True))
    return field.locator(".ghostnb-problem")


def fill(form, **values):
    for label, value in values.items():
        form.get_by_label(label, exact=True).fill(value)


def test_a_registry_is_tried_and_remembered(show, file, keyring_service, htpasswd_registry):
    page, form = opened(show, file, htpasswd_registry.password)
    box = form.get_by_label(LABEL)
    form.get_by_text(f"In {file}, and the password in SecretService Keyring.").wait_for()
    assert not box.is_checked()

    def test_connection():
        form.get_by_role("button", name="Test connection").click()

    fill(form, Name="work", URL=f"http://localhost:{free_port()}")
    test_connection()
    problem(form, "URL").get_by_text("Cannot reach work at").wait_for()
    fill(form, URL=htpasswd_registry.url)
    test_connection()
    problem(form, "Username").get_by_text("UNAUTHORIZED").wait_for()
    fill(form, Username=htpasswd_registry.username, Password="wr0ng-secret")
    test_connection()
    problem(form, "Password").get_by_text("does not take the password of the user").wait_for()
    assert form.get_by_label("Password", exact=True).get_attribute("aria-invalid") == "true"
    fill(form, Password="env:NOT_SET")
    test_connection()
    problem(form, "Password").get_by_text("NOT_SET, which is not set").wait_for()
    fill(form, Password=htpasswd_registry.password)
    test_connection()
    form.get_by_text(f"It answers as {htpasswd_registry.username}").wait_for()

    box.focus()
    page.keyboard.press("Space")
    form.get_by_label("Name", exact=True).press("Enter")
    page.get_by_role("grid", name="Repositories").get_by_text("library/nginx").wait_for()
    page.get_by_role("button", name="Add registry").click()
    assert form.get_by_label("Password", exact=True).input_value() == ""
    assert not box.is_checked()
    page.get_by_role("button", name="Look").click()
    page.get_by_text("clean", exact=True).wait_for()

    assert htpasswd_registry.password not in file.read_text()
    assert file.read_text().startswith("# ours\n")
    assert list(keyring_service.passwords().values()) == [htpasswd_registry.password]
    # Another kernel reads it where it was put.
    assert run(Fleet.from_config(file)["work"].ping()).authenticated


def test_what_it_cannot_ask_all_for_is_no_kind_to_choose(show, file):
    _, form = opened(show, file)
    kinds = form.get_by_label("Kind", exact=True).locator("option")
    expect(kinds).to_have_count(len(KINDS))
    assert kinds.all_inner_texts()[:4] == ["Find out", "OCI distribution", "Docker Hub", "Drift"]
    assert kinds.evaluate_all("all => all.map((one) => one.value)") == list(KINDS)
    assert "agent" not in KINDS


def test_what_cannot_be_remembered_is_not_added(show, file, keyring_service, htpasswd_registry):
    page, form = opened(show, file)
    form.get_by_text("and the password in SecretService Keyring.").wait_for()
    text = file.read_text()
    keyring_service.lock()
    fill(form, Name="work", URL=htpasswd_registry.url, Username="ghost", Password="nb-s3cret")
    form.get_by_label(LABEL).check()
    form.get_by_role("button", name="Add", exact=True).click()
    problem(form, LABEL).get_by_text("The system keyring is locked. Nothing was saved").wait_for()
    assert file.read_text() == text
    assert page.get_by_role("grid", name="Registries").get_by_text("work").count() == 0

    form.get_by_label(LABEL).uncheck()
    form.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("grid", name="Registries").get_by_text("work").wait_for()
    assert file.read_text() == text


def test_without_a_keyring_it_is_said_why(show, file):
    _, form = opened(show, file)
    form.get_by_text("There is no system keyring here that works.").wait_for()
    assert form.get_by_label(LABEL).is_disabled()


def test_it_asks_for_what_a_known_vendor_needs(show, file):
    page, form = opened(show, file)
    assert form.get_by_label("Namespace").is_hidden()
    assert form.get_by_label("Profile").is_hidden()

    form.get_by_label("Kind").select_option("Docker Hub")
    form.get_by_label("Access token", exact=True).wait_for()
    assert form.get_by_label("URL").input_value() == "https://registry-1.docker.io"
    link = form.get_by_role("link", name="docs.docker.com")
    assert link.get_attribute("href").startswith("https://docs.docker.com/")
    assert link.get_attribute("rel") == "noopener noreferrer"
    form.get_by_label("Namespace").fill("acme")

    # It means something else there.
    form.get_by_label("Kind").select_option("Harbor")
    form.get_by_label("Project", exact=True).wait_for()
    expect(form.get_by_label("Project", exact=True)).to_have_value("")
    assert form.get_by_label("Token host").is_hidden()
    form.get_by_label("Kind").select_option("GitLab Container Registry")
    form.get_by_label("Token host").wait_for()

    # What stands there for one kind alone goes with it; what somebody typed does not.
    form.get_by_label("Kind").select_option("OCI distribution")
    form.get_by_label("Password", exact=True).wait_for()
    page.wait_for_function("document.querySelector('[name=url]').value === ''")
    assert form.get_by_label("Namespace").is_hidden()
    assert link.count() == 0
    fill(form, URL="https://mirror.example.com")
    form.get_by_label("Kind").select_option("Docker Hub")
    form.get_by_label("Namespace").wait_for()
    assert form.get_by_label("URL").input_value() == "https://mirror.example.com"


def test_it_knows_a_vendor_by_the_address_that_is_typed(show, file):
    page, form = opened(show, file)
    fill(form, URL="https://index.docker.io")
    page.keyboard.press("Tab")
    form.get_by_label("Access token", exact=True).wait_for()
    assert form.get_by_label("URL").input_value() == "https://index.docker.io"
    fill(form, URL="https://[half")
    page.keyboard.press("Tab")
    form.get_by_label("Password", exact=True).wait_for()


def test_a_namespace_is_kept_and_stands_in_no_state(show, file):
    page, form = opened(show, file, "acme-s3cret")
    form.get_by_label("Kind").select_option("Docker Hub")
    form.get_by_label("Namespace").wait_for()
    fill(form, Name="hub", Namespace="acme-s3cret", **{"Access token": "acme-s3cret"})
    fill(form, Username="ghost")
    form.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("grid", name="Registries").get_by_text("hub", exact=True).wait_for()
    page.get_by_role("button", name="Look").click()
    page.get_by_text("clean").wait_for()


def test_what_is_not_asked_for_any_more_is_not_taken():
    fleet, added = Fleet(), []
    form = RegistryForm(fleet, on_added=added.append, on_closed=lambda: None)
    typed = {"url": "https://registry-1.docker.io", "username": "", "password": ""}
    typed |= {"namespace": "acme", "profile": "work", "token_host": "t.example.com"}
    typed |= {"insecure": False, "remember": False}
    form._add({**typed, "name": "hub", "kind": "auto"})
    form._add({**typed, "name": "plain", "kind": "distribution"})
    assert added == ["hub", "plain"]
    assert [(one.config.namespace, one.config.profile) for one in fleet.values()] == [
        ("acme", None),
        (None, None),
    ]
    form.close()


def test_an_address_with_a_namespace_in_it_is_refused_at_its_field():
    fleet = Fleet()
    form = RegistryForm(fleet, on_added=lambda _: None, on_closed=lambda: None)
    typed = {"name": "packages", "url": "https://ghcr.io/acme", "kind": "auto", "username": ""}
    typed |= {"password": "", "namespace": "", "insecure": False, "remember": False}
    form._add(typed)
    assert list(form._state["problems"]) == ["url"]
    assert 'Write: url = "https://ghcr.io", namespace = "acme"' in form._state["problems"]["url"]
    assert len(fleet) == 0
    form.close()


def test_whose_login_is_found_on_this_machine_has_no_name_here(home, htpasswd_registry):
    pair = f"{htpasswd_registry.username}:{htpasswd_registry.password}".encode()
    auths = {htpasswd_registry.host: {"auth": base64.b64encode(pair).decode()}}
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text(json.dumps({"auths": auths}))
    form = RegistryForm(Fleet(), on_added=lambda _: None, on_closed=lambda: None)
    typed = {"name": "mine", "url": htpasswd_registry.url, "kind": "auto", "username": ""}
    typed |= {"password": "", "namespace": "", "profile": "", "insecure": False}
    form._test(typed)
    wait_until(lambda: form._state["kind"] not in ("", "working"))
    assert form._state["text"].startswith("It answers with a login found on this machine within ")
    form.close()
