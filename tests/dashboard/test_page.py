"""The dashboard's page in a real browser, as the command serves it."""

from __future__ import annotations

import re

import psutil
from playwright.sync_api import expect

from tests.dashboard.running import running_dashboard, write_config
from tests.parts.browsers import session
from tests.parts.processes import free_port

LIGHT, DARK = "rgb(255, 255, 255)", "rgb(22, 25, 30)"


def registries(page):
    return page.get_by_role("grid", name="Registries")


def open_page(page, url):
    page.goto(url)
    registries(page).get_by_label("reachable", exact=True).first.wait_for()


def ground(page):
    return page.evaluate("getComputedStyle(document.body).backgroundColor")


def test_a_link_leads_to_an_image_and_the_token_out_of_the_address(dashboard, page):
    place = "registry=local-drift&repository=team%2Fshop%2Fapi&tag=1.3"
    page.goto(f"{dashboard.link}&{place}")
    page.get_by_role("heading", name="team/shop/api:1.3").wait_for()
    page.wait_for_url(re.compile(f"/\\?(tab=\\w+&)?{place}"))
    assert dashboard.token not in page.url
    # The cookie opens it from now on, also where the link was followed from elsewhere.
    page.goto(page.url)
    page.get_by_role("heading", name="team/shop/api:1.3").wait_for()
    assert page.title() == "ghostnb"


def test_the_address_is_of_what_is_shown(dashboard, page):
    place = "registry=local-drift&repository=team%2Fshop%2Fapi&tag=1.3"
    page.goto(f"{dashboard.link}&{place}")
    page.get_by_role("heading", name="team/shop/api:1.3").wait_for()
    page.get_by_role("grid", name="Repositories").get_by_text("team/shop/web").click()
    page.get_by_text("Select a tag and inspect it.").wait_for()
    page.wait_for_url(re.compile("repository=team%2Fshop%2Fweb$"))
    # What search has found has an address, too.
    page.get_by_role("tab", name="Images").click()
    page.get_by_label("Search images").fill("ml/trainer")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Inspect ml/trainer:latest").click()
    page.get_by_role("heading", name="ml/trainer:latest").wait_for()
    page.wait_for_url(re.compile("registry=local-drift&repository=ml%2Ftrainer&tag=latest$"))


def test_the_browsers_back_button_goes_back_to_what_was_selected(dashboard, page):
    open_page(page, dashboard.link)
    registries(page).get_by_text("local-drift").click()
    repositories = page.get_by_role("grid", name="Repositories")
    repositories.get_by_text("team/shop/api").click()
    row = page.get_by_role("grid", name="Tags").locator("[data-place]").first
    row.get_by_role("button", name="Inspect").click()
    page.get_by_role("heading", name="team/shop/api:1.0").wait_for()
    page.wait_for_url(re.compile("tag=1.0$"))
    # What is done soon after coming is one step with it.
    page.wait_for_timeout(2000)
    repositories.get_by_text("team/shop/web").click()
    page.wait_for_url(re.compile("repository=team%2Fshop%2Fweb$"))
    page.get_by_role("tab", name="Images").click()
    page.wait_for_url(re.compile("tab=Images"))
    page.go_back()
    repositories.get_by_text("team/shop/web").wait_for()
    page.go_back()
    page.get_by_role("heading", name="team/shop/api:1.0").wait_for()
    page.wait_for_url(re.compile("repository=team%2Fshop%2Fapi&tag=1.0$"))
    page.go_forward()
    page.get_by_text("Select a tag and inspect it.").wait_for()


def test_a_link_brings_what_it_selects_into_sight(dashboard, page):
    page.goto(f"{dashboard.link}&registry=local-drift&repository=team/shop/worker&tab=nonsense")
    row = page.get_by_role("grid", name="Repositories").locator("[aria-selected=true]")
    row.get_by_text("team/shop/worker").wait_for()
    expect(row).to_be_in_viewport(ratio=0.9)
    page.wait_for_url(re.compile("tab=Registries"))


def test_the_chosen_platform_is_what_is_pulled(dashboard, page):
    place = "registry=local-drift&repository=team%2Fshop%2Fapi&tag=2.0"
    page.goto(f"{dashboard.link}&{place}")
    details = page.get_by_role("region", name="Image details")
    details.get_by_label("Platform").select_option("linux/arm64/v8")
    details.get_by_text("--platform=linux/arm64/v8").first.wait_for(state="attached")
    details.get_by_role("button", name="Pull", exact=True).click()
    page.get_by_role("article", name="local-drift/team/shop/api:2.0 (linux/arm64/v8)").wait_for()


def test_without_the_token_one_is_asked_for_it_and_led_back(dashboard, page, watch):
    page.goto(f"{dashboard.url}?tab=Images")
    page.get_by_label("Token").fill("guess")
    page.get_by_role("button", name="Open").click()
    page.get_by_text("That is not its token.").wait_for()
    # Chromium itself notes the refusal.
    assert all("401" in error for error in watch.errors)
    watch.errors.clear()
    page.get_by_label("Token").fill(dashboard.token)
    page.keyboard.press("Enter")
    page.get_by_label("Search images").wait_for()


def test_the_theme_is_the_systems_until_another_is_chosen(dashboard, browser, watch):
    with session(browser, watch, color_scheme="dark") as page:
        open_page(page, dashboard.link)
        assert ground(page) == DARK
        page.get_by_role("button", name="Light theme").click()
        assert ground(page) == LIGHT
        open_page(page, dashboard.url)
        assert ground(page) == LIGHT
        open_page(page, f"{dashboard.url}?theme=dark")
        assert ground(page) == DARK


def test_two_sessions_are_apart(dashboard, browser, watch, demo_drift):
    with session(browser, watch) as one, session(browser, watch) as other:
        open_page(one, dashboard.link)
        open_page(other, dashboard.link)
        one.get_by_role("button", name="Add registry").click()
        form = one.get_by_role("form", name="Add registry")
        form.get_by_label("Name", exact=True).fill("only-here")
        form.get_by_label("URL").fill(demo_drift.url)
        form.get_by_role("button", name="Add", exact=True).click()
        registries(one).get_by_text("only-here").wait_for()
        registries(other).get_by_text("local-drift").click()
        grid = other.get_by_role("grid", name="Repositories")
        grid.get_by_text("team/shop/api").wait_for()
        expect(registries(other).get_by_text("only-here")).to_have_count(0)
        expect(one.get_by_text("team/shop/api")).to_have_count(1)


def test_kernels_end_when_their_pages_close(tmp_path, demo_drift, browser, watch):
    config = write_config(tmp_path, local_drift=demo_drift.url)
    with running_dashboard(tmp_path, config) as running, session(browser, watch) as page:
        first = running.wait_for_kernels(1)
        open_page(page, running.link)
        running.wait_for_kernels(2)
        # The first page's ends, and another waits for the next.
        open_page(page, running.url)
        running.wait_for_kernels(2)
        assert not first & running.kernels()
        page.goto("about:blank")
        running.wait_for_kernels(1)


def test_a_kernel_that_died_is_nobodys_page(tmp_path, demo_drift, browser, watch):
    config = write_config(tmp_path, local_drift=demo_drift.url)
    with running_dashboard(tmp_path, config) as running, session(browser, watch) as page:
        (waiting,) = running.wait_for_kernels(1)
        psutil.Process(waiting).kill()
        open_page(page, running.link)
        running.wait_for_kernels(2)
        for kernel in running.kernels():
            psutil.Process(kernel).kill()
        page.get_by_text("This page's kernel has ended.").wait_for()
        page.get_by_role("button", name="Reload").click()
        registries(page).get_by_label("reachable", exact=True).wait_for()
        running.wait_for_kernels(2)
        # Chromium itself notes that the kernel was asked for, and not there.
        assert all("404" in error for error in watch.errors)
        watch.errors.clear()


def test_a_server_that_ended_is_told(tmp_path, demo_drift, browser, watch):
    config = write_config(tmp_path, local_drift=demo_drift.url)
    with session(browser, watch) as page:
        with running_dashboard(tmp_path, config) as running:
            open_page(page, running.link)
            assert page.get_by_role("alert").count() == 0
        page.get_by_text("The dashboard does not answer.").wait_for()
        page.goto("about:blank")
    assert all("ERR_CONNECTION_REFUSED" in error for error in watch.errors), watch.errors
    watch.errors.clear()


def test_what_was_configured_after_the_kernel_started_is_there(
    tmp_path, demo_drift, browser, watch
):
    config = write_config(tmp_path, down=f"http://localhost:{free_port()}")
    with running_dashboard(tmp_path, config) as running:
        running.wait_for_kernels(1)
        # By now its cell may have run: what is told then must not be what was true then.
        write_config(tmp_path, local_drift=demo_drift.url)
        with session(browser, watch) as page:
            open_page(page, running.link)
            expect(registries(page).get_by_text("down", exact=True)).to_have_count(0)
            registries(page).get_by_text("local-drift").click()
            page.get_by_text("team/shop/api").wait_for()


def test_a_configuration_that_cannot_be_read_is_told(tmp_path, demo_drift, browser, watch):
    config = write_config(tmp_path, local_drift=demo_drift.url)
    good = config.read_text()
    with running_dashboard(tmp_path, config) as running, session(browser, watch) as page:
        running.wait_for_kernels(1)
        config.write_text("[[registries]]\nnam = 'x'\n")
        page.goto(running.link)
        page.get_by_text("unknown key 'nam'").wait_for()
        # The next kernel has known nothing else.
        running.wait_for_kernels(2)
        config.write_text("[[registries]]\nnem = 'x'\n")
        page.goto(running.url)
        # Read again once somebody had come, and not before: now Retry is the next to read.
        page.get_by_text("unknown key 'nem'").wait_for()
        config.write_text(good)
        page.get_by_role("button", name="Retry").click()
        registries(page).get_by_label("reachable", exact=True).wait_for()
        expect(page.get_by_text("unknown key")).to_be_hidden()
